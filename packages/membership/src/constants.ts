/** Delay before the second redial, milliseconds; doubles from there. A restarted process is usually back within a second. */
export const REDIAL_BASE_MS = 200

/** No redial waits longer, milliseconds: a cable that is plugged in again shows within half a minute. */
export const REDIAL_MAX_MS = 30_000

/** How long a member stays suspect without evidence before it counts as failed, milliseconds. */
export const SUSPICION_MS = 5_000

/** Dials under way at once: a mesh that comes up together must not be a flood of connections. */
export const DIALS_MAX = 8

/** A dial not reported on for so long counts as timed out, milliseconds. */
export const DIAL_TIMEOUT_MS = 10_000

/** How much later than the lower PeerId the higher one dials first, milliseconds: a connection is made in far less. */
export const YIELD_MS = 250

/** A connection shorter than this does not reset the back-off, milliseconds: one that flaps must not be dialed in a loop. */
export const LASTING_MS = 10_000

/** Members in one view. A group has thousands at most; beyond that it nests. */
export const MEMBERS_MAX = 10_000

/** Addresses kept for a member; the newest come first. */
export const ADDRESSES_MAX = 16
