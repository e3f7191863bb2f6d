import type { Proposal } from '@vsmcp/kernel'
import { describe, expect, it, test } from 'vitest'
import { type Balance, EVEN, rule, ruleByPerson, type Situation, waitsForPerson } from '../../src/index.ts'
import { costOf, probabilityNeeded } from '../../src/system5/ruling.ts'
import { governed, lack, proposal } from '../support/proposal-fixture.ts'

const situation = (change: Partial<Situation> = {}): Situation => ({
  governance: governed(),
  balance: EVEN,
  inForce: { system3: 0, system4: 0 },
  searches: 0,
  nowMs: 100,
  ...change,
})
const identity = { name: 'mill', purpose: 'grinds', keep: ['files'], concurrencyMax: 16, never: ['shell', 'exec*'] }
const quarantine = (change: Partial<Proposal> = {}): Proposal =>
  proposal({
    kind: 'quarantine',
    asked: 1,
    held: 8,
    peer: 'a',
    evidence: { probability: 0.999999, samples: 5, figures: [], text: '' },
    ...change,
  })

test('what is within the policies and well borne out is accepted', () => {
  expect(rule(proposal(), situation())).toEqual({
    verdict: 'accepted',
    clause: 'policy.accept',
    reason: 'within what the policies give',
  })
  expect(rule(lack(), situation()).verdict).toBe('accepted')
})

describe('each rule, in its order', () => {
  it.each<[string, Proposal, Partial<Situation>, string, string]>([
    ['what waited too long', proposal(), { nowMs: 1_000_000 }, 'refused', 'expiry'],
    ['quarantine of what is kept', quarantine(), { governance: governed({ identity }) }, 'refused', 'identity.keep'],
    [
      'less weight for what is kept',
      proposal({ asked: 0.5 }),
      { governance: governed({ identity }) },
      'refused',
      'identity.keep',
    ],
    [
      'more at once than the identity allows',
      proposal({ kind: 'concurrency', asked: 17 }),
      { governance: governed({ identity }) },
      'refused',
      'identity.concurrencyMax',
    ],
    [
      'a tool that is never sought',
      lack({ subject: 'shell' }),
      { governance: governed({ identity }) },
      'refused',
      'identity.never',
    ],
    ['nor by its pattern', lack({ subject: 'execute_now' }), { governance: governed({ identity }) }, 'refused', 'identity.never'],
    [
      'anything while the policies cannot be read',
      proposal(),
      { governance: governed({ system5: { mood: 1 } }) },
      'deferred',
      'policy.unreadable',
    ],
    [
      'also an identity that cannot be read',
      proposal(),
      { governance: governed({ identity: 1 }) },
      'deferred',
      'policy.unreadable',
    ],
    [
      'a contradiction of the identity though the policies cannot be read',
      quarantine(),
      { governance: governed({ identity, system5: 1 }) },
      'refused',
      'identity.keep',
    ],
    ['more than anybody is given', proposal({ asked: 9 }), {}, 'refused', 'policy.weightMax'],
    ['more at once than anybody is given', proposal({ kind: 'concurrency', asked: 129 }), {}, 'refused', 'policy.concurrencyMax'],
    [
      'what the policies resource nobody for',
      lack(),
      { governance: governed({ system5: { resourced: ['system3'] } }) },
      'refused',
      'policy.resourced',
    ],
    [
      'what was seen too seldom',
      proposal({ evidence: { probability: 1, samples: 2, figures: [], text: '' } }),
      {},
      'deferred',
      'policy.evidence',
    ],
    [
      'what is too uncertain',
      proposal({ evidence: { probability: 0.7, samples: 9, figures: [], text: '' } }),
      {},
      'deferred',
      'policy.evidence',
    ],
    ['more weight than is given without a person', proposal({ asked: 5, held: 4 }), {}, 'deferred', 'policy.accept'],
    [
      'calls beyond the terms of the attach, which its owner set for a reason',
      proposal({ kind: 'concurrency', asked: 2 }),
      {},
      'deferred',
      'policy.accept',
    ],
    ['quarantine that one node alone wants', quarantine(), {}, 'deferred', 'policy.accept'],
    [
      'a search where people want to be asked',
      lack(),
      { governance: governed({ system5: { accept: { capability: false } } }) },
      'deferred',
      'policy.accept',
    ],
    ['one more than may be in force', proposal(), { inForce: { system3: 9, system4: 7 } }, 'deferred', 'policy.directives'],
    ['one more search than may be', lack(), { searches: 16 }, 'deferred', 'policy.directives'],
  ])('%s: not accepted', (_what, asked, change, verdict, clause) => {
    expect(rule(asked, situation(change))).toMatchObject({ verdict, clause })
  })

  it('searches, which cost nothing, take no place from what does, nor the other way round', () => {
    expect(rule(proposal(), situation({ searches: 64 })).verdict).toBe('accepted')
    expect(rule(lack(), situation({ inForce: { system3: 16, system4: 16 } })).verdict).toBe('accepted')
  })

  it('a unit that two nodes caught lying is put into quarantine without a person', () => {
    expect(rule(quarantine({ seconds: ['c'] }), situation()).verdict).toBe('accepted')
  })
})

test('the costlier, the surer it has to be: from the least probability to 0.99', () => {
  const needed = (change: Partial<Proposal>): number => probabilityNeeded(proposal(change), situation())
  expect(needed({ asked: 1 })).toBeCloseTo(0.8)
  expect(needed({ asked: 2 })).toBeCloseTo(0.8 + 0.19 / 7)
  expect(needed({ asked: 4, held: 2 })).toBeCloseTo(0.8 + 0.19 / 3)
  expect(needed({ asked: 8, held: 4 })).toBeCloseTo(0.99)
  expect(costOf({ kind: 'capability', asked: 1e9, held: 0 }, governed().policy)).toBe(0)
  expect(costOf({ kind: 'quarantine', asked: 1, held: 8 }, governed().policy)).toBe(1)
  expect(costOf({ kind: 'weight', asked: 9, held: 8 }, governed().policy)).toBe(1)
})

describe('the balance of 3 and 4', () => {
  const starving = (starved: Balance['starved']): Balance => ({ ...EVEN, starved })

  it('keeps half of the places for the side that starves', () => {
    const balance = starving('system4')
    expect(rule(proposal(), situation({ balance, inForce: { system3: 7, system4: 0 } })).verdict).toBe('accepted')
    expect(rule(proposal(), situation({ balance, inForce: { system3: 8, system4: 0 } }))).toMatchObject({
      verdict: 'deferred',
      clause: 'balance',
    })
    const room = proposal({ from: 'system4' })
    expect(rule(room, situation({ balance, inForce: { system3: 8, system4: 0 } })).verdict).toBe('accepted')
    expect(rule(proposal(), situation({ inForce: { system3: 8, system4: 0 } })).verdict).toBe('accepted')
  })

  it('asks the side that starves for no more than the least probability, whatever it costs', () => {
    const costly = proposal({ asked: 4, evidence: { probability: 0.85, samples: 9, figures: [], text: '' } })
    expect(rule(costly, situation()).clause).toBe('policy.evidence')
    expect(rule(costly, situation({ balance: starving('system3') })).verdict).toBe('accepted')
  })
})

describe('a person', () => {
  it('gives what the policies do not give by themselves, and refuses for any reason', () => {
    const asked = proposal({ kind: 'concurrency', asked: 2 })
    expect(ruleByPerson(asked, true, 'it can take it', situation())).toEqual({
      verdict: 'accepted',
      clause: 'person',
      reason: 'it can take it',
    })
    expect(ruleByPerson(asked, false, 'no', situation())).toMatchObject({ verdict: 'refused', clause: 'person', reason: 'no' })
  })

  it('cannot give what the identity or a ceiling forbids, nor anything while the identity cannot be read', () => {
    const by = (policies: Record<string, unknown>, asked: Proposal) =>
      ruleByPerson(asked, true, 'y', situation({ governance: governed(policies) }))
    expect(by({ identity }, quarantine())).toMatchObject({ verdict: 'refused', clause: 'identity.keep' })
    expect(by({}, proposal({ asked: 9 }))).toMatchObject({ verdict: 'refused', clause: 'policy.weightMax' })
    expect(by({ identity: 1 }, proposal())).toMatchObject({ verdict: 'refused', clause: 'identity' })
    expect(ruleByPerson(proposal(), true, 'y', situation({ nowMs: 2e6 })).clause).toBe('expiry')
  })

  it('is waited for where the policies say so, and not where evidence, place or balance are wanting', () => {
    expect(waitsForPerson({ verdict: 'deferred', clause: 'policy.accept' })).toBe(true)
    expect(waitsForPerson({ verdict: 'deferred', clause: 'policy.unreadable' })).toBe(true)
    expect(waitsForPerson({ verdict: 'deferred', clause: 'policy.evidence' })).toBe(false)
    expect(waitsForPerson({ verdict: 'accepted', clause: 'policy.accept' })).toBe(false)
  })
})
