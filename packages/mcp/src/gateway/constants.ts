import { SUPPORTED_PROTOCOL_VERSIONS } from '@modelcontextprotocol/server'

/** The modern revision served here. The SDK does not export its list: one string, held to the SDK by a test. */
export const MODERN_VERSION = '2026-07-28'

/** Legacy revisions, newest first. */
export const LEGACY_VERSIONS: readonly string[] = SUPPORTED_PROTOCOL_VERSIONS

/** Assumed of a legacy client that names none: the first revision that spoke Streamable HTTP (2025-11-25, "Protocol Version Header"). */
export const LATEST_LEGACY_VERSION = '2025-11-25'

/** The only revision with JSON-RPC batches. */
export const BATCH_VERSION = '2025-03-26'

export const DEFAULT_HOST = 'localhost'

/** Next to 4950, where nodes meet; unassigned at IANA. */
export const DEFAULT_PORT = 4951

export const MCP_PATH = '/mcp'

/** Largest request body, bytes: images and files as base64 fit, and it bounds what one client can make us hold. */
export const BODY_BYTES_MAX = 16 * 1024 * 1024

/** Request bodies being received, all clients together, bytes: 2,048 connections of 16 MiB would be 32 GiB. */
export const BODIES_BYTES_MAX = 256 * 1024 * 1024

/** Levels of nesting in a message. Tools' arguments have a dozen; recursive parsers behind us break at some thousands. */
export const JSON_DEPTH_MAX = 256

/** Messages in one batch. */
export const BATCH_LENGTH_MAX = 100

/** Bytes of request headers: the protocol mirrors names, URIs and marked arguments into them. */
export const HEADERS_BYTES_MAX = 32 * 1024

/** Time for the headers to arrive, ms; bounds slow-loris and connections opened and left. */
export const HEADERS_TIMEOUT_MS = 5_000

/** Time for a whole request to arrive, ms: 16 MiB at 2.3 Mbit/s. */
export const RECEIVE_TIMEOUT_MS = 60_000

/** Between requests on one connection, ms. */
export const KEEP_ALIVE_TIMEOUT_MS = 65_000

/** How often the bounds above are looked at, ms. */
export const CONNECTIONS_CHECK_MS = 2_000

/** Enough for every agent of a machine; two sockets per agent (calls and the listening stream) leave room for a thousand. */
export const CONNECTIONS_MAX = 2_048

/** Requests being answered, all clients together. Each holds a body and a place in a unit's queue. */
export const IN_FLIGHT_MAX = 1_024

/** Requests being answered for one pipe or one legacy session. */
export const IN_FLIGHT_PER_PEER_MAX = 256

/** Streams that only listen (`subscriptions/listen`, legacy GET), all clients together: half of the connections stay for calls. */
export const STREAMS_MAX = 1_024

/** Listening streams per legacy session: messages go to the newest, so that a client that lost one without our knowing gets in. */
export const STREAMS_PER_SESSION_MAX = 4

/** Subscriptions on one pipe. */
export const SUBSCRIPTIONS_PER_PIPE_MAX = 64

/** A comment on quiet event streams, ms: below the usual idle limits of 30 s and more. */
export const STREAM_KEEP_ALIVE_MS = 15_000

/** Unsent bytes on an event stream beyond which notifications are dropped; the answer never is. */
export const STREAM_BACKLOG_BYTES_MAX = 1024 * 1024

/** A client that takes longer than this to take in its answer is cut off, ms. */
export const SEND_TIMEOUT_MS = 60_000

/** Changes of the listing within this time are told once, ms: a unit that comes up brings tools, resources and prompts. */
export const CHANGES_COALESCE_MS = 30

/** What MCP clients grant by default (SDK: `DEFAULT_REQUEST_TIMEOUT_MSEC`). */
export const REQUEST_TIMEOUT_MS = 60_000

/** Longest a client may ask for, ms. */
export const REQUEST_TIMEOUT_MAX_MS = 3_600_000

/** The router has this long beyond the deadline to say what became of the request, ms. */
export const ROUTER_GRACE_MS = 1_000

/** `_meta` member by which a client asks for another time than the usual, ms. */
export const TIMEOUT_META_KEY = 'vsmcp/timeoutMs'

export const SESSIONS_MAX = 10_000

/** A day: agents idle overnight, and many hosts do not start a new session by themselves. */
export const SESSION_IDLE_MS = 24 * 60 * 60 * 1000

export const SESSION_SWEEP_MS = 60_000

/** Client capabilities kept per session, bytes: 10,000 sessions hold 40 MB at most. */
export const CAPABILITIES_BYTES_MAX = 4 * 1024

/** Random bytes in a session id: unguessable. */
export const SESSION_ID_BYTES = 24

/** Entries per page. Many clients read only the first, so it is large; a tool's definition is some hundred bytes. */
export const PAGE_LENGTH_MAX = 1_000

/** Pages kept as text until the listing changes. */
export const PAGES_KEPT_MAX = 64

/** How long a client may use a list without asking again, ms. Short: those who do not listen find a new tool soon. */
export const LIST_TTL_MS = 2_000

/** As above for `server/discover`, which changes only with the software. */
export const DISCOVER_TTL_MS = 60_000

/** Time for requests in flight to end when the gateway stops, ms; half of a component's time to stop. */
export const DRAIN_MS = 5_000

/** Time for the answers in flight when a pipe's input ends, ms: `printf … | vsmcp mcp` is answered, and clients kill after 2 s. */
export const PIPE_DRAIN_MS = 500

/** Time for a remote node to accept a connection and answer a list, ms. */
export const REMOTE_TIMEOUT_MS = 10_000

/** Between attempts to reach the node's event stream again, ms. */
export const REMOTE_RETRY_BASE_MS = 100
export const REMOTE_RETRY_MAX_MS = 5_000

if (KEEP_ALIVE_TIMEOUT_MS <= STREAM_KEEP_ALIVE_MS) throw new Error('connections must outlive the pause between keep-alives')
if (STREAMS_MAX >= CONNECTIONS_MAX) throw new Error('listening streams must leave connections for calls')
