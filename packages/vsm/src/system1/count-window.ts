import { endedOf, type UnitCounters } from '@vsmcp/kernel'

/** What a unit counted in one window; `inFlight` and `queued` are as they are at its end. */
export interface Counted extends UnitCounters {
  readonly windowMs: number
  /** Requests that came, whatever became of them. */
  readonly came: number
}

/** What a unit counted from one look to the next. */
export class CountWindow {
  #last: { counts: UnitCounters; atMs: number } | undefined

  /** @returns `'begun'` at the first look and when the unit has begun to count anew; undefined when no time has passed */
  next(counts: UnitCounters, nowMs: number): Counted | 'begun' | undefined {
    const last = this.#last
    if (last !== undefined && !(nowMs > last.atMs)) return undefined
    this.#last = { counts, atMs: nowMs }
    if (last === undefined || hasBegunAnew(last.counts, counts)) return 'begun'
    const grown = differenceOf(counts, last.counts)
    const open = counts.inFlight + counts.queued - last.counts.inFlight - last.counts.queued
    return { ...grown, windowMs: nowMs - last.atMs, came: Math.max(0, endedOf(grown) + open) }
  }
}

function differenceOf(now: UnitCounters, before: UnitCounters): UnitCounters {
  return {
    answered: now.answered - before.answered,
    refused: now.refused - before.refused,
    unanswered: now.unanswered - before.unanswered,
    cancelled: now.cancelled - before.cancelled,
    turnedAway: now.turnedAway - before.turnedAway,
    notSent: now.notSent - before.notSent,
    busyMs: now.busyMs - before.busyMs,
    workMs: now.workMs - before.workMs,
    waitMs: now.waitMs - before.waitMs,
    inFlight: now.inFlight,
    queued: now.queued,
  }
}

function hasBegunAnew(before: UnitCounters, now: UnitCounters): boolean {
  return (
    now.answered < before.answered ||
    now.refused < before.refused ||
    now.unanswered < before.unanswered ||
    now.turnedAway < before.turnedAway ||
    now.notSent < before.notSent ||
    now.cancelled < before.cancelled ||
    now.busyMs < before.busyMs
  )
}
