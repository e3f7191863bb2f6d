/**
 * What a node remembers, on disk by LevelDB: the consensus log, fsynced before it is acknowledged, and ordered
 * key-value namespaces for everything else. One process per data directory, one writer queue, checksums on every value.
 *
 * ```ts
 * const store = await openStore({ dir: '/var/lib/vsmcp' })({ clock: systemClock, logger })
 * await store.raft.save({ hardState, entries })            // resolves after fsync
 * await store.kv('units').write([{ type: 'put', key: 'files', value }])
 * await store.stop()
 * ```
 */
import type { Clock, KeyValueStore, Logger, Startable } from '@vsmcp/kernel'
import { openLevelStore } from './level-store.ts'

export {
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
}

export interface StoreComponents {
  clock: Clock
  logger: Logger
}

/** Term, vote and commit index: what must never be forgotten. */
export interface RaftHardState {
  term: number
  vote: string | null
  commit: number
}

/** One entry of the consensus log; fields beyond index and term are stored as they are. */
export interface RaftEntry {
  index: number
  term: number
}

/** The state up to and including `index`, whole; further fields are stored as they are. */
export interface RaftSnapshot {
  index: number
  term: number
}

export interface RaftState {
  hardState: RaftHardState | undefined
  /** In order, without gaps; the first follows the snapshot (or is 1). */
  entries: RaftEntry[]
  snapshot: RaftSnapshot | undefined
}

/** One atomic change: after a crash either all of it is there or nothing. */
export interface RaftChanges {
  hardState?: RaftHardState
  /** Drop all entries from this index on, before `entries` are appended. Entries that are there already are overwritten anyway. */
  truncateFrom?: number
  /** In order, without gaps. */
  entries?: readonly RaftEntry[]
  snapshot?: RaftSnapshot
  /** Drop all entries up to and including this index. */
  compactTo?: number
  /** Resolve only after fsync. @default true */
  mustSync?: boolean
}

export interface RaftStorage {
  /** Throws `StoreCorruptError` when a value fails its checksum or the log has a gap. */
  load(): Promise<RaftState>
  /**
   * Saves queued behind a running fsync share the next one. A rejected save may still be found after a restart (the disk
   * failed between writing and answering), whole or not at all: the caller stops acting on it until a save succeeds.
   */
  save(changes: RaftChanges): Promise<void>
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
 * Throws `StoreLockedError` (another process has it; names its pid), `StoreFormatNewerError`, `StoreFormatUnknownError`,
 * `StoreNotFoundError`, `StoreCorruptError`, `StoreFullError`, `StoreIoError`.
 */
export const openStore =
  (init: StoreInit) =>
  (components: StoreComponents): Promise<Store> =>
    openLevelStore(init, components)
