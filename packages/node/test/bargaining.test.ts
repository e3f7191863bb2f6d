import { InvalidArgumentError, silentLogger, systemClock, type UnitCounters, type UnitLimits } from '@vsmcp/kernel'
import type { Unit } from '@vsmcp/mcp'
import { describe, expect, it } from 'vitest'
import type { UnitTerms } from '../src/system1/contract.ts'
import type { LocalUnits } from '../src/system1/local-units.ts'
import { Bargaining, type BargainingInit } from '../src/system3/bargaining.ts'
import { FORGETFUL } from './support/forgetful.ts'
import { checkedTerms } from '../src/system3/unit-terms.ts'

const IDLE = {
  answered: 0,
  refused: 0,
  unanswered: 0,
  cancelled: 0,
  turnedAway: 0,
  notSent: 0,
  busyMs: 0,
  workMs: 0,
  waitMs: 0,
  inFlight: 0,
  queued: 0,
} satisfies UnitCounters

/** A unit as far as a bargain sees it: so many calls in work all the time. */
class Worker {
  readonly terms: UnitTerms
  limits: UnitLimits = { concurrency: 128, ratePerS: null }
  inWork: number
  #workMs = 0
  readonly name: string

  constructor(name: string, inWork: number, terms: UnitTerms = {}) {
    this.name = name
    this.inWork = inWork
    this.terms = terms
  }

  pass(ms: number): void {
    this.#workMs += ms * this.inWork
  }

  counters(): UnitCounters {
    return { ...IDLE, workMs: this.#workMs, busyMs: this.#workMs }
  }

  limit(limits: UnitLimits): void {
    this.limits = limits
  }
}

function nodeOf(workers: readonly Worker[], capacity: BargainingInit, memory = new Map<string, number>()) {
  let nowMs = 0
  const clock = { ...systemClock, monotonicMs: () => nowMs }
  const units = {
    list: () => workers as unknown as Unit[],
    get: (name: string) => workers.find((worker) => worker.name === name),
    termsOf: (name: string) => workers.find((worker) => worker.name === name)?.terms ?? {},
    on: () => () => {},
  } as unknown as LocalUnits
  const bargaining = new Bargaining(capacity, {
    units,
    guard: { memory: async () => memory },
    checkpoint: FORGETFUL,
    clock,
    logger: silentLogger,
  })
  const passSecond = (): void => {
    nowMs += 1_000
    for (const worker of workers) worker.pass(1_000)
    bargaining.bargain()
  }
  return { bargaining, passSecond }
}

describe('bargaining at a node', () => {
  it('leaves units alone where there is enough for all', () => {
    const workers = [new Worker('a', 3), new Worker('b', 60)]
    const { passSecond } = nodeOf(workers, { concurrency: 256 })
    for (let second = 0; second < 30; second++) passSecond()
    expect(workers.map(({ limits }) => limits)).toEqual([
      { concurrency: 128, ratePerS: null },
      { concurrency: 128, ratePerS: null },
    ])
  })

  it('moves capacity to where the load is, within two seconds, by weight', () => {
    const [a, b] = [new Worker('a', 40, { weight: 3, targetP99Ms: 500 }), new Worker('b', 40)] as const
    const { bargaining, passSecond } = nodeOf([a, b], { concurrency: 40 })
    passSecond()
    passSecond()
    passSecond()
    expect([a.limits.concurrency, b.limits.concurrency]).toEqual([30, 10])
    expect(bargaining.grantOf('a')?.owed).toEqual({ p99Ms: 500, errorShare: null })
    a.inWork = 0
    passSecond()
    passSecond()
    expect(b.limits.concurrency).toBeGreaterThan(30)
  })

  it('holds a unit to the bounds it was attached with, and the node to its rate', () => {
    const [a, b] = [new Worker('a', 0, { concurrency: 2, ratePerS: 5 }), new Worker('b', 0)] as const
    const { passSecond } = nodeOf([a, b], { concurrency: 100, ratePerS: 50 })
    passSecond()
    expect(a.limits).toEqual({ concurrency: 2, ratePerS: 5 })
    expect(b.limits).toEqual({ concurrency: 98, ratePerS: 45 })
  })

  it('works by what System 5 has decided, in place of the terms, and by the terms again when that is over', () => {
    const [a, b] = [new Worker('a', 40, { concurrency: 20 }), new Worker('b', 40)] as const
    const { bargaining, passSecond } = nodeOf([a, b], { concurrency: 40 })
    const after = (seconds: number): number[] => {
      for (let second = 0; second < seconds; second++) passSecond()
      return [a.limits.concurrency, b.limits.concurrency]
    }
    expect(after(3)).toEqual([20, 20])
    bargaining.direct(new Map([['b', { weight: 3, by: ['x'] }]]))
    expect(after(3)).toEqual([11, 29])
    bargaining.direct(new Map([['a', { weight: 3, concurrency: 30, by: ['x', 'y'] }]]))
    expect(after(3)).toEqual([30, 10])
    bargaining.direct(new Map([['a', { weight: 9, concurrency: 30, isQuarantined: true, by: ['z'] }]]))
    expect(after(3)).toEqual([1, 39])
    bargaining.direct(new Map())
    expect(after(3)).toEqual([20, 20])
  })

  it('has a unit that is stopped from above not be called, and owe nothing meanwhile', () => {
    const [a, b] = [new Worker('a', 3, { targetP99Ms: 500 }), new Worker('b', 3)] as const
    const { bargaining } = nodeOf([a, b], { concurrency: 40 })
    const given = { by: 'root', reason: '', atMs: 0, untilMs: 1 }
    const target = { ...given, id: '1-0-target', order: { kind: 'target' as const, p99Ms: 300, errors: null } }
    const stop = { ...given, id: '1-0-stop', order: { kind: 'stop' as const, units: ['a'] } }
    bargaining.direct(new Map(), [target, stop])
    expect(() => bargaining.assertMayBeCalled('a')).toThrow('unit a is stopped by the group root')
    expect(() => bargaining.assertMayBeCalled('b')).not.toThrow()
    expect([bargaining.owedBy('a'), bargaining.owedBy('b')].map(({ p99Ms }) => p99Ms)).toEqual([null, 300])
    bargaining.direct(new Map(), [target])
    expect(() => bargaining.assertMayBeCalled('a')).not.toThrow()
    expect(bargaining.owedBy('a').p99Ms).toBe(300)
  })

  it('has a unit that uses more memory than is fair work on one call at a time, until it does no longer', async () => {
    const [a, b] = [new Worker('a', 3), new Worker('b', 3)] as const
    const memory = new Map([
      ['a', 700],
      ['b', 500],
    ])
    const { bargaining, passSecond } = nodeOf([a, b], { concurrency: 256, memoryBytes: 1_000 }, memory)
    await bargaining.weigh()
    passSecond()
    expect(bargaining.grantOf('a')?.memoryBytes).toBe(500)
    await bargaining.weigh()
    expect([a.limits.concurrency, b.limits.concurrency]).toEqual([1, 128])
    for (let second = 0; second < 20; second++) passSecond()
    expect(a.limits.concurrency).toBe(1)
    memory.set('a', 400)
    await bargaining.weigh()
    expect(a.limits.concurrency).toBe(128)
  })

  it.each<[string, UnitTerms]>([
    ['no weight', { weight: 0 }],
    ['half a call', { concurrency: 0.5 }],
    ['a rate that is none', { ratePerS: Number.NaN }],
    ['failure of all', { targetErrors: 1 }],
  ])('refuses terms of %s', (_title, terms) => {
    expect(() => checkedTerms(terms)).toThrow(InvalidArgumentError)
  })
})
