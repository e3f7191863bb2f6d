import { type KeyValueStore, type Logger, messageOf, type WriteOperation } from '@vsmcp/kernel'
import type { RecordId } from './envelope.ts'

const PREFIX = 'rec/'
const END = 'rec0' // the character after "/"

export function recordKey(id: RecordId): string {
  return PREFIX + id
}

/** The highest record seen of each writer, on disk. What came from others is written in passing, without fsync. */
export class RecordLog {
  readonly #store: KeyValueStore
  readonly #logger: Logger
  #pending = new Map<RecordId, Uint8Array | undefined>()
  #running: Promise<void> | undefined

  constructor(store: KeyValueStore, logger: Logger) {
    this.#store = store
    this.#logger = logger
  }

  /** A damaged value costs only itself; of a place that cannot be read at all, those before it are read from the front, those after it from the back. */
  async load(): Promise<Map<RecordId, Uint8Array>> {
    const records = new Map<RecordId, Uint8Array>()
    const leftOut = (error: unknown): void =>
      this.#logger.error({ reason: messageOf(error), read: records.size }, 'shared state: a stored record is damaged, left out')
    const onDamaged = (_key: string, error: unknown): void => leftOut(error)
    for (const reverse of [false, true]) {
      try {
        for await (const [key, bytes] of this.#store.entries({ gte: PREFIX, lt: END, reverse, onDamaged })) {
          const id = key.slice(PREFIX.length)
          if (records.has(id)) break
          records.set(id, bytes)
        }
        break
      } catch (error) {
        leftOut(error)
      }
    }
    return records
  }

  /** `undefined` forgets. */
  put(id: RecordId, bytes: Uint8Array | undefined): void {
    this.#pending.set(id, bytes)
    this.#running ??= this.#run()
  }

  async flush(): Promise<void> {
    while (this.#running !== undefined) await this.#running
  }

  async #run(): Promise<void> {
    await Promise.resolve()
    while (this.#pending.size > 0) {
      const batch = this.#pending
      this.#pending = new Map()
      const operations = [...batch].map(([id, value]): WriteOperation => {
        const key = recordKey(id)
        return value === undefined ? { type: 'del', key } : { type: 'put', key, value }
      })
      try {
        await this.#store.write(operations)
      } catch (error) {
        this.#logger.error({ reason: messageOf(error), records: batch.size }, 'shared state: records cannot be stored')
        for (const [id, value] of batch) if (!this.#pending.has(id)) this.#pending.set(id, value)
        break // tried again with the next record
      }
    }
    this.#running = undefined
  }
}
