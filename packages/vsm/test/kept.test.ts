import { seededRandom } from '@vsmcp/kernel'
import { describe, expect, it } from 'vitest'
import {
  AllocationDamping,
  Auditor,
  type Demand,
  ErrorSense,
  LatencySense,
  PerformanceMonitor,
  ResourceBargain,
  VARIETY_SLOT_MS,
  VARIETY_SLOTS,
  VarietyMeter,
} from '../src/index.ts'

/** As it comes from a disk. */
const stored = <S>(state: S): S => JSON.parse(JSON.stringify(state)) as S

describe('what an organ leaves to its next life', () => {
  it('has senses feel the same as if nothing had been between', () => {
    const random = seededRandom(7)
    let [errors, latency] = [new ErrorSense(), new LatencySense()]
    const [alone, slow] = [new ErrorSense(), new LatencySense()]
    let felt = 0
    for (let window = 0; window < 400; window++) {
      const isBad = window > 200 && window < 260
      const counts = { calls: 50, errors: Math.floor(random.next() * (isBad ? 40 : 3)) }
      const medians = { answered: 50, medianMs: (isBad ? 900 : 100) * (0.9 + 0.2 * random.next()) }
      const verdicts = [errors.observe(counts), latency.observe(medians)]
      expect(verdicts).toEqual([alone.observe(counts), slow.observe(medians)])
      felt += verdicts.filter((verdict) => verdict !== undefined).length
      errors = new ErrorSense(stored(errors.snapshot()))
      latency = new LatencySense(stored(latency.snapshot()))
    }
    expect(felt).toBe(4)
  })

  it('keeps what an audit has added up to, and its findings with their age', () => {
    const at = { unit: 'liar', node: 'host' }
    const random = seededRandom(1)
    const first = new Auditor({ self: 'me', random, nowMs: 0 })
    for (let audit = 1; audit < 3; audit++) first.probed(at, 'published', 'other', audit * 1_000)
    const effects = first.probed(at, 'published', 'other', 5_000)
    const isFound = (all: typeof effects): boolean => all.some(({ type }) => type === 'found')
    const needed = isFound(effects) ? 0 : 10
    const second = new Auditor({
      self: 'me',
      random,
      nowMs: 100_000,
      kept: { state: stored(first.snapshot(6_000)), agoMs: 20_000 },
    })
    expect(second.snapshot(106_000).evidence).toEqual(first.snapshot(6_000).evidence)
    // Right after a start nobody is listed yet.
    second.tick([], 110_000)
    expect(second.snapshot(110_000).evidence).toHaveLength(1)
    second.tick([], 110_000 + 2 * 3_600_000)
    expect(second.snapshot(110_000).evidence).toEqual([])
    for (let audit = 0; audit < needed && first.findings.length === 0; audit++)
      first.probed(at, 'published', 'other', 7_000 + audit)
    expect(first.findings).toHaveLength(1)
    const foundAgoMs = 10_000 - (first.findings[0]?.foundMs ?? 0)
    const third = new Auditor({
      self: 'me',
      random,
      nowMs: 50_000,
      kept: { state: stored(first.snapshot(10_000)), agoMs: 1_000 },
    })
    expect(third.findings).toEqual([{ ...first.findings[0], foundMs: 50_000 - 1_000 - foundAgoMs }])
  })

  it('keeps how allocations are damped, less the time that has passed', () => {
    const first = new AllocationDamping(seededRandom(3))
    let nowMs = 0
    for (; first.state.oscillations === 0; nowMs += 5_000) first.damp('a', 10, nowMs % 10_000 === 0 ? 30 : 2, nowMs)
    const second = new AllocationDamping(seededRandom(9))
    second.restore(stored(first.snapshot(nowMs)), 2_000, 7)
    expect(second.state).toEqual({
      gain: first.state.gain,
      oscillations: 1,
      dwellUntilMs: 7 + Math.max(0, first.state.dwellUntilMs - nowMs) - 2_000,
    })
    expect(first.state.gain).toBeLessThan(1)
  })

  it('keeps what units hold and how often was bargained, for those that come back', () => {
    const demand: Demand = {
      weight: 1,
      concurrencyMax: 100,
      ratePerSMax: null,
      owed: { p99Ms: null, errorShare: null },
      concurrency: 20,
      ratePerS: 5,
      memoryBytes: null,
    }
    const capacity = { concurrency: 64, ratePerS: null, memoryBytes: null }
    const first = new ResourceBargain({ capacity })
    first.observe('a', demand)
    first.observe('b', { ...demand, concurrency: 1 })
    const granted = first.tick(1_000)
    const held: number[] = []
    const damp = (_unit: string, has: number, wanted: number): number => (held.push(has), wanted)
    const second = new ResourceBargain({ capacity, damp, kept: stored(first.snapshot()) })
    expect(second.grantOf('a')).toBeUndefined()
    second.observe('a', demand)
    expect(second.grantOf('a')).toMatchObject({ concurrency: granted[0]?.concurrency, expiresMs: 0 })
    // The other is still to come.
    expect(second.snapshot()).toEqual(first.snapshot())
    expect(second.tick(1_000).map(({ ordinal }) => ordinal)).toEqual([3])
    expect(held).toEqual([granted[0]?.concurrency])
    second.forget('b')
    expect(second.snapshot().held.map(({ unit }) => unit)).toEqual(['a'])
  })

  it('keeps for how long a target is missed', () => {
    const owed = { p99Ms: 100, errorShare: null }
    let monitor = new PerformanceMonitor()
    const seen: string[] = []
    for (let window = 0; window < 12; window++) {
      seen.push(...monitor.judge('a', { calls: 9, errors: 0, p99Ms: 300 }, owed).map(({ type }) => type))
      monitor = new PerformanceMonitor(stored(monitor.snapshot()))
    }
    expect(seen).toEqual(['raised', 'grave'])
  })

  it('keeps the calls of the window, and forgets them when their time has come', () => {
    const first = new VarietyMeter()
    for (let i = 0; i < 10; i++) first.step({ demand: `t${i % 3}`, response: `u/t${i % 3}`, unit: 'u', outcome: 'ok' }, 1_000 + i)
    const second = new VarietyMeter(stored(first.snapshot()))
    expect(second.figures(2_000)).toEqual(first.figures(2_000))
    second.step({ demand: 't0', response: 'u/t0', unit: 'u', outcome: 'ok' }, 2_000)
    expect(second.figures(2_000).calls).toBe(11)
    expect(second.figures(2_000 + VARIETY_SLOT_MS * (VARIETY_SLOTS + 1)).calls).toBe(0)
  })
})
