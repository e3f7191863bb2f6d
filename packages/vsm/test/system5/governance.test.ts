import { expect, test } from 'vitest'
import { readGovernance } from '../../src/index.ts'

test('a group that has said nothing has no identity to contradict, and gives little without a person', () => {
  const { identity, policy, flaws } = readGovernance({ alertTerms: {} })
  expect(flaws).toEqual([])
  expect(identity).toEqual({ name: '', purpose: '', keep: [], concurrencyMax: null, never: [] })
  expect(policy).toMatchObject({
    resourced: ['system3', 'system4'],
    accept: { weight: 4, concurrency: 0, witnesses: 2, capability: true },
    evidence: { probability: 0.8, samples: 3 },
    holdMs: 3_600_000,
    checkMs: 120_000,
  })
})

test('what is said is taken, the rest is as by default, and an identity lowers the ceiling that nobody set', () => {
  const { policy, flaws } = readGovernance({
    identity: { name: 'mill', purpose: 'grinds', keep: ['plc'], concurrencyMax: 16, never: ['shell*'] },
    system5: { accept: { weight: 3 }, nodeWeight: 1, hold: '10m', check: '15s' },
  })
  expect(flaws).toEqual([])
  expect(policy).toMatchObject({
    concurrencyMax: 16,
    nodeWeight: 1,
    holdMs: 600_000,
    checkMs: 15_000,
    accept: { weight: 3, concurrency: 0 },
  })
})

test.for<[string, Record<string, unknown>, string]>([
  ['an identity without a purpose', { identity: { name: 'mill' } }, 'identity.purpose:'],
  ['a statement that nobody could check', { identity: { name: 'mill', purpose: 'x', mood: 'good' } }, 'identity: '],
  ['a unit that is no name', { identity: { name: 'm', purpose: 'x', keep: ['A B'] } }, 'identity.keep.0:'],
  ['a pattern with a star in the middle', { identity: { name: 'm', purpose: 'x', never: ['a*b'] } }, 'identity.never.0:'],
  ['a name that moves the cursor', { identity: { name: '\u001B[2J', purpose: 'x' } }, 'identity.name:'],
  ['a share above one', { system5: { evidence: { probability: 1.5 } } }, 'system5.evidence.probability:'],
  ['a number that is none', { system5: { weightMax: Number.NaN } }, 'system5.weightMax:'],
  ['a negative ceiling', { system5: { concurrencyMax: -1 } }, 'system5.concurrencyMax:'],
  ['a duration that is none', { system5: { hold: 'long' } }, 'system5.hold: "long" is not a duration'],
  ['a duration out of bounds', { system5: { hold: '1ms' } }, 'system5.hold: 1ms is not between'],
  ['a side that there is not', { system5: { resourced: ['system2'] } }, 'system5.resourced.0:'],
  ['a policy that nobody knows', { system5: { mood: 1 } }, 'system5: '],
  [
    'a policy that contradicts the identity',
    { identity: { name: 'm', purpose: 'x', concurrencyMax: 8 }, system5: { concurrencyMax: 9 } },
    'system5.concurrencyMax (9) contradicts identity.concurrencyMax (8)',
  ],
  ['more without a person than with one', { system5: { weightMax: 2, nodeWeight: 1 } }, 'system5.accept.weight is above'],
  ['a node that gives itself more than its group does', { system5: { accept: { weight: 1.5 } } }, 'system5.nodeWeight is above'],
  [
    'a balance that would tremble',
    { system5: { balance: { starvedBelow: 0.4, fedAbove: 0.4 } } },
    'system5.balance.starvedBelow',
  ],
  ['an effect looked for after it is over', { system5: { hold: '1m', check: '1m' } }, 'system5.check is not shorter'],
])('%s is named', ([_what, policies, flaw]) => {
  const { flaws } = readGovernance(policies)
  expect(flaws.join('\n')).toContain(flaw)
})

test('an identity that cannot be read is none, not an empty one', () => {
  expect(readGovernance({ identity: 7 }).identity).toBeUndefined()
})
