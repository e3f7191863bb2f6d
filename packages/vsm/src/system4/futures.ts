import { type Random, seededRandom } from '@vsmcp/kernel'
import { CALLS_PER_LIFE, CALLS_SETTLING, CONFIDENCE_T, REPLICATIONS } from './constants.ts'

/** A unit as a queueing station: first come, first served. */
export interface Station {
  readonly name: string
  /** Mean arrivals per second; they come at random (Poisson). */
  readonly ratePerS: number
  /** Calls it serves at once. */
  readonly servers: number
  /** Calls it holds, in service and waiting; one more is refused. */
  readonly places: number
  /** Measured times of service, milliseconds, drawn from at random. */
  readonly serviceMs: readonly number[]
}

export interface FuturesTask {
  readonly stations: readonly Station[]
  readonly seed: number
  /** Of each station in each life. @default 20_000 */
  readonly calls?: number
}

/** A mean over simulated lives, and half the width of its 95 % confidence interval. */
export interface Estimate {
  readonly mean: number
  readonly within: number
}

export interface StationFuture {
  readonly name: string
  readonly latencyP50Ms: Estimate
  readonly latencyP99Ms: Estimate
  /** Share of the servers' time in work. */
  readonly utilisation: Estimate
  /** Share of the calls. */
  readonly refused: Estimate
}

/**
 * What a queueing model of the measured units says of latencies, utilisation and refusals: Monte Carlo over seeded lives. Stations do not share calls, so each
 * is simulated by itself, for as many calls as any other.
 */
export function simulateFutures({ stations, seed, calls = CALLS_PER_LIFE }: FuturesTask): StationFuture[] {
  return stations.map((station) => {
    const lives = Array.from({ length: REPLICATIONS }, (_, life) =>
      live(station, calls, seededRandom(seedOf(station.name, seed, life))),
    )
    const estimate = (of: (life: Life) => number): Estimate => estimateOf(lives.map(of))
    return {
      name: station.name,
      latencyP50Ms: estimate(({ latencies }) => percentile(latencies, 0.5)),
      latencyP99Ms: estimate(({ latencies }) => percentile(latencies, 0.99)),
      utilisation: estimate(({ utilisation }) => utilisation),
      refused: estimate(({ refused }) => refused),
    }
  })
}

/** By name, so that a station meets the same chance in every scenario of a seed: what differs is the scenario's doing. */
function seedOf(name: string, seed: number, life: number): number {
  let mixed = (seed + 7_919 * life) | 0
  for (const character of name) mixed = (Math.imul(mixed, 31) + (character.codePointAt(0) ?? 0)) | 0
  return mixed
}

interface Life {
  /** Sorted. */
  latencies: Float64Array
  utilisation: number
  refused: number
}

function live({ ratePerS, servers, places, serviceMs }: Station, calls: number, random: Random): Life {
  const settling = Math.min(CALLS_SETTLING, Math.floor(calls / 5))
  const free = new EarliestFirst(servers)
  const departures: number[] = []
  const latencies = new Float64Array(calls)
  let answered = 0
  let refused = 0
  let busyMs = 0
  let nowMs = 0
  let countedFromMs = 0
  let left = 0
  for (let call = 0; call < calls; call++) {
    nowMs += (-Math.log(1 - random.next()) * 1_000) / ratePerS
    if (call === settling) countedFromMs = nowMs
    while (left < departures.length && (departures[left] ?? 0) <= nowMs) left++
    const isCounted = call >= settling
    if (departures.length - left >= places) {
      if (isCounted) refused++
      continue
    }
    const service = serviceMs[Math.floor(random.next() * serviceMs.length)] ?? 0
    const endMs = Math.max(nowMs, free.earliest) + service
    free.replaceEarliest(endMs)
    insertInOrder(departures, endMs, left)
    if (left > places) left -= departures.splice(0, left).length
    if (!isCounted) continue
    busyMs += service
    latencies[answered++] = endMs - nowMs
  }
  const spanMs = Math.max(nowMs - countedFromMs, Number.EPSILON)
  return {
    latencies: latencies.subarray(0, answered).sort(),
    utilisation: Math.min(1, busyMs / (spanMs * servers)),
    refused: refused / (calls - settling),
  }
}

/** When each server is free: a heap with the earliest on top. */
class EarliestFirst {
  readonly #times: Float64Array

  constructor(servers: number) {
    this.#times = new Float64Array(servers)
  }

  get earliest(): number {
    return this.#times[0] ?? 0
  }

  replaceEarliest(time: number): void {
    const times = this.#times
    let at = 0
    for (;;) {
      let child = 2 * at + 1
      if (child >= times.length) break
      if (child + 1 < times.length && (times[child + 1] ?? 0) < (times[child] ?? 0)) child++
      const earlier = times[child] ?? 0
      if (earlier >= time) break
      times[at] = earlier
      at = child
    }
    times[at] = time
  }
}

/** Most calls end after those that began before them: the place is near the end. */
function insertInOrder(times: number[], time: number, from: number): void {
  let at = times.length
  while (at > from && (times[at - 1] ?? 0) > time) at--
  times.splice(at, 0, time)
}

function percentile(sorted: Float64Array, rank: number): number {
  return sorted[Math.max(0, Math.ceil(rank * sorted.length) - 1)] ?? 0
}

function estimateOf(values: readonly number[]): Estimate {
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length
  const variance = values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / Math.max(1, values.length - 1)
  return { mean, within: CONFIDENCE_T * Math.sqrt(variance / values.length) }
}
