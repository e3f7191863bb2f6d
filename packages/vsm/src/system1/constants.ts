/** Calls that make a stretch of work: the rate of fewer is luck. */
export const STRETCH_CALLS = 10

/** Stretches remembered: what a unit could do is the best of them, and how it scales is read from all. */
export const STRETCHES_KEPT = 64

/** A stretch is forgotten after this, ms: what was possible an hour ago need not be so now. */
export const STRETCH_KEPT_MS = 3_600_000

/** Standard deviation of concurrency, calls, that the stretches must show before anything is read from how they scale. */
export const SCALING_SPREAD_MIN = 0.25

/** Potentiality looks so many times beyond the highest concurrency that was seen: of more nothing is known. */
export const SCALING_REACH = 2

/** Accounts of callers in one report: with PeerIds of 52 characters 2 KiB of the 8 that a message may have. */
export const REPORT_CALLERS_MAX = 16

/** Calls per second that no unit does, with a processor core per node or a hundred: a report of more is absurd. */
export const RATE_MAX_PER_S = 10_000_000

/** Milliseconds: a call may take a day at most, so no latency is longer. */
export const LATENCY_MAX_MS = 86_400_000

/** How far a report's wall clock may be off, ms: what the credentials tolerate. */
export const REPORT_SKEW_MAX_MS = 300_000

/** A reader takes so many reports of a unit at once, and then one per `REPORT_GAP_MS`; the rest is a flood. */
export const REPORT_BURST = 4
export const REPORT_GAP_MS = 1_000

/** Latencies beyond this number are no longer all kept by a unit: its percentiles are of the last ones. */
export const PERCENTILE_CALLS_MAX = 1_024

/** What rounding may change in sums of latencies: a share, and milliseconds. */
export const LATENCY_SUM_TOLERANCE = 0.02
export const LATENCY_SUM_TOLERANCE_MS = 1

/** Senders whose refused reports are counted one by one. A group has fewer members. */
export const REFUSED_SENDERS_MAX = 1_024
