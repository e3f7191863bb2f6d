/**
 * A holder of a claim begins calls under it, and lets those under way go on, for so long after a quorum last bore it out, milliseconds.
 * An election and a few lost tries fit.
 */
export const CLAIM_CONFIRMED_MAX_MS = 10_000

/**
 * The voters take a claim away so long after they read its recall, milliseconds. A holder stops by itself `CLAIM_CONFIRMED_MAX_MS` after a
 * confirmation from before the recall: a clock would have to run three times too fast, or too slow, for the two to meet.
 */
export const CLAIM_REVOKE_AFTER_MS = 3 * CLAIM_CONFIRMED_MAX_MS

/** A holder seen failed for so long is asked for what others wait for, milliseconds: a restart is quicker. Other voters see it end up to as much later. */
export const CLAIM_FAILED_MS = 5_000

/** A claim that keeps others waiting for so long is recalled though its holder lives, milliseconds: longer than a call takes that somebody waits for. */
export const CLAIM_HOLD_MAX_MS = 10 * 60_000

/** A holder with work asks the quorum again after this, milliseconds: twice before it has to stop. */
export const CLAIM_CONFIRM_MS = 3_000

/** Others wait: calls are begun for so long yet, milliseconds, so that a decision is paid by many calls. Those under way then end first. */
export const CLAIM_TURN_MS = 250

/** Others wait and nothing is called for so long: given back before its turn is over, milliseconds. Whoever calls one by one is back sooner. */
export const CLAIM_PAUSE_MS = 20

/** Nobody waits and nothing was called for so long: the claim is given back, milliseconds, lest it outlives its node. */
export const CLAIM_IDLE_MS = 30_000

/** A question to the group that failed is asked again after this, milliseconds. */
export const CLAIM_RETRY_MS = 500

/** Calls that wait for one unit's claim; more are refused as busy. */
export const CLAIM_CALLS_WAITING_MAX = 256

/** An occurrence that is begun later than this was missed, milliseconds: longer than an election, shorter than anybody would not notice. */
export const MISSED_AFTER_MS = 60_000

/** Missed occurrences that are run with `missed: all`, one after the other; older ones are skipped. */
export const MISSED_RUN_MAX = 100

/** Missed occurrences that are counted: the calendar is gone through one by one. */
export const OCCURRENCES_LOOKED_AT_MAX = 200

/** What the group could not be told, or did not agree to, is tried again after this, milliseconds. */
export const OCCURRENCE_RETRY_MS = 1_000

/** Allocations swing when one of them changes its direction so often within this window, milliseconds: a load that comes and goes once does not. */
export const OSCILLATION_REVERSALS = 3
export const DAMPING_WINDOW_MS = 120_000

/** A change of less than this share is none, and is left out while something swings. */
export const DAMPING_BAND_SHARE = 0.1

/** The smallest share of a wanted change that is still made: it never stands still for good. */
export const DAMPED_GAIN_MIN = 1 / 16

/** Nothing is changed for so long after a swing is found, milliseconds, at half gain; twice as long at each halving, more or less by this share. */
export const DAMPING_DWELL_MS = 5_000
export const DAMPING_JITTER_SHARE = 0.25

/** When nothing has turned for so long, the gain is doubled, milliseconds: more than two bargains. */
export const DAMPING_CALM_MS = 30_000

/** Allocations watched by one damper: as many as one System 3 bargains among. */
export const ALLOCATIONS_WATCHED_MAX = 4_096
