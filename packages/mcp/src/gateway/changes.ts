import type { Clock, Logger, Startable, Timer } from '@vsmcp/kernel'
import { CHANGES_COALESCE_MS } from './constants.ts'
import type { GatewayRouter, ListingKind } from './contract.ts'

/** Tells all who listen what changed in the listing: several changes close together once. */
export class Changes implements Startable {
  readonly #router: GatewayRouter
  readonly #clock: Clock
  readonly #logger: Logger
  readonly #listeners = new Set<(kinds: ReadonlySet<ListingKind>) => void>()
  #pending = new Set<ListingKind>()
  #timer: Timer | undefined
  #unsubscribe: (() => void) | undefined

  constructor(router: GatewayRouter, clock: Clock, logger: Logger) {
    this.#router = router
    this.#clock = clock
    this.#logger = logger
  }

  async start(): Promise<void> {
    this.#unsubscribe ??= this.#router.onListingChanged((kinds) => this.#note(kinds))
  }

  async stop(): Promise<void> {
    this.#unsubscribe?.()
    this.#unsubscribe = undefined
    this.#timer?.cancel()
    this.#timer = undefined
    this.#pending.clear()
    this.#listeners.clear()
  }

  /** @returns a function that ends the subscription */
  subscribe(listener: (kinds: ReadonlySet<ListingKind>) => void): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  #note(kinds: ReadonlySet<ListingKind>): void {
    for (const kind of kinds) this.#pending.add(kind)
    if (this.#pending.size > 0) this.#timer ??= this.#clock.after(CHANGES_COALESCE_MS, () => this.#tell())
  }

  #tell(): void {
    const kinds = this.#pending
    this.#pending = new Set()
    this.#timer = undefined
    for (const listener of this.#listeners) {
      try {
        listener(kinds)
      } catch (error) {
        this.#logger.error({ err: error }, 'telling a client about a change failed')
      }
    }
  }
}
