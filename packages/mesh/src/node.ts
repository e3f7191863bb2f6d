import { type GossipSub, type GossipSubComponents } from '@libp2p/gossipsub'
import { identify } from '@libp2p/identify'
import type { ComponentLogger, Ed25519PrivateKey, Libp2p, Logger as Libp2pLogger, MultiaddrConnection } from '@libp2p/interface'
import type { DCUtRServiceComponents } from '@libp2p/dcutr'
import { noise } from '@libp2p/noise'
import { tcp } from '@libp2p/tcp'
import { createLibp2p } from 'libp2p'
import {
  CLOSE_TIMEOUT_MS,
  CONNECTION_STREAMS_MAX,
  DIAL_TIMEOUT_MS,
  LISTEN_BACKLOG,
  MUXER_PING_MS,
  UPGRADE_TIMEOUT_MS,
} from './constants.ts'
import type { Gate } from './gate.ts'
import { memberGossipsub, type Registrar } from './gossip.ts'
import type { Hearers } from './hearers.ts'
import { type HolePunch, holePunch, type HolePunchInit } from './hole-punch.ts'
import { memberYamux } from './muxer.ts'
import { forgetOthers } from './peer-store.ts'
import { privateNetwork } from './private-network.ts'
import { memberRelay, relayedTransport } from './relays.ts'
import { WebSocketTransport } from './websocket/transport.ts'

export interface NodeInit {
  readonly privateKey: Ed25519PrivateKey
  readonly listen: readonly string[]
  readonly advertise: readonly string[]
  readonly connectionsMax: number
  readonly helloTimeoutMs: number
  readonly pnetKey: string | undefined
}

interface Services extends Record<string, unknown> {
  readonly registrar: Registrar
  readonly pubsub: GossipSub
  readonly listening: Listening
  readonly punch: HolePunch
}

interface Listening {
  confirm(): void
}

/**
 * libp2p tells nobody an address of a public network that nobody has confirmed, though the machine has it: somebody whom
 * this node trusts would have to say so first. What a node listens on is what it listens on.
 */
const confirmListening = ({ transportManager, addressManager }: DCUtRServiceComponents): Listening => ({
  confirm() {
    for (const address of transportManager.getAddrs()) addressManager.confirmObservedAddr(address, { type: 'transport' })
  },
})

export type Node = Libp2p<Services>

/** What ways around a NAT need, and gossip. */
export interface Around extends HolePunchInit {
  readonly onRelayed: Parameters<typeof relayedTransport>[0]
  readonly hearers: Hearers
}

/** libp2p's own log, unless `DEBUG` asks for it (`DEBUG=libp2p*`): it costs a tenth of a new connection though nobody reads it. */
const silent: Libp2pLogger = Object.assign(() => {}, {
  enabled: false,
  error: () => {},
  trace: () => {},
  newScope: () => silent,
})
const silence: ComponentLogger = { forComponent: () => silent }

interface TransportComponents {
  readonly logger: ComponentLogger
}

/**
 * One system call and one segment for what noise hands down as a length, a text and a tag: TCP's adapter writes every
 * piece of a list by itself (measured: a fifth of a small call's round trip).
 * @returns false: nothing is denied
 */
function joinWrites(maConn: MultiaddrConnection): boolean {
  const send = maConn.send.bind(maConn)
  maConn.send = (data) => send(data.subarray())
  return false
}

/**
 * libp2p as this mesh needs it, not started: it dials nobody by itself, pings nobody (the link does, members only), asks
 * nobody who he is and remembers nobody. The gate stands before anything can answer.
 */
export async function createNode(init: NodeInit, gate: Gate, around: Around): Promise<Node> {
  const { privateKey, listen, advertise, connectionsMax, helloTimeoutMs, pnetKey } = init
  return createLibp2p<Services>({
    start: false,
    privateKey,
    ...(process.env['DEBUG'] === undefined ? { logger: silence } : {}),
    nodeInfo: { name: 'vsmcp', userAgent: 'vsmcp' },
    addresses: { listen: [...listen], appendAnnounce: [...advertise] },
    transports: [
      tcp({ backlog: LISTEN_BACKLOG }),
      ({ logger }: TransportComponents) => new WebSocketTransport(logger, (socket) => gate.onSocket(socket)),
      relayedTransport(around.onRelayed),
    ],
    ...(pnetKey === undefined ? {} : { connectionProtector: await privateNetwork(pnetKey) }),
    connectionEncrypters: [noise()],
    streamMuxers: [
      memberYamux({
        // its pings only measure the round trip, without which it never widens a stream's window; the link finds the dead
        enableKeepAlive: true,
        keepAliveInterval: MUXER_PING_MS,
        maxInboundStreams: CONNECTION_STREAMS_MAX,
        maxOutboundStreams: CONNECTION_STREAMS_MAX,
      }),
    ],
    connectionManager: {
      maxConnections: connectionsMax,
      // the gate bounds these: it counts an IPv6 network as one source, and drops the oldest where libp2p would refuse the newest
      inboundConnectionThreshold: Number.MAX_SAFE_INTEGER,
      maxIncomingPendingConnections: Number.MAX_SAFE_INTEGER,
      inboundUpgradeTimeout: Math.min(UPGRADE_TIMEOUT_MS, helloTimeoutMs),
      inboundStreamProtocolNegotiationTimeout: UPGRADE_TIMEOUT_MS,
      outboundStreamProtocolNegotiationTimeout: UPGRADE_TIMEOUT_MS,
      addressDialTimeout: DIAL_TIMEOUT_MS,
      connectionCloseTimeout: CLOSE_TIMEOUT_MS,
      reconnectRetries: 0,
    },
    connectionMonitor: { enabled: false },
    connectionGater: {
      denyInboundConnection: (maConn) => !gate.onHandshake(maConn),
      denyInboundEncryptedConnection: (_peer, maConn) => joinWrites(maConn),
      denyOutboundEncryptedConnection: (_peer, maConn) => joinWrites(maConn),
      denyInboundUpgradedConnection: (_peer, maConn) => {
        gate.onHandshakeDone(maConn)
        return false
      },
    },
    services: {
      // first of all services: those that follow register their protocols behind the gate
      registrar: ({ registrar }: GossipSubComponents) => {
        gate.guard(registrar)
        return registrar
      },
      peerStore: ({ peerStore, peerId }: GossipSubComponents) => forgetOthers(peerStore, peerId),
      // only answered: members of earlier versions find out by it whether there is gossip
      identify: identify({ runOnConnectionOpen: false, runOnLimitedConnection: true }),
      pubsub: memberGossipsub(around.hearers),
      listening: confirmListening,
      relay: memberRelay(),
      punch: holePunch(around),
    },
  })
}
