/** Until a server's tools are listed, ms. A first `npx` of a package downloads it. */
export const START_TIMEOUT_MS = 30_000

/**
 * Share of the start timeout that `server/discover` may take before a silent server is taken for a legacy one. Nearly
 * every server answers a method it does not know with an error at once; the share is large because a server that is
 * still being downloaded is silent, too.
 */
export const PROBE_SHARE = 0.5

/** Longest line (stdio) or event (HTTP) accepted from a server, bytes: the project's cap on any frame. */
export const MESSAGE_BYTES_MAX = 16 * 1024 * 1024

/** Start and end kept of a line over the cap, to find out which call it would have answered, bytes. */
export const OVERSIZED_KEPT_BYTES = 256

/** Definitions as canonical text, bytes: they travel to every node of the group. */
export const DEFINITIONS_BYTES_MAX = 1024 * 1024

/** Pages per list; servers page by 50 or more, so this is thousands of entries. */
export const LIST_PAGES_MAX = 64

/** Levels of nesting in a definition; schemas in the wild have some twenty. */
export const DEFINITIONS_DEPTH_MAX = 128

/** Levels of nesting in a call's params, the gateway's own bound included with room to spare. */
export const PARAMS_DEPTH_MAX = 1_024

/** Pause after a `list_changed` before the lists are read again, ms: servers announce tools one by one. */
export const REFETCH_DELAY_MS = 100

/** A failed refetch is tried again so often, with back-off. */
export const REFETCH_ATTEMPTS_MAX = 4

/** Longest a call may take, ms: a day, well within what a timer can hold. */
export const DEADLINE_MAX_MS = 24 * 60 * 60 * 1_000

/** Requests at a server at once; the slowest real servers serve one at a time, fast ones gain nothing beyond. */
export const IN_FLIGHT_MAX = 128

/** Requests waiting for a place. At a millisecond per call this is half a second of waiting. */
export const QUEUE_LENGTH_MAX = 512

/** Callers that a unit keeps accounts of, one each; those beyond share one. More than a group has members. */
export const CALLERS_MAX = 1_024

/** A bucket of tokens holds what its rate brings in so long, ms: short bursts pass, the rate holds over seconds. */
export const RATE_BURST_MS = 1_000

/** Weight of the newest request in the mean time in work that a wait is foreseen by: the last thirty or so count. */
export const WORK_TIME_WEIGHT = 1 / 16

/** Bytes waiting for a server that does not read its stdin; two requests of the largest size fit. */
export const OUTBOUND_BYTES_MAX = 2 * MESSAGE_BYTES_MAX

/** Notifications handed to one caller; progress beyond is dropped: it is advice, the answer is not. */
export const NOTIFICATIONS_PER_CALL_MAX = 10_000

/** For so long after a call was given up, a log message may still be of that call, ms. */
export const UNRELATED_AFTER_GIVING_UP_MS = 10_000

/** Latencies kept for the percentiles. */
export const LATENCIES_KEPT = 1_024

/** Lines of stderr kept. */
export const STDERR_LINES_KEPT = 200

/** A line of a log longer than this is cut, characters. */
export const LOG_LINE_LENGTH_MAX = 2_000

/** Log lines passed on per second and unit; the rest is counted and summed up in one line. */
export const LOG_LINES_PER_SECOND = 200

/** Lines of stderr in a `UnitStartError`. */
export const STDERR_LINES_SHOWN = 20

/** Of a line, or a page, that a server sent in place of MCP: so much is quoted, characters. */
export const QUOTE_LENGTH_MAX = 200

/** Of a page so much is looked at for its text, characters. */
export const PAGE_LENGTH_MAX = 8 * 1024

/** Lines that are no JSON-RPC, without one that is in between, after which the server is taken for broken. */
export const RUBBISH_LINES_MAX = 1_000

/** Lines over the cap, without a valid one in between, likewise. */
export const OVERSIZED_LINES_MAX = 8

/** Delay before a server that died is started again, ms, and the longest. */
export const RESTART_BASE_MS = 500
export const RESTART_MAX_MS = 30_000

/** A server that ran this long before it died is started again as if for the first time, ms. */
export const STABLE_AFTER_MS = 60_000

/** Starts in a row that ended within `STABLE_AFTER_MS` after which a unit counts as failed. */
export const FAST_FAILURES_MAX = 5

/** Calls in a row without any answer after which the breaker opens. */
export const BREAKER_FAILURES_MAX = 5

/** A call with a shorter deadline than this that runs out of time says nothing about the server, ms. */
export const BREAKER_DEADLINE_MIN_MS = 5_000

/** Time for a server under suspicion to answer a ping, ms. */
export const PROBE_TIMEOUT_MS = 5_000

/** After stdin is closed a server has this long to end by itself, ms (MCP, "Lifecycle: Shutdown"). */
export const CLOSE_GRACE_MS = 1_500

/** After SIGTERM its group has this long, ms. */
export const TERM_GRACE_MS = 2_000

/** How often a group that is being ended is looked at, ms; only while it is. */
export const GROUP_CHECK_MS = 25

/** After a server exited, what it still has in its pipes is read for this long, ms; a stray process may hold them open. */
export const DRAIN_MS = 500

/** A session at a legacy HTTP server is ended with a DELETE that may take this long, ms. */
export const SESSION_END_TIMEOUT_MS = 2_000

/** A message that has no answer may take this long to be taken, ms. */
export const NOTICE_TIMEOUT_MS = 10_000

/** Connections to one HTTP server; every request in flight needs one. */
export const HTTP_CONNECTIONS_MAX = IN_FLIGHT_MAX

/** Body of an HTTP error that is read for what it says, bytes. */
export const HTTP_ERROR_BYTES_MAX = 64 * 1024

/** A stream cut before its answer is taken up again so often, after this unless the server says otherwise, ms. */
export const RESUME_ATTEMPTS_MAX = 5
export const RESUME_DELAY_MS = 500

/** A stream that carried its answer is closed from here if it stays open for longer, ms. */
export const STREAM_END_MS = 1_000

/** An event stream that tells of changes and lasted this long is opened again as if for the first time, ms. */
export const STREAM_STABLE_AFTER_MS = 60_000

/** Between attempts to open such a stream again, ms; and after how many in a row the connection counts as lost. */
export const RELISTEN_BASE_MS = 500
export const RELISTEN_MAX_MS = 30_000
export const RELISTEN_ATTEMPTS_MAX = 3

/** What a server says of itself (name, capabilities, instructions), bytes; it travels with the definitions. */
export const DESCRIPTION_BYTES_MAX = 64 * 1024

/** Value of a secret in a file, bytes. */
export const SECRET_BYTES_MAX = 64 * 1024

/** First of our request ids; the SDK counts from 0. Ids stay within 31 bits, which the pickiest server can hold. */
export const FIRST_REQUEST_ID = 1_000_000_000
export const LAST_REQUEST_ID = 2_000_000_000

/** Between the first starts of a guardian that does not stay, ms. */
export const GUARDIAN_RESTART_BASE_MS = 50
export const GUARDIAN_RESTART_MAX_MS = 10_000

if (CLOSE_GRACE_MS + TERM_GRACE_MS + DRAIN_MS >= 10_000) throw new Error("a unit must stop within a component's time to stop")
if (PROBE_TIMEOUT_MS > BREAKER_DEADLINE_MIN_MS)
  throw new Error('a probe must not be slower than the calls that raised the suspicion')
if (RESTART_BASE_MS * 2 ** FAST_FAILURES_MAX > RESTART_MAX_MS)
  throw new Error('a unit must have failed before its delays are longest')
