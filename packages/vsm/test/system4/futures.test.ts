import { seededRandom } from '@vsmcp/kernel'
import { describe, expect, it } from 'vitest'
import { checkScenario, modelOf, type ObservedUnit, simulateFutures, type Station, StationMeter } from '../../src/index.ts'

const MEAN_MS = 10

/** Exponential service as 2,000 measured times would show it. */
const EXPONENTIAL = Array.from({ length: 2_000 }, (_, i) => -Math.log(1 - (i + 0.5) / 2_000) * MEAN_MS)

function station(load: number, change: Partial<Station> = {}): Station {
  const servers = change.servers ?? 1
  return { name: 'u', ratePerS: (load * servers * 1_000) / MEAN_MS, servers, places: 640, serviceMs: EXPONENTIAL, ...change }
}

/** Erlang's C: the chance of having to wait in M/M/c. */
function erlangC(servers: number, load: number): number {
  const offered = servers * load
  let blocked = 1
  for (let n = 1; n <= servers; n++) blocked = (offered * blocked) / (n + offered * blocked)
  return blocked / (1 - load * (1 - blocked))
}

/** Quantile of the time in an M/M/c system: service and, with Erlang's chance, a wait (D. Gross, C. Harris, Fundamentals of Queueing Theory). */
function sojournQuantile(servers: number, load: number, probability: number): number {
  const wait = erlangC(servers, load)
  const service = 1 / MEAN_MS
  const drain = servers * service * (1 - load)
  const tail = (t: number): number => {
    if (Math.abs(drain - service) < 1e-12) return Math.exp(-service * t) * (1 + wait * service * t)
    const both = (drain * Math.exp(-service * t) - service * Math.exp(-drain * t)) / (drain - service)
    return (1 - wait) * Math.exp(-service * t) + wait * both
  }
  let [low, high] = [0, 100 * MEAN_MS * servers]
  for (let i = 0; i < 60; i++) {
    const middle = (low + high) / 2
    if (tail(middle) > 1 - probability) low = middle
    else high = middle
  }
  return low
}

describe('a simulated queue', () => {
  it.each([
    [1, 0.5],
    [1, 0.8],
    [4, 0.7],
    [16, 0.9],
  ])('of %d servers at load %d has the latencies of M/M/c', (servers, load) => {
    const [future] = simulateFutures({ stations: [station(load, { servers })], seed: 5 })
    expect(future?.latencyP50Ms.mean).toBeGreaterThan(0.95 * sojournQuantile(servers, load, 0.5))
    expect(future?.latencyP50Ms.mean).toBeLessThan(1.05 * sojournQuantile(servers, load, 0.5))
    expect(future?.latencyP99Ms.mean).toBeGreaterThan(0.9 * sojournQuantile(servers, load, 0.99))
    expect(future?.latencyP99Ms.mean).toBeLessThan(1.1 * sojournQuantile(servers, load, 0.99))
    expect(future?.utilisation.mean).toBeCloseTo(load, 1)
    expect(future?.refused.mean).toBe(0)
  })

  it("refuses what Erlang's B says where nobody can wait", () => {
    const [future] = simulateFutures({ stations: [station(1, { servers: 3, places: 3 })], seed: 5 })
    // B(3, 3) = (3³/3!) / (1 + 3 + 3²/2! + 3³/3!)
    expect(future?.refused.mean).toBeCloseTo(4.5 / 13, 2)
  })

  it('that is asked for twice what it can do refuses half', () => {
    const [future] = simulateFutures({ stations: [station(2)], seed: 1 })
    expect(future?.refused.mean).toBeCloseTo(0.5, 1)
    expect(future?.utilisation.mean).toBeGreaterThan(0.99)
  })

  it('is the same for the same seed, and another within its confidence for another', () => {
    const ask = (seed: number) => simulateFutures({ stations: [station(0.7)], seed })[0]
    const [first, again, other] = [ask(1), ask(1), ask(2)]
    expect(again).toEqual(first)
    expect(other).not.toEqual(first)
    const { mean = 0, within = 0 } = first?.latencyP50Ms ?? {}
    const there = other?.latencyP50Ms ?? { mean: 0, within: 0 }
    expect(Math.abs(there.mean - mean)).toBeLessThan(3 * (within + there.within))
  })

  it('says less with confidence the fewer lives it lives', () => {
    const width = (calls: number): number =>
      simulateFutures({ stations: [station(0.7)], seed: 3, calls })[0]?.latencyP99Ms.within ?? 0
    expect(width(1_000)).toBeGreaterThan(2 * width(20_000))
  })
})

/** Runs calls through a first-come first-served unit of so many servers and lets the meter watch. */
function watched(servers: number, load: number, seed = 4): StationMeter {
  const random = seededRandom(seed)
  const meter = new StationMeter()
  const free = Array<number>(servers).fill(0)
  const events: { atMs: number; act: (nowMs: number) => void }[] = []
  let arrivalMs = 0
  for (let call = 0; call < 3_000; call++) {
    arrivalMs += (-Math.log(1 - random.next()) * MEAN_MS) / (servers * load)
    free.sort((a, b) => a - b)
    const endMs = Math.max(arrivalMs, free[0] ?? 0) + MEAN_MS * (0.5 + random.next())
    free[0] = endMs
    let begun: ReturnType<StationMeter['begun']> | undefined
    events.push({ atMs: arrivalMs, act: (nowMs) => void (begun = meter.begun(nowMs)) })
    events.push({ atMs: endMs, act: (nowMs) => begun === undefined || meter.ended(begun, true, nowMs) })
  }
  for (const { atMs, act } of events.sort((a, b) => a.atMs - b.atMs)) act(atMs)
  return meter
}

describe('a measured unit', () => {
  it.each([1, 2, 4])('that serves %d at once is known for that', (servers) => {
    const { servers: found, serviceMs } = watched(servers, 0.8).figures(0)
    expect(found).toBe(servers)
    const mean = serviceMs.reduce((sum, each) => sum + each, 0) / serviceMs.length
    expect(mean).toBeGreaterThan(0.85 * MEAN_MS)
    expect(mean).toBeLessThan(1.15 * MEAN_MS)
  })

  it('of which no calls waited is said to have no limit up to what was seen', () => {
    const { servers, unlimitedUpTo } = watched(64, 0.05).figures(0)
    expect(servers).toBeNull()
    expect(unlimitedUpTo).toBeGreaterThanOrEqual(5)
  })

  it('is not known at all from calls that never met', () => {
    const meter = new StationMeter()
    for (let i = 0; i < 10; i++) meter.ended(meter.begun(i * 100), true, i * 100 + 7)
    expect(meter.figures(1_000)).toEqual({
      calls: 10,
      ratePerS: 9,
      serviceMs: Array<number>(10).fill(7),
      servers: null,
      unlimitedUpTo: null,
    })
  })

  it('does not take a refusal for fast service', () => {
    const meter = new StationMeter()
    meter.ended(meter.begun(0), false, 1)
    expect(meter.figures(0).serviceMs).toEqual([])
  })

  it('forgets by and by what it was, so that a replaced server is known again', () => {
    const meter = new StationMeter()
    for (let i = 0; i < 1_000_000; i += 1_000) meter.ended(meter.begun(i), true, i + 900)
    for (let i = 0; i < 400; i++) meter.ended(meter.begun(2_000_000 + i * 10), true, 2_000_002 + i * 10)
    expect(new Set(meter.figures(0).serviceMs)).toEqual(new Set([2]))
  })
})

describe('a scenario', () => {
  const observed: ObservedUnit[] = [
    { unit: 'files', node: 'mill', calls: 9, ratePerS: 4, serviceMs: [10, 20], servers: 2, unlimitedUpTo: null },
    { unit: 'maths', node: 'quarry', calls: 9, ratePerS: 1, serviceMs: [5], servers: null, unlimitedUpTo: 7 },
    { unit: 'alone', node: 'quarry', calls: 2, ratePerS: 1, serviceMs: [5], servers: null, unlimitedUpTo: null },
    { unit: 'silent', node: 'mill', calls: 0, ratePerS: 0, serviceMs: [], servers: null, unlimitedUpTo: null },
  ]
  const asIs = { without: [], demand: 1, slow: {} }

  it('takes units as they were measured, and says what it supposes', () => {
    const { stations, unknown, assumptions } = modelOf(observed, asIs)
    expect(stations.map(({ name, servers }) => [name, servers])).toEqual([
      ['files', 2],
      ['maths', 128],
      ['alone', 1],
    ])
    expect(unknown).toEqual(['silent'])
    expect(assumptions).toHaveLength(2)
  })

  it('changes demand, service and who is there', () => {
    const { stations, lost } = modelOf(observed, { without: ['quarry'], demand: 2, slow: { files: 3 } })
    expect(stations).toMatchObject([{ name: 'files', ratePerS: 8, serviceMs: [30, 60] }])
    expect(lost).toEqual(['maths', 'alone'])
  })

  it.each([
    [{ ...asIs, demand: 0 }, /0 is no factor/],
    [{ ...asIs, demand: Number.NaN }, /NaN is no factor/],
    [{ ...asIs, demand: 1e9 }, /no factor/],
    [{ ...asIs, slow: { nobody: 2 } }, /no unit nobody/],
    [{ ...asIs, without: ['nowhere'] }, /no member nowhere/],
  ])('%j is refused', (scenario, reason) => {
    expect(() => checkScenario(scenario, observed, ['mill', 'quarry'])).toThrow(reason)
    expect(() => checkScenario(asIs, observed, ['mill', 'quarry'])).not.toThrow()
  })
})
