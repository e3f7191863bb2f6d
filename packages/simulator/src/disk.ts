import { EMPTY_HARD_STATE, type Entry, type HardState, type RaftWrite, type Snapshot, type StoredRaft } from '@vsmcp/consensus'

const EMPTY: StoredRaft = { hardState: EMPTY_HARD_STATE, entries: [] }

interface Image {
  hardState: HardState
  snapshot: Snapshot | undefined
  entries: Entry[]
}

/** A write, or the compaction after a snapshot. */
type Batch = RaftWrite | { readonly compactTo: number; readonly snapshot: Snapshot }

/**
 * A disk that promises what an fsync promises and nothing else: batches are whole or not there (the store guards them by a
 * checksum, so a torn one is as if never written), synced ones stay, and of the others a crash leaves the first few.
 */
export class Disk {
  #durable: Image
  /** What the running process sees: everything written. */
  #written: Image
  #unsynced: Batch[] = []

  constructor(stored: StoredRaft = EMPTY) {
    this.#durable = imageOf(stored)
    this.#written = imageOf(stored)
  }

  get unsyncedCount(): number {
    return this.#unsynced.length
  }

  write(batch: RaftWrite): void {
    this.#unsynced.push(batch)
    perform(this.#written, batch)
    if (batch.mustSync) this.sync()
  }

  compact(compactTo: number, snapshot: Snapshot): void {
    this.#unsynced.push({ compactTo, snapshot })
    perform(this.#written, { compactTo, snapshot })
  }

  /** Puts another log in the place of what there is, whole or not at all. */
  replace(stored: StoredRaft = EMPTY): void {
    this.#unsynced = []
    this.#durable = imageOf(stored)
    this.#written = imageOf(stored)
  }

  sync(): void {
    for (const batch of this.#unsynced) perform(this.#durable, batch)
    this.#unsynced = []
  }

  /** The process dies. Of the batches that were not synced the first `survivors` reached the disk. */
  crash(survivors: number): void {
    for (const batch of this.#unsynced.slice(0, survivors)) perform(this.#durable, batch)
    this.#unsynced = []
    this.#written = imageOf(storedIn(this.#durable))
  }

  read(): StoredRaft {
    return storedIn(this.#written)
  }

  /** What a backup taken now would hold. */
  copy(): StoredRaft {
    return storedIn(this.#durable)
  }

  get hardState(): HardState {
    return this.#written.hardState
  }

  /** The term of an entry that is held, 'compacted' for one before the log begins, `undefined` for none. */
  termAt(index: number): number | 'compacted' | undefined {
    const { snapshot, entries } = this.#written
    const first = entries[0]
    if (first !== undefined && index >= first.index) return entries[index - first.index]?.term
    if (snapshot?.index === index) return snapshot.term
    return index < (snapshot?.index ?? 0) ? 'compacted' : undefined
  }
}

function imageOf({ hardState, snapshot, entries }: StoredRaft): Image {
  return { hardState, snapshot, entries: [...entries] }
}

function storedIn({ hardState, snapshot, entries }: Image): StoredRaft {
  return { hardState, entries: [...entries], ...(snapshot === undefined ? {} : { snapshot }) }
}

function perform(image: Image, batch: Batch): void {
  if ('compactTo' in batch) {
    const { compactTo, snapshot } = batch
    image.snapshot = snapshot
    image.entries = image.entries.filter(({ index }) => index > compactTo)
    return
  }
  if (batch.snapshot !== undefined) {
    image.snapshot = batch.snapshot
    image.entries = []
  }
  const first = batch.entries[0]
  if (first !== undefined) {
    while ((image.entries.at(-1)?.index ?? 0) >= first.index) image.entries.pop()
    image.entries.push(...batch.entries)
  }
  if (batch.hardState !== undefined) image.hardState = batch.hardState
}
