import type { PeerIdString, UnitName } from './ids.ts'

/** What a unit has counted since it was made; but for `inFlight` and `queued` none of it ever decreases. */
export interface UnitCounters {
  /** Requests that ended with a result. */
  readonly answered: number
  /** Requests that ended with an error of the server. */
  readonly refused: number
  /** Requests that were sent and never answered: deadline, death, an answer too large. */
  readonly unanswered: number
  readonly cancelled: number
  /** Requests never sent for want of a place or of time in the queue. */
  readonly turnedAway: number
  /** Requests never sent for another reason: not ready, breaker open. */
  readonly notSent: number
  /** Milliseconds with at least one request in work. */
  readonly busyMs: number
  /** Milliseconds in work, summed over requests. */
  readonly workMs: number
  /** Milliseconds in the queue, summed over requests. */
  readonly waitMs: number
  readonly inFlight: number
  readonly queued: number
}

/** What a unit may take on at once and per second: System 3's grant, as its bulkhead holds it. */
export interface UnitLimits {
  /** Requests in work at once; at least 1. */
  readonly concurrency: number
  /** Requests sent per second; null for no bound. */
  readonly ratePerS: number | null
}

/** What a unit did for one caller, since it was made: requests that were answered, and their latencies summed. */
export interface CallerAccount {
  readonly answered: number
  readonly refused: number
  readonly latencyMs: number
}

/** Of answered requests; nearest rank. */
export interface Latencies {
  readonly p50Ms: number
  readonly p99Ms: number
  readonly maxMs: number
}

/**
 * A unit of System 1, whatever does its work: an attached server, a worker pool, a group below this one, which is a viable system again. This is all that
 * Systems 2 to 5 know of what they govern: what it counted, for whom, how long it took, and the grant it works under. Beer's three figures, errors,
 * rates, queue and calls under way are computed from these by `UnitMeter` (vsm), alike at every level; a node is its units `together`.
 */
export interface OperationalUnit {
  readonly name: UnitName
  counters(): UnitCounters
  /** By calling node; the unit's own node is ''. */
  accounts(): ReadonlyMap<PeerIdString, CallerAccount>
  /** Over the last so many answered requests, 1,024 at the most; undefined when there were none. */
  latencies(last: number): Latencies | undefined
  /** Its grant. Holds from now on; what is in work beyond it goes on, and goes on under it when nobody above answers. */
  limit(limits: UnitLimits): void
  readonly limits: UnitLimits
}

/** A resource as a unit claims it: alone, or with others that share it. */
export interface ClaimedResource {
  readonly resource: string
  readonly shared: boolean
}

/** Requests that have ended, however. */
export function endedOf({ answered, refused, unanswered, cancelled, turnedAway, notSent }: UnitCounters): number {
  return answered + refused + unanswered + cancelled + turnedAway + notSent
}

/** Of these, those that ended otherwise than with a result, unless the caller cancelled. */
export function failedOf({ refused, unanswered, turnedAway, notSent }: UnitCounters): number {
  return refused + unanswered + turnedAway + notSent
}
