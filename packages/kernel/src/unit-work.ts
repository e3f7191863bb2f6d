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
