import { statfs } from 'node:fs/promises'
import { type Clock, type Logger, messageOf, StoppedError, type VsmcpError } from '@vsmcp/kernel'
import { Level } from 'level'
import { RECOVERY_SPACE_BYTES, REOPEN_INTERVAL_MS, WRITE_BUFFER_BYTES } from './constants.ts'
import { StoreFullError } from './errors.ts'
import { fullError, toStoreError } from './translate.ts'

export type Bytes = Uint8Array
export type Db = Level<string, Bytes>
export type BatchOperation = { type: 'put'; key: string; value: Bytes } | { type: 'del'; key: string }

/**
 * One LevelDB, reopened when the disk has failed a write.
 *
 * After a failed append LevelDB goes on at the wrong place of its log, and what it acknowledges from then on is dropped when
 * the log is replayed. So after any failed write nothing is written until the database was closed and opened again, and
 * that is tried only once there is space for it. Reading goes on from the open database meanwhile.
 */
export class Database {
  readonly #location: string
  readonly #clock: Clock
  readonly #logger: Logger
  #db: Db
  #reading = 0
  #idle: PromiseWithResolvers<void> | undefined
  #reopening: Promise<void> | undefined
  #refusal: VsmcpError | undefined
  #lastReopenMs = Number.NEGATIVE_INFINITY
  #closed = false

  constructor(location: string, clock: Clock, logger: Logger) {
    this.#location = location
    this.#clock = clock
    this.#logger = logger
    this.#db = new Level<string, Bytes>(location, { keyEncoding: 'utf8', valueEncoding: 'view' })
  }

  /** Throws what level throws: the caller tells a held lock from the rest. */
  async open(createIfMissing: boolean): Promise<void> {
    await this.#db.open({ createIfMissing, writeBufferSize: WRITE_BUFFER_BYTES })
  }

  get refusing(): 'full' | 'io' | undefined {
    if (this.#refusal === undefined) return undefined
    return this.#refusal instanceof StoreFullError ? 'full' : 'io'
  }

  async read<T>(work: (db: Db) => Promise<T>): Promise<T> {
    while (this.#reopening !== undefined) await this.#reopening
    if (this.#closed) throw new StoppedError('the store is closed')
    // Reopening failed half-way: whoever has to read before it writes would else wait for ever for somebody else's write.
    if (this.#db.status !== 'open') await this.#recover(this.#refusal ?? fullError('reading'))
    this.#reading++
    try {
      return await work(this.#db)
    } catch (error) {
      throw toStoreError(error, 'reading')
    } finally {
      this.#reading--
      if (this.#reading === 0) this.#idle?.resolve()
    }
  }

  /** To be called by one writer at a time. Rejects whole; see `RaftStorage.save` for what that means after a restart. */
  async write(operations: BatchOperation[], sync: boolean): Promise<void> {
    if (this.#refusal !== undefined) await this.#recover(this.#refusal)
    try {
      await this.#db.batch(operations, { sync })
    } catch (error) {
      this.#refusal = toStoreError(error, 'writing')
      this.#logger.error({ code: this.#refusal.code, reason: messageOf(error) }, 'disk refused a write')
      throw this.#refusal
    }
  }

  async close(): Promise<void> {
    this.#closed = true
    await this.#idleReads()
    await this.#db.close()
  }

  async #recover(refusal: VsmcpError): Promise<void> {
    if (this.#reopening === undefined) {
      if (this.#clock.monotonicMs() - this.#lastReopenMs < REOPEN_INTERVAL_MS) throw refusal
      this.#reopening = this.#reopen().finally(() => {
        this.#reopening = undefined
      })
    }
    await this.#reopening
  }

  async #reopen(): Promise<void> {
    if ((await this.#freeBytes()) < RECOVERY_SPACE_BYTES) throw fullError('writing')
    this.#lastReopenMs = this.#clock.monotonicMs()
    try {
      await this.#idleReads()
      await this.#db.close()
      await this.open(false)
    } catch (error) {
      this.#refusal = toStoreError(error, 'reopening the database')
      throw this.#refusal
    }
    this.#refusal = undefined
    this.#logger.info({}, 'disk accepts writes again')
  }

  async #idleReads(): Promise<void> {
    if (this.#reading === 0) return
    this.#idle ??= Promise.withResolvers<void>()
    await this.#idle.promise
    this.#idle = undefined
  }

  async #freeBytes(): Promise<number> {
    try {
      const { bavail, bsize } = await statfs(this.#location)
      return bavail * bsize
    } catch (error) {
      throw toStoreError(error, 'asking for free space')
    }
  }
}
