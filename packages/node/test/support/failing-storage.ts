import type { RaftWrite, Snapshot, StoredRaft } from '@vsmcp/consensus'
import type { RaftStorage } from '@vsmcp/store'

/** A disk that refuses writes for as long as it is told to. */
export class FailingStorage implements RaftStorage {
  refuses = false
  refused = 0
  readonly #storage: RaftStorage
  #onRefused = (): void => {}

  constructor(storage: RaftStorage) {
    this.#storage = storage
  }

  load(): Promise<StoredRaft | undefined> {
    return this.#storage.load()
  }

  async save(write: RaftWrite): Promise<void> {
    this.#check()
    await this.#storage.save(write)
  }

  async compact(index: number, snapshot: Snapshot): Promise<void> {
    this.#check()
    await this.#storage.compact(index, snapshot)
  }

  async replace(stored: StoredRaft | undefined): Promise<void> {
    this.#check()
    await this.#storage.replace(stored)
  }

  /** Resolves when so many writes were refused in all. */
  refusedTimes(count: number): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>()
    this.#onRefused = () => {
      if (this.refused >= count) resolve()
    }
    this.#onRefused()
    return promise
  }

  #check(): void {
    if (!this.refuses) return
    this.refused++
    this.#onRefused()
    throw new Error('no space left on device')
  }
}
