import { type KeyValueStore, type Logger, messageOf } from '@vsmcp/kernel'
import { type HeldAlert, heldSchema } from '@vsmcp/vsm'

/** The node's own alerts on its disk. Writes go one after the other; one that fails is logged, and what it was about is held in memory. */
export class AlertStore {
  readonly #kv: KeyValueStore
  readonly #logger: Logger
  #writing: Promise<void> = Promise.resolve()

  constructor(kv: KeyValueStore, logger: Logger) {
    this.#kv = kv
    this.#logger = logger
  }

  async all(): Promise<HeldAlert[]> {
    const alerts: HeldAlert[] = []
    const onDamaged = (alert: string, error: unknown): void =>
      this.#logger.error({ alert, error: messageOf(error) }, 'an alert cannot be read back')
    for await (const [key, value] of this.#kv.entries({ gte: '', lt: '\uffff', onDamaged })) {
      try {
        alerts.push(heldSchema.parse(JSON.parse(Buffer.from(value).toString('utf8'))))
      } catch (error) {
        onDamaged(key, error)
      }
    }
    return alerts.sort((a, b) => a.onsetMs - b.onsetMs)
  }

  put(alert: HeldAlert): void {
    const value = Buffer.from(JSON.stringify(alert))
    this.#soon(() => this.#kv.write([{ type: 'put', key: alert.id, value }], { sync: true }))
  }

  remove(id: string): void {
    this.#soon(() => this.#kv.write([{ type: 'del', key: id }], { sync: true }))
  }

  /** Resolves when all that was given is on disk, or was refused. */
  settled(): Promise<void> {
    return this.#writing
  }

  #soon(write: () => Promise<void>): void {
    this.#writing = this.#writing
      .then(write)
      .catch((error: unknown) => this.#logger.warn({ error: messageOf(error) }, 'the disk does not take an alert'))
  }
}
