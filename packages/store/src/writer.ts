import { BusyError, StoppedError, type VsmcpError } from '@vsmcp/kernel'
import { BATCH_BYTES_MAX, QUEUE_BYTES_MAX, QUEUE_LENGTH_MAX } from './constants.ts'
import type { BatchOperation, Database } from './database.ts'
import { toStoreError } from './translate.ts'

/** For a writer of its own state: what is queued behind a failed write was computed on a state that does not exist. */
export interface Guard {
  /** Asked when the job's turn has come: an error keeps it out of the batch. */
  objection(): VsmcpError | undefined
  /** Told at once, before any later job has its turn. */
  failed(error: VsmcpError): void
}

interface Job {
  operations: readonly BatchOperation[]
  sync: boolean
  bytes: number
  guard: Guard | undefined
  done: PromiseWithResolvers<void>
}

/** What one entry costs beside its value: keys and LevelDB's framing, roughly. Bytes. */
const OPERATION_BYTES = 64

/**
 * The one writer of a database: jobs are carried out in the order they came, those that wait behind a running fsync
 * together, as one atomic batch with one fsync (group commit).
 */
export class Writer {
  readonly #database: Database
  readonly #queue: Job[] = []
  #queuedBytes = 0
  #running: Promise<void> | undefined
  #stopped = false
  #writes = 0
  #batches = 0
  #syncs = 0

  constructor(database: Database) {
    this.#database = database
  }

  get counts(): { writes: number; batches: number; syncs: number; queued: number } {
    return { writes: this.#writes, batches: this.#batches, syncs: this.#syncs, queued: this.#queue.length }
  }

  /** Throws at once, queueing nothing: `BusyError` when too much waits already, `StoppedError`. */
  write(operations: readonly BatchOperation[], sync: boolean, guard?: Guard): Promise<void> {
    if (this.#stopped) throw new StoppedError('the store is closed')
    const bytes = operations.reduce((sum, op) => sum + OPERATION_BYTES + (op.type === 'put' ? op.value.length : 0), 0)
    if (this.#queue.length >= QUEUE_LENGTH_MAX || this.#queuedBytes + bytes > QUEUE_BYTES_MAX) {
      throw new BusyError('too many writes wait for the disk', {
        hint: 'The disk is too slow for what is asked of it; try again.',
      })
    }
    const done = Promise.withResolvers<void>()
    this.#queue.push({ operations, sync, bytes, guard, done })
    this.#queuedBytes += bytes
    if (operations.length > 0) this.#writes++
    this.#running ??= this.#run()
    return done.promise
  }

  /** Carries out what is queued, then refuses. */
  async stop(): Promise<void> {
    this.#stopped = true
    await this.#running
  }

  async #run(): Promise<void> {
    await Promise.resolve() // all that is written in this turn goes into the first batch
    while (this.#queue.length > 0) await this.#commit(this.#takeBatch())
    this.#running = undefined
  }

  #takeBatch(): Job[] {
    const batch: Job[] = []
    let bytes = 0
    for (let job = this.#queue[0]; job !== undefined; job = this.#queue[0]) {
      if (batch.length > 0 && bytes + job.bytes > BATCH_BYTES_MAX) break
      this.#queue.shift()
      this.#queuedBytes -= job.bytes
      const objection = job.guard?.objection()
      if (objection !== undefined) {
        job.done.reject(objection)
        continue
      }
      batch.push(job)
      bytes += job.bytes
    }
    return batch
  }

  async #commit(batch: readonly Job[]): Promise<void> {
    if (batch.length === 0) return
    const sync = batch.some((job) => job.sync)
    const operations = batch.flatMap((job) => job.operations)
    try {
      // Nothing to write, only a turn in the queue: the disk need not be asked unless it refused the last time.
      if (operations.length === 0 && !sync && this.#database.refusing === undefined)
        return batch.forEach((job) => job.done.resolve())
      await this.#database.write(operations, sync)
    } catch (error) {
      const failure = toStoreError(error, 'writing')
      for (const job of batch) job.guard?.failed(failure)
      for (const job of batch) job.done.reject(failure)
      return
    }
    this.#batches++
    if (sync) this.#syncs++
    for (const job of batch) job.done.resolve()
  }
}
