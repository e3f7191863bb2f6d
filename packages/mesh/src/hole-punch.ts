import type { Connection, DialTransportOptions, Startable, Topology, Upgrader } from '@libp2p/interface'
import { dcutr, type DCUtRServiceComponents } from '@libp2p/dcutr'
import { type Multiaddr, multiaddr } from '@multiformats/multiaddr'
import type { Random } from '@vsmcp/kernel'
import { PUNCH_PORT_FIRST, PUNCH_PORTS } from './constants.ts'

export interface HolePunchInit {
  readonly random: Random
  /** IP addresses that members see this node come from, as multiaddrs: `/ip4/192.0.2.7`. */
  readonly seenFrom: () => Iterable<string>
  /** Says hello on a connection of ours, or waits for the other side's; rejects when it is not accepted. */
  readonly greet: (connection: Connection) => Promise<void>
}

export interface HolePunch extends Startable {
  /** A relayed connection has been verified. */
  watch(connection: Connection): void
}

/**
 * DCUtR (libp2p's specs/relay/DCUtR.md) over connections that members relay: both ends dial each other at the same moment,
 * and two NATs each take the other's packets for answers. What libp2p 3.3 lacks for it is put in here: both sides dial from
 * a port they have told each other (most NATs keep the port), one of them as the listener of the handshake, and the relay
 * is left only when the new connection's hello is verified and nothing is under way on the old one.
 */
export const holePunch =
  ({ random, seenFrom, greet }: HolePunchInit) =>
  (components: DCUtRServiceComponents & { upgrader: Upgrader }): HolePunch => {
    const { registrar, transportManager, upgrader } = components
    const localPort = PUNCH_PORT_FIRST + Math.floor(random.next() * PUNCH_PORTS)
    const ownAddresses = (): Multiaddr[] => [...seenFrom()].map((host) => multiaddr(`${host}/tcp/${localPort}`))
    const dial = async (address: Multiaddr, options: PunchOptions): Promise<Connection> => {
      const transport = transportManager.dialTransportForMultiaddr(address)
      if (transport === undefined) throw new TypeError(`nothing dials ${address.toString()}`)
      const upgradeOutbound: Upgrader['upgradeOutbound'] = async (maConn, opts) => {
        // of two that dial each other one is the listener, in the handshake and in the numbers of its streams
        if (options.initiator === false) maConn.direction = 'inbound'
        return upgrader.upgradeOutbound(maConn, opts)
      }
      const own = Object.create(upgrader, { upgradeOutbound: { value: upgradeOutbound } }) as Upgrader
      // Node closes a socket when the signal of its dial aborts, however long it stands by then: DCUtR's aborts after five seconds
      const attempt = new AbortController()
      const onAbort = (): void => attempt.abort(options.signal.reason)
      options.signal.addEventListener('abort', onAbort, { once: true })
      try {
        return await transport.dial(address, {
          ...options,
          localPort,
          signal: attempt.signal,
          upgrader: own,
        } as DialTransportOptions)
      } finally {
        options.signal.removeEventListener('abort', onAbort)
      }
    }
    const open = async (addresses: Multiaddr[], options: PunchOptions): Promise<Connection> => {
      const connection = await Promise.any(addresses.map((address) => dial(address, options)))
      await greet(connection)
      return connection
    }
    let topology: Topology | undefined
    const seen: Seen = {
      // whoever says an address of its own is dialled by `Upgrades`
      peerStore: { get: async () => ({ addresses: [] }) },
      logger: components.logger,
      transportManager,
      addressManager: { getAddresses: ownAddresses },
      connectionManager: { openConnection: open },
      registrar: {
        register: async (protocol, registered) => {
          topology = registered
          return protocol
        },
        unregister: () => (topology = undefined),
        handle: (protocol, handler, options) =>
          registrar.handle(protocol, (stream, connection) => handler(stream, kept(connection)), options),
        unhandle: (protocol) => registrar.unhandle(protocol),
      },
    }
    const service = dcutr({ retries: 2 })(seen as unknown as DCUtRServiceComponents) as Startable
    return {
      start: () => service.start(),
      stop: () => service.stop(),
      watch: (connection) => void topology?.onConnect?.(connection.remotePeer, kept(connection)),
    }
  }

/** What DCUtR asks of a dial. */
interface PunchOptions {
  readonly signal: AbortSignal
  readonly initiator?: boolean
}

/** What DCUtR uses of libp2p. */
interface Seen extends Pick<DCUtRServiceComponents, 'logger' | 'transportManager'> {
  peerStore: { get(): Promise<{ addresses: [] }> }
  addressManager: Pick<DCUtRServiceComponents['addressManager'], 'getAddresses'>
  connectionManager: { openConnection(addresses: Multiaddr[], options: PunchOptions): Promise<Connection> }
  registrar: Pick<DCUtRServiceComponents['registrar'], 'handle' | 'unhandle'> & {
    register(protocol: string, topology: Topology): Promise<string>
    unregister(id: string): void
  }
}

/** The relayed connection as DCUtR sees it: closing it is the peer book's business. */
function kept(connection: Connection): Connection {
  return Object.create(connection, { close: { value: async () => {} } }) as Connection
}
