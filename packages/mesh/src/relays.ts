import { createHash } from 'node:crypto'
import type { Connection, PeerId, Transport } from '@libp2p/interface'
import { circuitRelayServer, circuitRelayTransport } from '@libp2p/circuit-relay-v2'
import { type Multiaddr, multiaddr } from '@multiformats/multiaddr'
import { type Logger, messageOf, type PeerIdString } from '@vsmcp/kernel'
import { withPeer } from './addresses.ts'
import { RELAY_HOP_TIMEOUT_MS, RELAY_RESERVATIONS_MAX, RELAY_STREAMS_MAX, RELAYS_MAX } from './constants.ts'

type RelayTransport = Transport & { reservationStore: { addRelay(peer: PeerId, type: 'configured'): Promise<unknown> } }

/** What a node does for others: passes on what it cannot read, for members only, since the gate closes its protocol to strangers. */
export const memberRelay = (): ReturnType<typeof circuitRelayServer> =>
  circuitRelayServer({
    hopTimeout: RELAY_HOP_TIMEOUT_MS,
    maxInboundHopStreams: RELAY_STREAMS_MAX,
    maxOutboundStopStreams: RELAY_STREAMS_MAX,
    // libp2p's limits (128 KiB, 2 minutes) keep strangers from living off a relay; there are none here
    reservations: { maxReservations: RELAY_RESERVATIONS_MAX, applyDefaultLimit: false },
  })

/** Dials through members, and is reached through them. It looks for nobody by itself. */
export const relayedTransport = (onMade: (transport: RelayTransport) => void) => {
  const never = { has: () => true, add() {}, remove() {} }
  const make = circuitRelayTransport({ discoveryFilter: never, maxInboundStopStreams: RELAY_STREAMS_MAX })
  return (components: Parameters<typeof make>[0]): Transport => {
    const transport = make(components) as RelayTransport
    onMade(transport)
    return transport
  }
}

/** Whether somebody else passes on what the connection carries. */
export function isRelayed({ remoteAddr }: Pick<Connection, 'remoteAddr'>): boolean {
  return remoteAddr.getComponents().some(({ name }) => name === 'p2p-circuit')
}

export interface RelaysComponents {
  readonly self: PeerIdString
  readonly logger: Logger
  readonly transport: RelayTransport
  /** Verified connections that nobody passes on. */
  readonly direct: () => Iterable<Connection>
}

/**
 * Ways around a NAT: two members that cannot reach each other speak through a third that both are connected to. Neither
 * says where: for each member the relays are those that come first in an order anybody can work out, so both look at
 * the same. Nothing is kept ready while all can reach each other.
 */
export class Relays {
  readonly #c: RelaysComponents
  #reserving: Promise<void> | undefined

  constructor(components: RelaysComponents) {
    this.#c = components
  }

  /** Addresses that lead to the peer through members, the likeliest first. */
  routesTo(peer: PeerIdString): Multiaddr[] {
    return this.#relaysOf(peer).map(({ remoteAddr, remotePeer }) =>
      multiaddr(`${withPeer(remoteAddr, remotePeer.toString()).toString()}/p2p-circuit/p2p/${peer}`),
    )
  }

  /**
   * Somebody could not be reached, and cannot reach this node either, perhaps: lets itself be reached through members. One
   * after the other, and one round at a time: libp2p forgets what waits behind a reservation that was made.
   */
  async reserve(): Promise<void> {
    this.#reserving ??= this.#reserveAll().finally(() => (this.#reserving = undefined))
    await this.#reserving
  }

  async #reserveAll(): Promise<void> {
    const { self, transport, logger } = this.#c
    for (const { remotePeer } of this.#relaysOf(self)) {
      try {
        await transport.reservationStore.addRelay(remotePeer, 'configured')
      } catch (error) {
        logger.debug({ relay: remotePeer.toString(), error: messageOf(error) }, 'a member does not relay for this node')
      }
    }
  }

  #relaysOf(target: PeerIdString): Connection[] {
    const candidates = [...this.#c.direct()].filter(({ remotePeer }) => remotePeer.toString() !== target)
    const ranked = candidates.map((connection) => ({ connection, rank: rankOf(connection.remotePeer.toString(), target) }))
    return ranked
      .sort((a, b) => (a.rank < b.rank ? -1 : 1))
      .slice(0, RELAYS_MAX)
      .map(({ connection }) => connection)
  }
}

/** Rendezvous hashing (Thaler and Ravishankar, 1998): the load is spread, and all come to the same order. */
function rankOf(relay: PeerIdString, target: PeerIdString): string {
  return createHash('sha256').update(`${relay} ${target}`).digest('hex')
}
