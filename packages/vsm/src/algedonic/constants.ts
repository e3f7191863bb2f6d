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
