import { expect, test } from 'vitest'
import { deliberate, isOwnAffair, OwnLedger, situationOf } from '../../src/index.ts'
import { governed, proposal } from '../support/proposal-fixture.ts'

const { policy } = governed()
const times = { holdMs: 60_000, checkMs: 5_000 }
const ACCEPTED = { verdict: 'accepted', clause: 'policy.accept', reason: 'x' } as const
const REFUSED = { verdict: 'refused', clause: 'policy.weightMax', reason: 'x' } as const

test('a node decides for itself by the very deliberation of the group, and remembers it over a restart', () => {
  const ledger = new OwnLedger('b')
  expect(ledger.make('x', proposal(), 1_000)).toBe(true)
  for (const { id, ruling } of deliberate(ledger.list(), situationOf(ledger.list(), governed(), 1_400), () => true)) {
    ledger.decide(id, ruling, times, 1_400)
  }
  expect(ledger.get('x')).toMatchObject({
    decision: { verdict: 'accepted', latencyMs: 400, author: 'b' },
    directive: { value: 2, attempt: 1, sequence: 1, checkAtMs: 6_400, expiresAtMs: 61_400 },
  })
  const next = new OwnLedger('b', ledger.list())
  next.close('x', { type: 'renew', value: 3, measured: 9, reason: 'no effect' }, times, 7_000)
  expect(next.get('x')?.directive).toMatchObject({ value: 3, attempt: 2, sequence: 2 })
  next.close('x', { type: 'unmet', measured: 8, reason: 'no effect' }, times, 9_000)
  expect(next.get('x')?.closure).toEqual({ outcome: 'unmet', measured: 8, reason: 'no effect', atMs: 9_000 })
})

test('the same is one proposal while it waits, and not made again while it is in force or just decided', () => {
  const ledger = new OwnLedger('b')
  ledger.make('x', proposal(), 0)
  expect(ledger.make('y', proposal({ asked: 1.5 }), 10)).toBe(true)
  expect(ledger.list().map(([id, { asked }]) => [id, asked])).toEqual([['x', 1.5]])
  ledger.decide('x', ACCEPTED, times, 20)
  expect(ledger.make('y', proposal(), 59_000)).toBe(false)
  expect(ledger.make('y', proposal(), 60_021)).toBe(true)
  ledger.decide('y', REFUSED, times, 60_030)
  expect(ledger.make('z', proposal(), 61_000)).toBe(false)
})

test('a flood of proposals forgets what is over, and never what waits or is in force', () => {
  const ledger = new OwnLedger('b')
  ledger.make('kept', proposal({ subject: 'kept' }), 0)
  for (let at = 0; at < 300; at++) {
    ledger.make(`p${at}`, proposal({ subject: `u${at}` }), at)
    if (at < 200) ledger.decide(`p${at}`, REFUSED, times, at)
  }
  expect(ledger.list()).toHaveLength(64)
  expect(ledger.get('kept')).toBeDefined()
  expect(ledger.make('late', proposal({ subject: 'late' }), 400)).toBe(false)
})

test('what concerns only the node, within what the policies leave to it, is its own affair', () => {
  expect(isOwnAffair({ kind: 'weight', asked: 2 }, policy)).toBe(true)
  expect(isOwnAffair({ kind: 'weight', asked: 2.1 }, policy)).toBe(false)
  for (const kind of ['concurrency', 'quarantine', 'capability'] as const)
    expect(isOwnAffair({ kind, asked: 1 }, policy)).toBe(false)
})
