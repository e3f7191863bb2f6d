/** Largest request body and longest NDJSON line, bytes: the bound on any frame of this project. */
export const BODY_MAX_BYTES = 16 * 1024 * 1024

/**
 * Longest path a Unix socket can have, bytes without the closing NUL: `sun_path` is 108 bytes on Linux, 104 on macOS and
 * the BSDs. A longer one is cut short or refused by the kernel.
 */
export const SOCKET_PATH_MAX_BYTES = process.platform === 'linux' ? 107 : 103

/** Name of the socket, or of the link to it, in the data directory. */
export const SOCKET_NAME = 'control.sock'

/** Characters of an anchor of the chain of voters: a statement of 12 KiB and one signature in base64url take 17,000. */
export const ANCHOR_LENGTH_MAX = 20_000

/** How long a plain request waits for its answer, ms: reads are answered from memory; a doctor's checks take seconds. */
export const ANSWER_TIMEOUT_MS = 15_000

/** Added to a deadline that the node itself keeps, ms, so that the node's own, better worded answer comes first. */
export const DEADLINE_MARGIN_MS = 5_000

/** Leaving and stopping drain the calls in flight and hand over leadership, ms. */
export const STOP_TIMEOUT_MS = 60_000

/** How long a socket found in place may take to accept a connection before it counts as dead, ms: local, so at once. */
export const SOCKET_PROBE_TIMEOUT_MS = 1_000

/** How long answers in flight may take to leave when the server stops, ms: they are computed, only the bytes remain. */
export const DRAIN_TIMEOUT_MS = 2_000

/** How long a client may take to send its request head, ms: it is local. */
export const HEADERS_TIMEOUT_MS = 10_000

/** Most connections at once: shells and scripts of one user. More are refused by the operating system's queue. */
export const CONNECTIONS_MAX = 256

/** A simulation may take a minute at the node, and wait for others before it, milliseconds. */
export const SIMULATION_TIMEOUT_MS = 120_000
