/**
 * The group's shared document: one Yjs document of signed records that every member carries, plus hints about load and
 * liveness that are not kept. The document carries, it never decides: what counts is the newest valid record of each
 * writer that this node has ever seen, so neither a replay nor a deletion by somebody else takes anything away.
 *
 * ```ts
 * const state = createSharedState({ topic: `vsmcp/${mesh}/${group}/state` })({ plane, gossip, store, signer, ... })
 * await state.start()
 * await state.put('units', 'files', { tools: [...] })
 * state.on('changed', ({ collection, keys }) => ...)
 * ```
 */
import type { Clock, Gossip, KeyValueStore, Logger, PeerIdString, Plane, Random, Startable } from '@vsmcp/kernel'
import { YjsSharedState } from './shared-state.ts'

export { StateConflictError, StateFullError, StateNotOwnerError, StateRejectedError, StateTooLargeError } from './errors.ts'

export type JsonValue = null | boolean | number | string | readonly JsonValue[] | { readonly [key: string]: JsonValue }

/** A verified record as readers see it. */
export interface SharedRecord {
  readonly collection: string
  readonly key: string
  /** Whose signature it bears. */
  readonly writer: PeerIdString
  /** The writer's life (counted up at each start), then its count within it: later wins. */
  readonly epoch: number
  readonly seq: number
  /** Wall clock of the writer, milliseconds. */
  readonly issuedAtMs: number
  /** Wall clock, milliseconds; from then on it is as if it were not there. The owner renews it before. */
  readonly expiresAtMs: number
  readonly value: JsonValue
}

export interface PutOptions {
  /**
   * When the record ends, wall clock in milliseconds; at most 30 days ahead. Without it the record lives 7 days and this
   * node renews it at half of that for as long as it runs, also after a restart.
   */
  expiresAtMs?: number
}

export interface SharedStateInit {
  /** Gossip topic of the document, `vsmcp/<mesh>/<group>/state`; also binds every signature to this group. */
  topic: string
  /** How often this node syncs with a random connected peer, jittered by a quarter. @default 15_000 */
  syncIntervalMs?: number
  /** How long one sync request may take. @default 10_000 */
  syncTimeoutMs?: number
  /** Shortest time between two hints sent. @default 1_000 */
  hintIntervalMs?: number
  /** Shortest time between two repairs of the document by this node. @default 1_000 */
  repairIntervalMs?: number
  /**
   * Whether `writer` may hold `key` of `collection` (for units: the docket's owner). Asked at every read; call
   * `reevaluate` when its answers changed. @default everybody may
   */
  mayWrite?: (collection: string, key: string, writer: PeerIdString) => boolean
}

export interface SharedStateComponents {
  /** The state plane. */
  plane: Plane
  /** Its `from` must be the author, not the relay. */
  gossip: Gossip
  /** A namespace of its own. */
  store: KeyValueStore
  signer: { readonly peerId: PeerIdString; sign(bytes: Uint8Array): Promise<Uint8Array> | Uint8Array }
  verify(peer: PeerIdString, bytes: Uint8Array, signature: Uint8Array): Promise<boolean> | boolean
  /** Only members are heard and answered, and only their records shown. */
  isMember(peer: PeerIdString): boolean
  clock: Clock
  /** Seeded differently on each node: Yjs client ids come from it. */
  random: Random
  logger: Logger
}

export interface SharedStateEvents extends Record<string, unknown> {
  /** What `get` answers changed for these keys, of any writer: written, removed, ended, or allowed otherwise. Not told for what `start` loaded. */
  changed: { collection: string; keys: readonly string[] }
  /** Hints of these peers came, changed or ended. */
  hinted: { peers: readonly PeerIdString[] }
}

export interface SharedStateStats {
  /** Size of the whole document as one update. */
  bytes: number
  /** Yjs clients that ever wrote: one per start of a writing node. */
  clients: number
  /** Structs in the document, deleted ones included. */
  items: number
  /** Valid records known, all writers, tombstones included. */
  records: number
  /** Bytes of updates that wait for others to come. */
  pendingBytes: number
  /** Updates and messages refused since the start. */
  rejected: number
  /** Records of this node and others put back into the document since the start. */
  repaired: number
}

export interface SharedState extends Startable {
  /**
   * Signs, stores durably, and spreads a record of this node. Resolves once it is on this disk.
   * Throws `StateNotOwnerError`, `StateTooLargeError` (over 256 KiB), `StateFullError`, and what the store throws.
   */
  put(collection: string, key: string, value: JsonValue, options?: PutOptions): Promise<SharedRecord>
  /** Replaces this node's own record by a signed tombstone. @returns whether there was one */
  remove(collection: string, key: string): Promise<boolean>
  /** The record that counts: of members that may hold the key the newest by issue time. With `writer`: theirs. */
  get(collection: string, key: string, writer?: PeerIdString): SharedRecord | undefined
  /** All records that count, in key order: one per key. With `allWriters`, one per key and allowed writer. */
  entries(collection: string, options?: { allWriters?: boolean }): SharedRecord[]
  on<K extends keyof SharedStateEvents & string>(event: K, listener: (payload: SharedStateEvents[K]) => void): () => void

  /** Says something about this node that is true for seconds (load, draining …), at most 4 KiB; `null` takes it back. */
  setHint(hint: JsonValue): void
  /** What other members said of themselves in the last 30 s, and this node. */
  hints(): ReadonlyMap<PeerIdString, JsonValue>

  /** The node tells who is connected; `peerUp` syncs at once. */
  peerUp(peer: PeerIdString): void
  peerDown(peer: PeerIdString): void
  /** Syncs both ways now. Throws what the plane throws, or `StateRejectedError`. */
  syncWith(peer: PeerIdString): Promise<void>
  /** Membership or the answers of `mayWrite` changed: looks at all records again. */
  reevaluate(): void
  /** Resolves when all that came in is verified and all that changed is stored; rejects with what the store threw. */
  settled(): Promise<void>
  stats(): SharedStateStats
}

/** Wires nothing until `start`: then it loads the document, subscribes and answers `state:*` requests. */
export const createSharedState =
  (init: SharedStateInit) =>
  (components: SharedStateComponents): SharedState =>
    new YjsSharedState(init, components)
