import type { Proposal } from '@vsmcp/kernel'
import { expect, test } from 'vitest'
import { type Listed, Obedience } from '../../src/index.ts'
import { decision, directive, given, governed, proposal } from '../support/proposal-fixture.ts'

const identity = { name: 'mill', purpose: 'grinds', keep: ['files'], concurrencyMax: 8 }
const step = (listed: Listed, policies: Record<string, unknown> = {}, nowMs = 200, obedience = new Obedience()) =>
  obedience.step(listed, governed(policies), nowMs)

test('what is in force is obeyed, each kind for its unit', () => {
  const byPerson = { decision: decision({ by: 'person' }) }
  const listed: Listed = [
    ['w', given()],
    ['c', given({ kind: 'concurrency', ...byPerson }, { value: 6.7, sequence: 9 })],
    ['q', given({ kind: 'quarantine', subject: 'mail', ...byPerson }, { value: 1 })],
    ['open', proposal({ subject: 'other' })],
  ]
  const { orders, refusals } = step(listed)
  expect([...orders]).toEqual([
    ['files', { weight: 2, concurrency: 6, by: ['w', 'c'] }],
    ['mail', { isQuarantined: true, by: ['q'] }],
  ])
  expect(refusals).toEqual([])
})

test('nothing is obeyed after its time, nor what had no effect; what had one is, to its end', () => {
  const closed = (outcome: 'met' | 'unmet' | 'lapsed' | 'refused') => given({ closure: { outcome, reason: '', atMs: 150 } })
  const isObeyed = (each: Proposal, nowMs = 200): boolean => step([['x', each]], {}, nowMs).orders.size === 1
  expect(isObeyed(given(), 99_999)).toBe(true)
  expect(isObeyed(given(), 100_000)).toBe(false)
  expect(isObeyed(closed('met'))).toBe(true)
  for (const outcome of ['unmet', 'lapsed', 'refused'] as const) expect(isObeyed(closed(outcome))).toBe(false)
})

test.for<[string, Proposal, Record<string, unknown>, string]>([
  [
    'quarantine of what the identity keeps',
    given({ kind: 'quarantine', decision: decision({ by: 'person' }) }),
    { identity },
    'identity.keep',
  ],
  [
    'more calls at once than the identity allows, whoever decided it',
    given({ kind: 'concurrency', decision: decision({ by: 'person' }) }, { value: 9 }),
    { identity },
    'identity.concurrencyMax',
  ],
  ['more than anybody is given', given({}, { value: 9 }), {}, 'policy.weightMax'],
  ['by the policies what is for a person', given({}, { value: 5 }), {}, 'policy.accept'],
  [
    'a second dose, beyond what needs no person, of what a person gave',
    given({ decision: decision({ by: 'person' }) }, { value: 5, attempt: 2 }),
    {},
    'policy.accept',
  ],
  ['quarantine by the policies with one witness', given({ kind: 'quarantine' }, { value: 1 }), {}, 'policy.accept'],
  ['what nobody has decided', proposal({ directive: directive() }), {}, 'decision'],
  ['a weight that is none', given({}, { value: Number.NaN }), {}, 'figures'],
  ['a negative weight', given({}, { value: -1 }), {}, 'figures'],
  ['anything while the identity cannot be read', given(), { identity: 1 }, 'identity'],
])('a leader that orders %s is not obeyed, and told why', ([_what, ordered, policies, clause]) => {
  const { orders, refusals } = step([['x', ordered]], policies)
  expect(orders.size).toBe(0)
  expect(refusals).toMatchObject([{ id: 'x', sequence: 7, clause }])
})

test('a refusal is said once for each order, and again when it was not heard', () => {
  const obedience = new Obedience()
  const wrong: Listed = [['x', given({}, { value: 9 })]]
  const { refusals } = step(wrong, {}, 200, obedience)
  const [refusal] = refusals
  expect(step(wrong, {}, 300, obedience).refusals).toEqual([])
  if (refusal !== undefined) obedience.unheard(refusal)
  expect(step(wrong, {}, 400, obedience).refusals).toHaveLength(1)
  expect(step([['x', given({}, { value: 9, sequence: 8 })]], {}, 500, obedience).refusals).toHaveLength(1)
})

test('an order that was given before one that was obeyed is refused, whenever it comes; those of a later epoch are not', () => {
  const obedience = new Obedience()
  step([['new', given({}, { sequence: 20 })]], {}, 200, obedience)
  expect(step([['old', given({}, { sequence: 19 })]], {}, 300, obedience).refusals).toMatchObject([
    { id: 'old', clause: 'fence' },
  ])
  expect(step([['same', given({}, { sequence: 20 })]], {}, 300, obedience).orders.size).toBe(1)
  expect(step([['next', given({}, { epoch: 2, sequence: 3 })]], {}, 400, obedience).orders.size).toBe(1)
  expect(step([['new', given({}, { sequence: 21 })]], {}, 500, obedience).refusals).toMatchObject([{ clause: 'fence' }])
})
