/** Parts of the window that counts are kept by; the oldest is forgotten as a whole. */
export const WINDOW_SLOTS = 10

/** Length of such a part, milliseconds: the measure speaks of the last ten minutes, in which even a quiet node sees calls enough. */
export const SLOT_MS = 60_000

/** Kinds of demand told apart in a window, and of responses; what comes beyond is one kind, "(others)", and said to be. */
export const CATEGORIES_MAX = 1_024

/** The kind that stands for all beyond the bound. */
export const OTHERS = '(others)'

/** Tools of which unmet demand is kept. When full, the one with the fewest calls goes, the oldest of those. */
export const UNMET_MAX = 256

/** UTF-16 units of a tool's name that is kept: MCP allows 128; a client may send anything. */
export const TOOL_NAME_LENGTH_MAX = 128

/** A tool that nobody has and that nobody has asked for again is forgotten after this, milliseconds. */
export const LACK_KEPT_MS = 24 * 60 * 60 * 1_000

/** Calls refused or late are forgotten when none was for this long, milliseconds: the shortage is over. */
export const SHORTAGE_KEPT_MS = WINDOW_SLOTS * SLOT_MS

/** Calls in vain after which a capability is asked for: one may be a slip of the pen. */
export const REQUEST_AFTER_CALLS = 3

/** Rows of counts that a node gives to who puts a group's together. */
export const COUNTS_GIVEN_MAX = 4_096
