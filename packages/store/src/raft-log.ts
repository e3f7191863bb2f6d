import type { Entry, HardState, RaftWrite, Snapshot, StoredRaft } from '@vsmcp/consensus'
import { EMPTY_HARD_STATE } from '@vsmcp/consensus'
import { InvalidArgumentError, type VsmcpError } from '@vsmcp/kernel'
import { Packr } from 'msgpackr'
import { seal, unseal } from './checksum.ts'
import type { BatchOperation, Database, Db } from './database.ts'
import { REJOIN_HINT, StoreCorruptError } from './errors.ts'
import type { RaftStorage } from './index.ts'
import type { Writer } from './writer.ts'

const STATE_KEY = 'r!state'
const SNAPSHOT_KEY = 'r!snapshot'
const ENTRY_PREFIX = 'r!entry!'
/** Hex digits of the largest safe integer: keys sort as their indexes do. */
const INDEX_DIGITS = 14

/** Written with every batch: says which entries there must be, so that a hole in them is seen. `last < first`: none. */
interface LogState {
  hardState: HardState
  first: number
  last: number
  snapshotIndex: number
}

const NOTHING: LogState = { hardState: EMPTY_HARD_STATE, first: 1, last: 0, snapshotIndex: 0 }

/** The time between two failed writes: what was queued behind a failure was computed on a log that does not exist. */
interface Life {
  failure?: VsmcpError
}

const packr = new Packr({ useRecords: false })

export class LevelRaftStorage implements RaftStorage {
  readonly #database: Database
  readonly #writer: Writer
  /** As it will be once the queue is written; undefined when a write failed and the disk has to be asked. */
  #state: LogState | undefined
  #reading: Promise<void> | undefined
  #life: Life = {}

  constructor(database: Database, writer: Writer) {
    this.#database = database
    this.#writer = writer
  }

  load(): Promise<StoredRaft | undefined> {
    return this.#database.read(async (db) => {
      const state = await get<LogState>(db, STATE_KEY)
      if (state === undefined) return undefined
      const snapshot = await get<Snapshot>(db, SNAPSHOT_KEY)
      const entries: Entry[] = []
      for await (const [key, sealed] of db.iterator({ gte: ENTRY_PREFIX, lt: after(ENTRY_PREFIX) })) {
        entries.push(unpack(key, sealed) as Entry)
      }
      checkWhole(state, snapshot, entries)
      return snapshot === undefined ? { hardState: state.hardState, entries } : { hardState: state.hardState, entries, snapshot }
    })
  }

  async save({ hardState, entries, snapshot, mustSync }: RaftWrite): Promise<void> {
    while (this.#state === undefined) await this.open()
    const state = this.#state // read and replaced in one turn, so that saves build on one another in their order
    const next = { ...state, ...(hardState === undefined ? {} : { hardState }) }
    const operations: BatchOperation[] = []
    if (snapshot !== undefined) {
      operations.push(...deletions(state.first, state.last), put(SNAPSHOT_KEY, snapshot))
      next.snapshotIndex = snapshot.index
      next.first = snapshot.index + 1
      next.last = snapshot.index
    }
    const first = entries[0]
    if (first !== undefined) {
      checkFits(next, entries, first.index)
      const last = first.index + entries.length - 1
      operations.push(...deletions(last + 1, next.last), ...entries.map((entry) => put(entryKey(entry.index), entry)))
      next.first = Math.min(next.first, first.index)
      next.last = last
    }
    await this.#write(operations, next, mustSync)
  }

  async compact(index: number, snapshot: Snapshot): Promise<void> {
    while (this.#state === undefined) await this.open()
    const state = this.#state
    if (index > snapshot.index || snapshot.index > state.last || snapshot.index < state.snapshotIndex) {
      throw new InvalidArgumentError(
        `cannot compact the log (${state.first} to ${state.last}) to ${index} with a snapshot of ${snapshot.index}`,
      )
    }
    const first = Math.max(state.first, index + 1)
    const next = { ...state, snapshotIndex: snapshot.index, first }
    await this.#write([put(SNAPSHOT_KEY, snapshot), ...deletions(state.first, first - 1)], next, true)
  }

  async replace(stored: StoredRaft | undefined): Promise<void> {
    while (this.#state === undefined) await this.open()
    const gone = deletions(this.#state.first, this.#state.last)
    const snapshot: BatchOperation[] = stored?.snapshot === undefined ? [] : [put(SNAPSHOT_KEY, stored.snapshot)]
    const index = stored?.snapshot?.index ?? 0
    const next = { hardState: stored?.hardState ?? EMPTY_HARD_STATE, first: index + 1, last: index, snapshotIndex: index }
    if (stored !== undefined && stored.entries.length > 0) {
      throw new InvalidArgumentError('a log that takes the place of another begins with a snapshot alone')
    }
    await this.#write([...gone, { type: 'del', key: SNAPSHOT_KEY }, ...snapshot], next, true)
  }

  /** To be awaited while the state is not known: at the start and after a failed write. */
  async open(): Promise<void> {
    this.#reading ??= this.#readState().finally(() => {
      this.#reading = undefined
    })
    await this.#reading
  }

  async #readState(): Promise<void> {
    await this.#writer.write([], false) // behind all that is still queued
    this.#state = (await this.#database.read((db) => get<LogState>(db, STATE_KEY))) ?? NOTHING
  }

  async #write(operations: BatchOperation[], next: LogState, sync: boolean): Promise<void> {
    const life = this.#life
    const done = this.#writer.write([...operations, put(STATE_KEY, next)], sync, {
      objection: () => life.failure,
      failed: (error) => this.#fail(life, error),
    })
    this.#state = next
    await done
  }

  #fail(life: Life, error: VsmcpError): void {
    if (life !== this.#life) return
    life.failure = error
    this.#life = {}
    this.#state = undefined
  }
}

function entryKey(index: number): string {
  return ENTRY_PREFIX + index.toString(16).padStart(INDEX_DIGITS, '0')
}

function after(prefix: string): string {
  return `${prefix.slice(0, -1)}"` // the character after "!"
}

function put(key: string, value: unknown): BatchOperation {
  return { type: 'put', key, value: seal(key, packr.pack(value)) }
}

function deletions(from: number, to: number): BatchOperation[] {
  return Array.from({ length: Math.max(0, to - from + 1) }, (_, at) => ({ type: 'del', key: entryKey(from + at) }))
}

async function get<T>(db: Db, key: string): Promise<T | undefined> {
  // Typed as always there by level, undefined when it is not (abstract-level 3).
  const sealed: Uint8Array | undefined = await db.get(key)
  return sealed === undefined ? undefined : (unpack(key, sealed) as T)
}

function unpack(key: string, sealed: Uint8Array): unknown {
  const packed = unseal(key, sealed)
  try {
    // A plain view, not a Buffer, so that bytes inside come out as Uint8Array.
    return packr.unpack(new Uint8Array(packed.buffer, packed.byteOffset, packed.byteLength))
  } catch (cause) {
    throw new StoreCorruptError(`the stored value of "${key}" cannot be decoded`, { hint: REJOIN_HINT, cause, details: { key } })
  }
}

function checkFits(state: LogState, entries: readonly Entry[], first: number): void {
  const lowest = state.last < state.first ? state.snapshotIndex + 1 : state.first
  const ordered = entries.every((entry, at) => entry.index === first + at)
  if (ordered && Number.isSafeInteger(first) && first >= lowest && first <= state.last + 1) return
  throw new InvalidArgumentError(`entries from ${first} on do not continue the stored log (${state.first} to ${state.last})`)
}

function checkWhole(state: LogState, snapshot: Snapshot | undefined, entries: readonly Entry[]): void {
  const count = Math.max(0, state.last - state.first + 1)
  const whole = entries.length === count && entries.every((entry, at) => entry.index === state.first + at)
  if (whole && (snapshot?.index ?? 0) === state.snapshotIndex && state.first <= state.snapshotIndex + 1) return
  throw new StoreCorruptError(
    `the consensus log is not whole: ${state.first} to ${state.last} after snapshot ${state.snapshotIndex} expected, ` +
      `${entries.length} entries after snapshot ${snapshot?.index ?? 0} found`,
    { hint: REJOIN_HINT },
  )
}
