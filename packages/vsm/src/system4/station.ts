import { ARRIVALS_KEPT, ARRIVALS_KEPT_MS, LEVEL_TIME_KEPT_MS, LEVELS_MAX, SERVICE_SAMPLES } from './constants.ts'

/** A call that is under way. */
export interface Begun {
  readonly beganMs: number
  /** Nothing else was in work: what it takes is service and no waiting. */
  readonly wasIdle: boolean
}

export interface StationFigures {
  readonly calls: number
  /** Mean arrivals per second lately. */
  readonly ratePerS: number
  /** Times calls took that found the unit idle, milliseconds, the newest last: service without waiting. */
  readonly serviceMs: readonly number[]
  /** How many calls the unit serves at once, by what was seen; null while calls did not overlap, or none found it idle. */
  readonly servers: number | null
  /** No sign of calls waiting for one another was seen, up to so many at once. */
  readonly unlimitedUpTo: number | null
}

/**
 * What a unit is as a queueing station, measured from outside: what service takes, from calls that found it idle; how many it serves at once, from how
 * long how many calls were in it. With T(k) the time spent with k calls in it, N the calls served and S the mean service, the sum of min(k, c) T(k) is
 * N S (Little's law for those in service, whatever the distributions): solved for c.
 */
export class StationMeter {
  readonly #serviceMs: number[] = []
  readonly #arrivals: number[] = []
  readonly #timeAt = new Float64Array(LEVELS_MAX + 1)
  #served = 0
  #totalMs = 0
  #calls = 0
  #level = 0
  #sinceMs: number | undefined

  begun(nowMs: number): Begun {
    this.#pass(nowMs)
    const wasIdle = this.#level === 0
    this.#level++
    this.#calls++
    this.#arrivals.push(nowMs)
    if (this.#arrivals.length > ARRIVALS_KEPT) this.#arrivals.shift()
    return { beganMs: nowMs, wasIdle }
  }

  /** @param isServed whether the unit answered; what was refused before it tells nothing of its service */
  ended({ beganMs, wasIdle }: Begun, isServed: boolean, nowMs: number): void {
    this.#pass(nowMs)
    this.#level = Math.max(0, this.#level - 1)
    if (!isServed) return
    this.#served++
    if (!wasIdle) return
    this.#serviceMs.push(Math.max(0, nowMs - beganMs))
    if (this.#serviceMs.length > SERVICE_SAMPLES) this.#serviceMs.shift()
  }

  figures(nowMs: number): StationFigures {
    const serviceMs = [...this.#serviceMs]
    return { calls: this.#calls, ratePerS: this.#ratePerS(nowMs), serviceMs, ...this.#servers(serviceMs) }
  }

  /** From the first arrival that counts until now: a unit that nobody asks any more has less and less of a rate. */
  #ratePerS(nowMs: number): number {
    const recent = this.#arrivals.filter((atMs) => nowMs - atMs <= ARRIVALS_KEPT_MS)
    const [first] = recent
    if (first === undefined || recent.length < 2 || nowMs <= first) return 0
    return ((recent.length - 1) * 1_000) / (nowMs - first)
  }

  #servers(serviceMs: readonly number[]): Pick<StationFigures, 'servers' | 'unlimitedUpTo'> {
    const most = this.#timeAt.findLastIndex((time) => time > 0)
    if (serviceMs.length === 0 || most < 2) return { servers: null, unlimitedUpTo: null }
    const work = (this.#served * serviceMs.reduce((sum, each) => sum + each, 0)) / serviceMs.length
    let served = 0
    let best = { servers: 1, off: Number.POSITIVE_INFINITY }
    for (let servers = 1; servers <= most; servers++) {
      // One more server takes all the time with at least so many calls in the unit.
      for (let level = servers; level <= most; level++) served += this.#timeAt[level] ?? 0
      const off = Math.abs(served - work)
      if (off < best.off) best = { servers, off }
    }
    return best.servers === most ? { servers: null, unlimitedUpTo: most } : { servers: best.servers, unlimitedUpTo: null }
  }

  #pass(nowMs: number): void {
    const passed = this.#sinceMs === undefined ? 0 : Math.max(0, nowMs - this.#sinceMs)
    this.#sinceMs = nowMs
    if (this.#level === 0 || passed === 0) return
    const level = Math.min(this.#level, LEVELS_MAX)
    this.#timeAt[level] = (this.#timeAt[level] ?? 0) + passed
    this.#totalMs += passed
    if (this.#totalMs < LEVEL_TIME_KEPT_MS) return
    // What was long ago counts half.
    for (const [index, time] of this.#timeAt.entries()) this.#timeAt[index] = time / 2
    this.#served /= 2
    this.#totalMs /= 2
  }
}
