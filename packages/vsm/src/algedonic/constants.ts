/** Every number of the algedonic channel, with its unit, its reason, and what happens at the bound. */

/** Alerts a node holds at once, its own only. A new one then takes the place of the least severe that is still the node's own affair, or is refused and counted. */
export const HELD_MAX = 64

/** Alerts that are over and remembered by the node, for who looks back; the oldest is forgotten. */
export const OVER_MAX = 64

/** New alerts of one source at once; further ones come one by one. Repetitions of what is open cost nothing. */
export const BURST_MAX = 8

/** Milliseconds until a source may raise one more. */
export const REFILL_MS = 10_000

/** Milliseconds without an alert too many, after which a source counts as calm again. */
export const CALM_MS = 60_000

/** Milliseconds between what System 5 is told of repetitions: a pain that is felt a thousand times a second is one entry of the log in ten. */
export const RETELL_MS = 10_000

/** Milliseconds until System 5 is asked again when it did not answer; doubles up to the longest. */
export const RETRY_MS = 500
export const RETRY_MAX_MS = 30_000

/** Milliseconds: what the node felt before it was restarted, and does not feel again within this, is over. Longer than any window that a sense looks at. */
export const UNFELT_MS = 10 * 60_000

/** UTF-16 units of why an alert is over: what the docket takes. */
export const REASON_LENGTH_MAX = 500

/** Windows that count as now when a unit's errors are looked at; at a window of five seconds half a minute. */
export const RECENT_WINDOWS = 6

/** How much of what was usual is kept per window: half of it after 360, half an hour. */
export const USUAL_KEPT = 0.5 ** (1 / 360)

/** What is taken for usual of a unit that was never seen: one error in twenty calls, and no more weight than twenty calls have. */
export const USUAL_PRIOR = { a: 1, b: 19 } as const

/** By how much the share of errors must exceed the usual one to hurt. */
export const ERROR_MARGIN = 0.1

/**
 * How probable it must be that it does. A unit is looked at 17,280 times a day; with one in a thousand, and the margin, units that fail one call in twenty all the
 * time raised no false alarm in thirty simulated days.
 */
export const PAIN_PROBABILITY = 0.999

/** And below which it is well again. */
export const RELIEF_PROBABILITY = 0.5

/** A unit hurts when it takes so many times as long as usual, if not less than so many milliseconds. */
export const SLOW_FACTOR = 2
export const SLOW_MIN_MS = 20

/** How probable that must be by the forecast of the next window, and below which it is well again. */
export const SLOW_PROBABILITY = 0.9
export const BRISK_PROBABILITY = 0.2

/** Calls in a window below which its median says nothing. */
export const LATENCY_CALLS_MIN = 3
