import { endedOf, failedOf, type UnitCounters, type UnitLimits } from '@vsmcp/kernel'
import { SCALING_REACH, SCALING_SPREAD_MIN, STRETCH_CALLS, STRETCH_KEPT_MS, STRETCHES_KEPT } from './constants.ts'
import { CountWindow } from './count-window.ts'
import type { Achievement } from './unit-figures.ts'

/** What happened in one window. */
export interface UnitFigures extends Achievement {
  readonly windowMs: number
  /** Calls that ended, and those that the server answered, be it with an error. */
  readonly calls: number
  readonly answered: number
  /** Ended otherwise than with a result, unless the caller cancelled. */
  readonly errors: number
  readonly turnedAway: number
  readonly inFlight: number
  readonly queued: number
  /** Mean number of calls in work, and waiting, over the window: Little's L. */
  readonly meanInFlight: number
  readonly meanQueued: number
}

/** Work on end: at least `STRETCH_CALLS` calls. */
interface Stretch {
  readonly endedMs: number
  readonly limits: UnitLimits
  /** Calls per second at work: that ended well, and that the server was done with. */
  readonly wellPerS: number
  readonly donePerS: number
  /** Mean calls in work while there were any, and mean seconds of each. */
  readonly concurrency: number
  readonly residenceS: number
}

/**
 * Measures one unit from what it counts (System 1). Time, and counts that only grow, come in; nothing is assumed.
 *
 * - *Actuality*: calls answered well in the window, per second.
 * - *Capability*: the best rate of calls answered well while it was at work, over any stretch under its present limits, and no more than
 *   the rate it is granted. By the utilization law (P. Denning, J. Buzen, "The operational analysis of queueing network models", 1978)
 *   the rate at work is throughput over utilization: what it would do if there was always something to do.
 * - *Potentiality*: what it would do with no call failing and all the concurrency it is granted. The mean time in work is fitted to
 *   `a + b (n − 1)` over stretches of different concurrency n, which gives a throughput of `n / (a + b (n − 1))` (N. Gunther, "Guerrilla
 *   Capacity Planning", the universal scalability law without its coherency term, that is, Amdahl's). Where concurrency never differed,
 *   none is assumed to help.
 */
export class UnitMeter {
  readonly #window = new CountWindow()
  #stretches: Stretch[] = []
  #open = { well: 0, done: 0, busyMs: 0, workMs: 0 }
  #limits: UnitLimits | undefined

  /** Figures of the time since the last measurement; undefined at the first, and when the unit has begun to count anew. */
  measure(counts: UnitCounters, limits: UnitLimits, nowMs: number): UnitFigures | undefined {
    const counted = this.#window.next(counts, nowMs)
    if (counted === undefined) return undefined
    if (counted === 'begun') {
      this.#stretches = []
      this.#begin(limits)
      return undefined
    }
    const { windowMs, answered: well, refused, unanswered, turnedAway, busyMs, workMs, waitMs, inFlight, queued } = counted
    this.#work({ well, done: well + refused + unanswered, busyMs, workMs }, limits, nowMs)
    const actuality = (well * 1_000) / windowMs
    const capability = this.#capability(limits, actuality)
    return {
      windowMs,
      calls: endedOf(counted),
      answered: well + refused,
      errors: failedOf(counted),
      turnedAway,
      inFlight,
      queued,
      meanInFlight: workMs / windowMs,
      meanQueued: waitMs / windowMs,
      actuality,
      capability,
      potentiality: this.#potentiality(limits, capability),
    }
  }

  #begin(limits: UnitLimits): void {
    this.#open = { well: 0, done: 0, busyMs: 0, workMs: 0 }
    this.#limits = limits
  }

  #work(work: { well: number; done: number; busyMs: number; workMs: number }, limits: UnitLimits, nowMs: number): void {
    // A stretch under two grants would tell of neither.
    if (this.#limits?.concurrency !== limits.concurrency || this.#limits.ratePerS !== limits.ratePerS) this.#begin(limits)
    const open = this.#open
    open.well += work.well
    open.done += work.done
    open.busyMs += work.busyMs
    open.workMs += work.workMs
    if (open.done >= STRETCH_CALLS && open.busyMs > 0) {
      this.#stretches.push({
        endedMs: nowMs,
        limits,
        wellPerS: (open.well * 1_000) / open.busyMs,
        donePerS: (open.done * 1_000) / open.busyMs,
        concurrency: open.workMs / open.busyMs,
        residenceS: open.workMs / open.done / 1_000,
      })
      this.#begin(limits)
    }
    if (this.#stretches.length > STRETCHES_KEPT) this.#stretches.shift()
    while ((this.#stretches[0]?.endedMs ?? nowMs) < nowMs - STRETCH_KEPT_MS) this.#stretches.shift()
  }

  #capability({ concurrency, ratePerS }: UnitLimits, actuality: number): number | null {
    let best = -1
    for (const { limits, wellPerS } of this.#stretches) {
      if (limits.concurrency === concurrency && limits.ratePerS === ratePerS && wellPerS > best) best = wellPerS
    }
    const { well, busyMs } = this.#open
    // Before its first stretch under these limits is whole, what there is of it counts.
    if (best < 0 && well > 0 && busyMs > 0) best = (well * 1_000) / busyMs
    if (best < 0) return actuality > 0 ? actuality : null
    return Math.max(actuality, Math.min(best, ratePerS ?? Infinity))
  }

  #potentiality(limits: UnitLimits, capability: number | null): number | null {
    let best = capability ?? -1
    for (const { donePerS } of this.#stretches) if (donePerS > best) best = donePerS
    const scaled = this.#scaled(limits.concurrency)
    if (scaled !== undefined && scaled > best) best = scaled
    return best < 0 ? null : best
  }

  /** Throughput with so many calls in work, as read from how the time in work grew; undefined where that cannot be read. */
  #scaled(granted: number): number | undefined {
    const count = this.#stretches.length
    if (count < 2) return undefined
    let [sumN, sumR, highest] = [0, 0, 0]
    for (const { concurrency, residenceS } of this.#stretches) {
      sumN += concurrency
      sumR += residenceS
      if (concurrency > highest) highest = concurrency
    }
    const [meanN, meanR] = [sumN / count, sumR / count]
    let [variance, covariance] = [0, 0]
    for (const { concurrency, residenceS } of this.#stretches) {
      variance += (concurrency - meanN) ** 2
      covariance += (concurrency - meanN) * (residenceS - meanR)
    }
    if (variance / count < SCALING_SPREAD_MIN ** 2) return undefined
    const slope = Math.max(0, covariance / variance)
    const alone = meanR - slope * (meanN - 1)
    const many = Math.min(granted, highest * SCALING_REACH)
    const residenceS = alone + slope * (many - 1)
    return residenceS > 0 ? many / residenceS : undefined
  }
}
