import { InvalidArgumentError } from '@vsmcp/kernel'
import { StateCorruptError } from '../errors.ts'
import { type Entry, entryBytes, type Snapshot, type StoredRaft } from './entry.ts'

/** Where the held log begins: the last entry that is no longer held, or (0, 0). */
interface Marker {
  readonly index: number
  readonly term: number
}

const MARKER_ZERO: Marker = { index: 0, term: 0 }

/**
 * The log since its last compaction, whole in memory, with what is known of each stretch:
 * marker < applied <= committed <= last, and stable <= last. What is between stable and last is not yet on disk.
 */
export class RaftLog {
  #marker: Marker
  #entries: Entry[]
  #bytes = 0
  #stable: number
  #committed: number
  #applied: number
  /** The newest snapshot, for followers that need what is no longer held. */
  #snapshot: Snapshot | undefined
  /** A snapshot from a leader that is not yet on disk nor in the state machine. */
  #pending: Snapshot | undefined

  /** Throws `StateCorruptError` when what was stored contradicts itself. */
  constructor({ hardState, snapshot, entries }: StoredRaft) {
    const snapshotAt: Marker = snapshot ?? MARKER_ZERO
    const first = entries[0]
    if (first !== undefined && first.index > snapshotAt.index + 1) {
      throw corrupt(`the log begins at ${first.index}, behind the snapshot's end at ${snapshotAt.index}`)
    }
    // Entries kept from before the snapshot: the first of them serves as the marker, since its term is known.
    const early = first !== undefined && first.index <= snapshotAt.index
    this.#marker = early ? { index: first.index, term: first.term } : snapshotAt
    this.#entries = early ? entries.slice(1) : [...entries]
    this.#snapshot = snapshot
    let previous = this.#marker
    for (const entry of this.#entries) {
      if (entry.index !== previous.index + 1 || entry.term < previous.term) {
        throw corrupt(`entry (${entry.index}, term ${entry.term}) follows (${previous.index}, term ${previous.term})`)
      }
      previous = entry
      this.#bytes += entryBytes(entry)
    }
    if (snapshot !== undefined && this.termAt(snapshot.index) !== snapshot.term) {
      throw corrupt(`the log and the snapshot disagree about entry ${snapshot.index}, or the log ends before it`)
    }
    if (previous.term > hardState.term) throw corrupt(`the log holds term ${previous.term}, the hard state ${hardState.term}`)
    if (hardState.commit > this.lastIndex) throw corrupt(`entry ${hardState.commit} is committed but not in the log`)
    this.#stable = this.lastIndex
    this.#applied = snapshotAt.index
    this.#committed = Math.max(hardState.commit, snapshotAt.index)
  }

  get firstIndex(): number {
    return this.#marker.index + 1
  }
  get lastIndex(): number {
    return this.#marker.index + this.#entries.length
  }
  get lastTerm(): number {
    return this.#entries.at(-1)?.term ?? this.#marker.term
  }
  get committed(): number {
    return this.#committed
  }
  get applied(): number {
    return this.#applied
  }
  get bytes(): number {
    return this.#bytes
  }
  get snapshot(): Snapshot | undefined {
    return this.#snapshot
  }
  get pendingSnapshot(): Snapshot | undefined {
    return this.#pending
  }
  get hasUnstable(): boolean {
    return this.#stable < this.lastIndex
  }

  /** The term of an entry, `undefined` when it is not held and not the marker. */
  termAt(index: number): number | undefined {
    if (index === this.#marker.index) return this.#marker.term
    return this.#entries[index - this.firstIndex]?.term
  }

  entryAt(index: number): Entry | undefined {
    return this.#entries[index - this.firstIndex]
  }

  matches(index: number, term: number): boolean {
    return this.termAt(index) === term
  }

  /** Whether a log that ends with (term, index) holds all that this one may have committed (Raft paper, 5.4.1). */
  isOutdoneBy(lastTerm: number, lastIndex: number): boolean {
    return lastTerm > this.lastTerm || (lastTerm === this.lastTerm && lastIndex >= this.lastIndex)
  }

  /** Entries from `from` to `to`, both included, at most `countMax` and (after the first) `bytesMax`. */
  slice(from: number, to: number, countMax: number, bytesMax: number): readonly Entry[] {
    const taken: Entry[] = []
    let bytes = 0
    const end = Math.min(to, from + countMax - 1)
    for (let index = Math.max(from, this.firstIndex); index <= end; index++) {
      const entry = this.#entries[index - this.firstIndex]
      if (entry === undefined) break
      bytes += entryBytes(entry)
      if (taken.length > 0 && bytes > bytesMax) break
      taken.push(entry)
    }
    return taken
  }

  /** The last applied entry behind which applied ones of no more than so many bytes are held. */
  appliedBefore(bytesMax: number): number {
    let index = this.#applied
    let bytes = 0
    for (let entry = this.entryAt(index); entry !== undefined; entry = this.entryAt(--index)) {
      bytes += entryBytes(entry)
      if (bytes > bytesMax) break
    }
    return index
  }

  /** Bytes of what is held up to an index. */
  bytesUpTo(index: number): number {
    return this.#entries.slice(0, Math.max(0, index - this.#marker.index)).reduce((sum, entry) => sum + entryBytes(entry), 0)
  }

  /** Changes of configuration behind an index, the first of them. */
  changesAfter(index: number, countMax: number): readonly Entry[] {
    return this.#entries.filter((entry) => entry.type === 'configuration' && entry.index > index).slice(0, countMax)
  }

  /** A leader's own new entries, directly behind the last. */
  append(entry: Entry): void {
    this.#entries.push(entry)
    this.#bytes += entryBytes(entry)
  }

  /**
   * Takes a leader's entries that follow a matching (previousIndex, previousTerm). What conflicts is cut off, what is
   * there already stays: an old message never shortens the log. Committed entries are never touched.
   */
  merge(entries: readonly Entry[]): void {
    const fresh = entries.findIndex((entry) => entry.index > this.#committed && !this.matches(entry.index, entry.term))
    if (fresh === -1) return
    this.#truncate(entries[fresh]?.index ?? this.lastIndex + 1)
    for (const entry of entries.slice(fresh)) this.append(entry)
  }

  /** The largest index up to `index` whose term is at most `term`: everything above it cannot match a log that has `term` there. */
  lastNotAbove(index: number, term: number): Marker {
    let at = Math.min(index, this.lastIndex)
    while (at >= this.firstIndex && (this.termAt(at) ?? 0) > term) at--
    return { index: at, term: this.termAt(at) ?? 0 }
  }

  commitTo(index: number): void {
    this.#committed = Math.max(this.#committed, Math.min(index, this.lastIndex))
  }

  /** Replaces everything by a leader's snapshot, which is pending until `snapshotStored`. */
  restore(snapshot: Snapshot): void {
    this.#marker = { index: snapshot.index, term: snapshot.term }
    this.#entries = []
    this.#bytes = 0
    this.#stable = snapshot.index
    this.#committed = snapshot.index
    this.#snapshot = snapshot
    this.#pending = snapshot
  }

  /** What is to be written. */
  unstable(): readonly Entry[] {
    return this.#entries.slice(Math.max(0, this.#stable + 1 - this.firstIndex))
  }

  /** The disk holds everything up to an entry; ignored when that was replaced meanwhile. */
  stableTo(index: number, term: number): void {
    if (this.matches(index, term)) this.#stable = Math.max(this.#stable, index)
  }

  snapshotStored(snapshot: Snapshot): void {
    if (this.#pending?.index === snapshot.index) this.#pending = undefined
    this.#applied = Math.max(this.#applied, snapshot.index)
  }

  /** Committed entries that were not yet applied. None while a snapshot waits to be installed below them. */
  toApply(countMax: number, bytesMax: number): readonly Entry[] {
    if (this.#pending !== undefined) return []
    return this.slice(this.#applied + 1, this.#committed, countMax, bytesMax)
  }

  appliedTo(index: number): void {
    this.#applied = Math.max(this.#applied, index)
  }

  /** Drops what is held up to `index` and keeps `snapshot` instead. Throws `InvalidArgumentError`. */
  compact(index: number, snapshot: Snapshot): void {
    if (snapshot.index > this.#applied || index > snapshot.index) {
      throw new InvalidArgumentError(
        `cannot compact to ${index} with a snapshot at ${snapshot.index}: applied is ${this.#applied}`,
      )
    }
    const known = this.termAt(snapshot.index)
    if (known !== undefined && known !== snapshot.term) {
      throw new InvalidArgumentError(`the snapshot says term ${snapshot.term} at ${snapshot.index}, the log ${known}`)
    }
    if (snapshot.index >= (this.#snapshot?.index ?? 0)) this.#snapshot = snapshot
    const term = this.termAt(index)
    if (index <= this.#marker.index || term === undefined) return
    for (const entry of this.#entries.splice(0, index - this.#marker.index)) this.#bytes -= entryBytes(entry)
    this.#marker = { index, term }
  }

  #truncate(from: number): void {
    for (const entry of this.#entries.splice(from - this.firstIndex)) this.#bytes -= entryBytes(entry)
    this.#stable = Math.min(this.#stable, from - 1)
  }
}

function corrupt(what: string): StateCorruptError {
  return new StateCorruptError(`the stored Raft state contradicts itself: ${what}`, {
    hint: 'The data directory is damaged or was mixed from two; let this node leave and join anew with an empty one.',
  })
}
