/** Every number of this package, with its unit and its reason. Times are simulated milliseconds unless said otherwise. */

/** Milliseconds of life under faults: some ten election timeouts, so that every fault meets an election. */
export const LIFE_MS = 10_000

/** Milliseconds within which a group must have one leader, one log and one view after the faults stop: three timeouts to elect, one lost snapshot, and the catching up. */
export const RECOVERY_MS = 30_000

/** Milliseconds between looks whether the group has recovered. */
export const RECOVERY_LOOK_MS = 50

/** Milliseconds between looks of a leader at its duties. */
export const DUTIES_MS = 300

/** Milliseconds a voter must have been gone before another member takes its seat: short, so that it happens within a life. */
export const VOTER_DEAD_AFTER_MS = 2_500

/** Inputs that wait for a paused process; more are lost, as a full socket buffer loses them. */
export const BACKLOG_MAX = 500

/** Steps of the search for an order of one life's calls. Lives need a few hundred. */
export const ORDER_STEPS_MAX = 200_000

/** Simulated wall time at the start: invitations and signatures carry it. */
export const WALL_START_MS = 1_000_000

/** Milliseconds until a call that proves the recovery is made again. */
export const LAST_CALL_MS = 1_000
