import type { PeerIdString } from './ids.ts'

/** Options of one request over a plane. */
export interface CallOptions {
  /** Milliseconds from now until the caller gives up; travels with the request. */
  deadlineMs: number
  /** Aborting sends a cancel to the peer and rejects the call. */
  signal?: AbortSignal
  /** Called for each progress frame the handler sends before its answer. */
  onProgress?: (payload: Uint8Array) => void
}

/** A request as its handler sees it. */
export interface IncomingCall {
  /** Who asks; the connection has authenticated it and the hello has verified its credential. */
  readonly peer: PeerIdString
  readonly payload: Uint8Array
  /** Milliseconds left when the request arrived. */
  readonly deadlineMs: number
  /** Aborts on cancel, on the deadline and when the connection ends. */
  readonly signal: AbortSignal
  /** Sends a progress frame; resolves when the stream accepts more (back-pressure). */
  progress(payload: Uint8Array): Promise<void>
}

export type CallHandler = (call: IncomingCall) => Promise<Uint8Array>
export type NoticeHandler = (peer: PeerIdString, payload: Uint8Array) => void

/**
 * Multiplexed requests and one-way notices between verified peers, over pooled streams of one protocol. Control, shared
 * state and data each have their own: the planes are never mixed.
 *
 * `call` rejects with `NotSentError` (surely not executed), `OutcomeUnknownError` (sent, no answer), `RemoteError` (the
 * handler threw; its code and message), `TimeoutError`, or `BusyError` (too many in flight).
 */
export interface Plane {
  call(peer: PeerIdString, method: string, payload: Uint8Array, options: CallOptions): Promise<Uint8Array>
  /** Best effort, in order per peer while the connection lives. @returns false when there is no connection or its queue is full */
  notify(peer: PeerIdString, method: string, payload: Uint8Array): boolean
  handle(method: string, handler: CallHandler): void
  onNotice(method: string, handler: NoticeHandler): void
}

/** Gossip within the group. Best effort: no vote and no alert depends on it alone. */
export interface Gossip {
  /** Throws `BusyError` for a payload over the bound; never rejects because nobody listens. */
  publish(topic: string, payload: Uint8Array): Promise<void>
  /** @returns a function that ends the subscription */
  subscribe(topic: string, handler: (from: PeerIdString, payload: Uint8Array) => void): () => void
}

/** Ordered bytes-to-bytes storage. Adapters pass one compliance suite. */
export interface KeyValueStore {
  get(key: string): Promise<Uint8Array | undefined>
  /** With `sync`, resolves only after fsync. */
  write(operations: readonly WriteOperation[], options?: { sync?: boolean }): Promise<void>
  /**
   * Entries with `gte <= key < lt` in key order (UTF-8 byte order). Rejects at a value that is damaged on disk, unless somebody is to be told of each
   * such: then they are left out, and hold up no other.
   */
  entries(range: {
    gte: string
    lt: string
    limit?: number
    reverse?: boolean
    onDamaged?: (key: string, error: unknown) => void
  }): AsyncIterable<readonly [string, Uint8Array]>
}

export type WriteOperation = { type: 'put'; key: string; value: Uint8Array } | { type: 'del'; key: string }

/** One-line structured events; pino in a running node. Never pass a secret. */
export interface Logger {
  debug(fields: object, msg: string): void
  info(fields: object, msg: string): void
  warn(fields: object, msg: string): void
  error(fields: object, msg: string): void
  child(fields: object): Logger
}

export const silentLogger: Logger = {
  debug() {},
  info() {},
  warn() {},
  error() {},
  child: () => silentLogger,
}
