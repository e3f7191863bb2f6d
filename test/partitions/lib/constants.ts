/** Where nodes listen for one another, each in a namespace of its own. */
export const P2P_PORT = 4950
/** Where the delaying proxy of the node with the slow link listens. */
export const PROXY_PORT = 4960
export const MCP_PORT = 4951

/** A tool call of the clients gets so long, milliseconds: less than a cut lasts, so that each learns its fate. */
export const CALL_TIMEOUT_MS = 4_000
/** Between two calls of one client to one unit, milliseconds. */
export const CALL_PAUSE_MS = 100
/** An answer must be there so long after the deadline it was given, milliseconds; two cores carry everything here. */
export const GRACE_MS = 3_000

/** A decision is given up by the node after so long (`DECISION_DEADLINE_MS` of packages/node), milliseconds. */
export const DECISION_DEADLINE_MS = 10_000

/** Between two looks at all nodes' view of who leads, milliseconds. */
export const WATCH_MS = 200

/** A group with a majority must have a leader again after so long, milliseconds: four of the longest election timeouts. */
export const ELECTION_MS = 8_000
/** All is as before so long after the fault ended, milliseconds: redials wait up to 30 s each. */
export const HEAL_MS = 45_000
