import type { Connection } from '@libp2p/interface'
import type { Multiaddr } from '@multiformats/multiaddr'
import { type Clock, type Logger, messageOf, type PeerIdString } from '@vsmcp/kernel'
import { JOIN_PROTOCOL, JOIN_TIMEOUT_MS, RELAY_DIAL_TIMEOUT_MS } from './constants.ts'
import type { DialOptions, JoinExchange, JoinOptions, PeerInfo } from './contract.ts'
import type { Dialer, Route } from './dialer.ts'
import { ConnectionEndedError } from './errors.ts'
import type { HelloDesk } from './hello-desk.ts'
import { BoundedExchange } from './join.ts'
import type { PeerBook } from './peer-book.ts'
import type { Relays } from './relays.ts'

export interface ReachComponents<Info> {
  readonly clock: Clock
  readonly logger: Logger
  readonly dialer: Dialer
  readonly desk: HelloDesk<Info>
  readonly book: PeerBook<Info>
  /** Undefined before libp2p is made. */
  readonly relays: () => Relays | undefined
  /** Closes a connection that is of no more use, unless a verified peer uses it. */
  readonly discard: (connection: Connection, error: Error) => void
}

/** What this node does to reach somebody: straight, through members, or as a stranger that asks to be let in. */
export class Reach<Info> {
  readonly #c: ReachComponents<Info>

  constructor(components: ReachComponents<Info>) {
    this.#c = components
  }

  /** See `Mesh.dial`. */
  async dial(addresses: readonly string[], { expect, signal, timeoutMs }: DialOptions): Promise<PeerInfo<Info>> {
    const known = expect === undefined ? undefined : this.#c.book.get(expect)
    if (known !== undefined) return known
    try {
      return await this.first(addresses, { expect: expect === undefined ? undefined : [expect], signal, timeoutMs })
    } catch (error) {
      const around = expect === undefined || signal?.aborted === true ? undefined : await this.#around(expect, signal)
      if (around !== undefined) return around
      throw error
    }
  }

  /** The first of the addresses at which a hello is accepted; through nobody else. */
  async first(addresses: readonly (string | Multiaddr)[], route: Route): Promise<PeerInfo<Info>> {
    const { dialer, desk, book } = this.#c
    return dialer.first(addresses, route, async (connection, limit) => {
      await limit.race(desk.greet(connection))
      return limit.race(book.whenUp(connection.remotePeer.toString()))
    })
  }

  /** See `Mesh.join`. */
  async join<T>(
    addresses: readonly string[],
    options: JoinOptions,
    talk: (exchange: JoinExchange, peer: PeerIdString, address: string) => Promise<T>,
  ): Promise<T> {
    const { clock, dialer, discard } = this.#c
    const { exchangeTimeoutMs = JOIN_TIMEOUT_MS, signal } = options
    const reached = await dialer.first(addresses, options, async (connection, limit, address) => {
      const open = connection.newStream(JOIN_PROTOCOL, { signal: limit.signal, runOnLimitedConnection: true })
      return { connection, address, exchange: new BoundedExchange(await limit.race(open), clock, exchangeTimeoutMs) }
    })
    const { connection, address, exchange } = reached
    const onAbort = (): void => exchange.abort('it was cancelled')
    signal?.addEventListener('abort', onAbort, { once: true })
    try {
      const result = await talk(exchange, connection.remotePeer.toString(), address)
      await exchange.finish()
      return result
    } finally {
      signal?.removeEventListener('abort', onAbort)
      exchange.abort('it is over')
      discard(connection, new ConnectionEndedError('the join is over'))
    }
  }

  /** Through members, when no address leads there; whoever cannot be reached may not reach this node, either. */
  async #around(peer: PeerIdString, signal: AbortSignal | undefined): Promise<PeerInfo<Info> | undefined> {
    const { relays, book, logger } = this.#c
    const routes = relays()?.routesTo(peer) ?? []
    if (routes.length === 0) return undefined
    const reserved = relays()?.reserve()
    try {
      return await this.first(routes, { expect: [peer], signal, timeoutMs: RELAY_DIAL_TIMEOUT_MS })
    } catch (error) {
      logger.debug({ peer, error: messageOf(error) }, 'no member leads to a peer')
      await reserved
      return book.get(peer)
    }
  }
}
