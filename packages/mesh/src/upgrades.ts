import type { Connection } from '@libp2p/interface'
import { type Clock, type Logger, messageOf, type PeerIdString, type Random, type Timer } from '@vsmcp/kernel'
import { DIRECT_RETRY_FIRST_MS, DIRECT_RETRY_MS } from './constants.ts'

export interface UpgradesComponents {
  readonly clock: Clock
  readonly random: Random
  readonly logger: Logger
  /** Where the peer says it listens. */
  readonly addressesOf: (connection: Connection) => readonly string[]
  /** Reaches one of the addresses without the relay and has the hello verified there; the relayed connection then retires. */
  readonly dialDirect: (peer: PeerIdString, addresses: readonly string[]) => Promise<void>
}

/** Looks for a direct way to every peer that is reached through another, soon and then again and again: networks change. */
export class Upgrades {
  readonly #c: UpgradesComponents
  readonly #timers = new Map<Connection, Timer>()

  constructor(components: UpgradesComponents) {
    this.#c = components
  }

  /** A relayed connection has been verified. */
  watch(connection: Connection): void {
    this.#schedule(connection, DIRECT_RETRY_FIRST_MS)
    connection.addEventListener('close', () => this.#forget(connection), { once: true })
    if (connection.status !== 'open') this.#forget(connection)
  }

  stop(): void {
    for (const connection of this.#timers.keys()) this.#forget(connection)
  }

  #schedule(connection: Connection, delayMs: number): void {
    const jittered = delayMs * (0.5 + this.#c.random.next())
    this.#timers.set(
      connection,
      this.#c.clock.after(jittered, () => void this.#look(connection)),
    )
  }

  async #look(connection: Connection): Promise<void> {
    const peer = connection.remotePeer.toString()
    try {
      const addresses = this.#c.addressesOf(connection)
      if (addresses.length > 0) await this.#c.dialDirect(peer, addresses)
    } catch (error) {
      this.#c.logger.debug({ peer, error: messageOf(error) }, 'a relayed peer is not reached directly')
    }
    if (this.#timers.has(connection)) this.#schedule(connection, DIRECT_RETRY_MS)
  }

  #forget(connection: Connection): void {
    this.#timers.get(connection)?.cancel()
    this.#timers.delete(connection)
  }
}
