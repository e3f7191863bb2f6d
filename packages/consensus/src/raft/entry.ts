import type { PeerIdString } from '@vsmcp/kernel'
import { ENTRY_OVERHEAD_BYTES } from '../constants.ts'
import type { Configuration } from './configuration.ts'

/** `normal` carries the shell's data, `configuration` an encoded change of voters and learners, `noop` nothing. */
export type EntryType = 'normal' | 'configuration' | 'noop'

/** One line of the log. `(index, term)` names it for ever: two logs that hold the same pair are equal up to there. */
export interface Entry {
  readonly index: number
  readonly term: number
  readonly type: EntryType
  readonly data: Uint8Array
}

/** What a voter must never forget. `vote` is whom it voted for in `term`; `null` when nobody yet. */
export interface HardState {
  readonly term: number
  readonly vote: PeerIdString | null
  readonly commit: number
}

/** The state machine at `index`, whole, with the configuration in force there. */
export interface Snapshot {
  readonly index: number
  readonly term: number
  readonly configuration: Configuration
  /** At most `SNAPSHOT_BYTES_MAX` bytes. */
  readonly data: Uint8Array
}

/**
 * What a store keeps and hands back at the start. `entries` are contiguous; they may begin before `snapshot.index`
 * (kept for followers that lag a little), never later than `snapshot.index + 1`.
 */
export interface StoredRaft {
  readonly hardState: HardState
  readonly snapshot?: Snapshot
  readonly entries: readonly Entry[]
}

/**
 * What a store writes for one `Ready`, all of it in one atomic batch, in this order: `snapshot` replaces the stored one
 * *and the whole stored log*; `entries` replace every stored entry with `index >= entries[0].index`; `hardState`
 * replaces the stored one. With `mustSync` the batch is on disk (fsync) before anything else of the `Ready` is done.
 */
export interface RaftWrite {
  readonly hardState?: HardState
  readonly entries: readonly Entry[]
  readonly snapshot?: Snapshot
  readonly mustSync: boolean
}

/** The hard state of a node that has seen nothing. */
export const EMPTY_HARD_STATE: HardState = { term: 0, vote: null, commit: 0 }

/** Bytes an entry counts for in every bound. */
export function entryBytes(entry: Entry): number {
  return entry.data.length + ENTRY_OVERHEAD_BYTES
}
