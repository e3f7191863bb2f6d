/**
 * What a node remembers, on disk by LevelDB: the consensus log, fsynced before it is acknowledged, and ordered
 * key-value namespaces for everything else. One process per data directory, one writer queue, checksums on every value.
 *
 * ```ts
 * const store = await openStore({ dir: '/var/lib/vsmcp' })({ clock: systemClock, logger })
 * await store.raft.save({ hardState, entries, mustSync: true })   // resolves after fsync
 * await store.kv('units').write([{ type: 'put', key: 'files', value }])
 * await store.stop()
 * ```
 */
import type { RaftWrite, Snapshot, StoredRaft } from '@vsmcp/consensus'
import type { Clock, KeyValueStore, Logger, Startable } from '@vsmcp/kernel'
import { openLevelStore } from './level-store.ts'

export {
  StoreCopiedError,
  StoreCorruptError,
  StoreFormatNewerError,
  StoreFormatUnknownError,
  StoreFullError,
  StoreIoError,
  StoreLockedError,
  StoreNotFoundError,
} from './errors.ts'
export { createMemoryStore } from './memory.ts'

export interface StoreInit {
  /** The node's data directory. Gets mode 0700, a `format` file, a `holder` file and the database in `db/`. */
  dir: string
  /** Make the directory when there is none; otherwise `StoreNotFoundError`. @default true */
  create?: boolean
  /** Open it although it is a copy: to read what it holds, never to run the node it was. @default false */
  evenIfCopied?: boolean
}

export interface StoreComponents {
  clock: Clock
  logger: Logger
}

/**
 * The consensus log on disk, in consensus' own types. Every call is one atomic batch: after a crash all of it is there or
 * nothing. Calls take effect in the order made; those made behind a running fsync share the next one.
 *
 * A rejected write may still be found after a restart (the disk failed between writing and answering), whole or not at
 * all. What was queued behind it is rejected with it. Whoever saves stops acting until a save has succeeded.
 */
export interface RaftStorage {
  /** `undefined` when nothing was ever saved. Throws `StoreCorruptError` when a checksum does not fit or the log has a hole. */
  load(): Promise<StoredRaft | undefined>
  /** As `RaftWrite` says. Throws `InvalidArgumentError` for entries that do not continue the log, `StoreFullError`, `StoreIoError`. */
  save(write: RaftWrite): Promise<void>
  /** Keeps `snapshot` of this node's own state and drops entries up to `index`, which it covers; fsynced. */
  compact(index: number, snapshot: Snapshot): Promise<void>
  /** Forgets all there was, votes included, and keeps `stored`, or nothing; fsynced. For a group that goes on in another epoch. */
  replace(stored: StoredRaft | undefined): Promise<void>
}

export interface StoreStats {
  /** Writes asked for since opening. */
  writes: number
  /** Batches they were merged into. */
  batches: number
  /** Of these, batches that were fsynced. */
  syncs: number
  /** Writes waiting now. */
  queued: number
  /** Why writing is refused at the moment. */
  refusing: 'full' | 'io' | undefined
}

export interface Store extends Startable {
  readonly dir: string
  readonly raft: RaftStorage
  /** Isolated by name (`[a-z0-9][a-z0-9-]{0,63}`); the same name gives the same data. Values over 64 MiB are refused. */
  kv(namespace: string): KeyValueStore
  stats(): StoreStats
  /** Already open when you get it: does nothing. */
  start(): Promise<void>
  /** Finishes queued writes, closes the database and gives the directory free. Later calls reject with `StoppedError`. */
  stop(): Promise<void>
}

/**
 * Opens a data directory.
 *
 * Throws `StoreLockedError` (another process has it; names its pid), `StoreCopiedError`, `StoreFormatNewerError`, `StoreFormatUnknownError`,
 * `StoreNotFoundError`, `StoreCorruptError`, `StoreFullError`, `StoreIoError`.
 */
export const openStore =
  (init: StoreInit) =>
  (components: StoreComponents): Promise<Store> =>
    openLevelStore(init, components)
