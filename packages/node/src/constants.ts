/** Multiaddrs a node listens on unless told otherwise: all interfaces, IPv4 and IPv6, port 4950. */
export const DEFAULT_LISTEN: readonly string[] = ['/ip4/0.0.0.0/tcp/4950', '/ip6/::/tcp/4950']

/** Where the MCP endpoint listens unless told otherwise: this machine only. */
export const DEFAULT_HTTP = '127.0.0.1:4951'

/** One log file moves on to the next at this size, bytes. */
export const LOG_FILE_BYTES_MAX = 8 * 1024 * 1024

/** So many log files are kept: 40 MiB in all, a few days of a busy node. */
export const LOG_FILES_KEPT = 5

/** Lines a slow reader of `logs --follow` may fall behind before it misses some. */
export const LOG_FOLLOW_QUEUE_MAX = 10_000

/** A component that takes longer to start or stop is given up on, milliseconds. */
export const LIFECYCLE_DEADLINE_MS = 15_000

/** How long an orderly stop waits for calls in flight, milliseconds. */
export const DRAIN_DEADLINE_MS = 5_000

/** A decision (proposal answered by the group) is given up on after this, milliseconds; longer than a whole election. */
export const DECISION_DEADLINE_MS = 10_000

/** A forwarded proposal or signature request on the control plane, milliseconds. */
export const CONTROL_DEADLINE_MS = 3_000

/** Largest snapshot, log entry batch or passport moved on the control plane, bytes. */
export const CONTROL_PAYLOAD_BYTES_MAX = 4 * 1024 * 1024

/** Log entries applied since the last snapshot before the next one is taken. */
export const SNAPSHOT_EVERY_ENTRIES = 1_000

/** How often the leader looks whether voters, links and names are as they should be, milliseconds. */
export const LEADER_DUTY_PERIOD_MS = 500

/** How often a node tells the group how it is, over gossip, milliseconds. */
export const REPORT_PERIOD_MS = 5_000

/** Longest a tool call may take when the caller says nothing, milliseconds. */
export const CALL_TIMEOUT_MS = 60_000

/** Units one node may host. */
export const UNITS_PER_NODE_MAX = 256
