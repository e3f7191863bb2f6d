/** Every number of recursion, with its unit, its reason, and what happens at the bound. */

/**
 * Bits of the filter that tells which tools are below a group, and positions a name takes in it. Fixed for all groups of all sizes: only so
 * can filters of children be joined into that of their parent, bit by bit. 6 KiB at most, and far less where little is below.
 */
export const FILTER_BITS = 49_152
export const FILTER_HASHES = 5

/**
 * Names at which one question in a hundred is asked in vain: (1 − e^(−kn/m))^k (B. Bloom, "Space/time trade-offs in hash coding with allowable
 * errors", 1970). More names make more questions in vain, never a missed tool; at four times as many it is a third.
 */
export const FILTER_CAPACITY = 4_800

/** Bytes of one record, upward or downward, in JSON: a full filter is half of it. */
export const RECORD_BYTES_MAX = 17 * 1024

/** Alerts named in a record, the most severe first; of the others it says how many there are. */
export const RECORD_ALERTS_MAX = 16

/** Bytes of JSON that the alerts of a record take, and its revocations. What does not fit is left out, the least severe and the oldest first. */
export const RECORD_ALERTS_BYTES_MAX = 4 * 1024
export const RECORD_REVOCATIONS_BYTES_MAX = 3 * 1024

/** UTF-16 units of an alert's subject in a record. */
export const RECORD_SUBJECT_LENGTH_MAX = 120

/** Revocations that one record carries, the newest first. */
export const RECORD_REVOCATIONS_MAX = 32

/**
 * Directives of a downward record that hold at once, and bytes of JSON that they take: what does not fit is left out, those of the groups lowest down
 * first. Their reasons in UTF-16 units.
 */
export const DIRECTIVES_MAX = 16
export const DIRECTIVE_REASON_LENGTH_MAX = 200
export const DIRECTIVES_BYTES_MAX = 6 * 1024

/** Bytes of JSON in which a group says how it follows directives, what it refuses first; and UTF-16 units of each reason. */
export const FOLLOWED_BYTES_MAX = 1024
export const FOLLOWED_REASON_LENGTH_MAX = 80

/**
 * Milliseconds a directive holds without being said again: a group that is cut off goes on by it for a day, as a site without uplink may be over a night.
 * Its end is given in whole hours, so that a record is news once an hour and not each second.
 */
export const DIRECTIVE_LIFE_MS = 24 * 60 * 60_000
export const DIRECTIVE_END_STEP_MS = 60 * 60_000

/** Milliseconds a record holds; then what it says is not known any more. Three times the period, so that two may be lost. */
export const RECORD_LIFE_MS = 60_000

/** Milliseconds between records where nothing changed that cannot wait. */
export const RECORD_PERIOD_MS = 20_000

/** Milliseconds between records of a group that has news: eight levels pass a new tool on in as many seconds at worst. */
export const RECORD_GAP_MS = 1_000

/** Milliseconds that the clock of a record's author may be off: as credentials tolerate. */
export const RECORD_SKEW_MAX_MS = 300_000

/** Records of one group taken in a burst, and milliseconds for one more: three times what a group with news sends. */
export const RECORD_BURST = 6
export const RECORD_REFILL_MS = 334

/** Revocations known at once, of all the mesh, those of earliest end forgotten first: what a charter holds. */
export const REVOCATIONS_KNOWN_MAX = 1_000

/** Milliseconds a revocation is passed on after it was heard: every group is reached in seconds, and one that was cut off within the day hears it, too. */
export const REVOCATION_TOLD_MS = 24 * 60 * 60_000

/** Delegates that a group wants above it: one may fail. */
export const DELEGATES_TARGET = 2

/** Milliseconds a delegate must have been failed before another member takes its seat: longer than a restart. */
export const DELEGATE_DEAD_AFTER_MS = 60_000

/** Milliseconds a member must have been up before it is asked to be a delegate: who flaps is none. */
export const DELEGATE_UP_FOR_MS = 10_000

/** Milliseconds until the second delegate does what the first one should have done, times its rank: above a round trip, and far below a person's patience. */
export const DELEGATE_STAGGER_MS = 500

/** Milliseconds until a delegate asks the parent's System 5 again about an alert; doubles up to the longest. */
export const CLIMB_RETRY_MS = 500
export const CLIMB_RETRY_MAX_MS = 15_000

/** Children that are asked for one tool: with filters at their capacity one question in a hundred is in vain, so more than this means filters beyond it. */
export const ROUTE_CHILDREN_MAX = 8

/** Groups that one question passes: up to the root and down again. */
export const ROUTE_GROUPS_MAX = 17

/** Nodes and groups below one group; more is no measurement. */
export const BELOW_MAX = 1_000_000_000

/** Bits of variety in a record: no source of more kinds could be counted. A sum of more is said as that. */
export const BITS_MAX = 64
