import type { Clock, KeyValueStore, Logger, Random } from '@vsmcp/kernel'
import { Carrier, type CarrierEvents } from './carrier.ts'
import { DocumentLog } from './document-log.ts'

export interface DocumentComponents {
  store: KeyValueStore
  clock: Clock
  /** Also for the Yjs client id: two nodes must not be given the same sequence. */
  random: Random
  logger: Logger
  onCame: CarrierEvents['onCame']
  onTouched: CarrierEvents['onTouched']
  /** What this node changed is on disk and may be told to others. */
  onStored: (update: Uint8Array) => void
}

/** The carrier together with its log: loaded, and from then on stored as it changes. */
export class StoredDocument {
  readonly carrier: Carrier
  readonly #log: DocumentLog
  #isLoading = false

  constructor({ store, clock, random, logger, onCame, onTouched, onStored }: DocumentComponents) {
    const events: CarrierEvents = {
      onUpdate: (update, local) => {
        if (!this.#isLoading) this.#log.append(update, local)
      },
      onCame,
      onTouched,
      onClientChanged: () => logger.warn({}, 'shared state: somebody writes under the Yjs client id of this node, took another'),
    }
    const carrier = new Carrier(events, random)
    this.carrier = carrier
    this.#log = new DocumentLog({
      store,
      clock,
      logger,
      encode: () => carrier.encode(),
      mark: () => ({ client: carrier.client, clock: carrier.clockOf(carrier.client) }),
      onStored,
    })
  }

  /** Whether the disk refused the last write: nothing should be changed locally then, as nobody may be told. */
  get isFailing(): boolean {
    return this.#log.isFailing
  }

  /** A damaged update is set aside and its content comes again from the peers. */
  async load(): Promise<void> {
    this.#isLoading = true
    const { updates, mark } = await this.#log.load()
    for (const { key, update } of updates) {
      try {
        this.carrier.apply(update)
      } catch (error) {
        await this.#log.quarantine(key, update, error)
      }
    }
    this.#isLoading = false
    // The id of the earlier life is used on only when all that life ever told others is here.
    const isWhole = !this.#log.isDamaged && !this.carrier.isIncomplete
    if (!isWhole) this.#log.rewrite()
    else if (mark !== undefined && this.carrier.clockOf(mark.client) === mark.clock) this.carrier.resume(mark.client)
  }

  /** Gives this document up; the next sync brings that of a peer. */
  reset(): void {
    this.carrier.reset()
    this.#log.rewrite()
  }

  /** Resolves when all is on disk; rejects with what the store threw. */
  stored(): Promise<void> {
    return this.#log.flush()
  }

  async close(): Promise<void> {
    await this.#log.flush().catch(() => undefined) // said in the log when it failed
    this.carrier.destroy()
  }
}
