import { type GossipSub, type GossipSubComponents } from '@libp2p/gossipsub'
import { type Identify, identify } from '@libp2p/identify'
import type { Ed25519PrivateKey, Libp2p } from '@libp2p/interface'
import { noise } from '@libp2p/noise'
import { tcp } from '@libp2p/tcp'
import { yamux } from '@libp2p/yamux'
import { createLibp2p } from 'libp2p'
import { CLOSE_TIMEOUT_MS, CONNECTION_STREAMS_MAX, DIAL_TIMEOUT_MS, UPGRADE_TIMEOUT_MS } from './constants.ts'
import type { Gate } from './gate.ts'
import { memberGossipsub, type Registrar } from './gossip.ts'

export interface NodeInit {
  readonly privateKey: Ed25519PrivateKey
  readonly listen: readonly string[]
  readonly advertise: readonly string[]
  readonly connectionsMax: number
  readonly inboundPerSecondPerIp: number
}

interface Services extends Record<string, unknown> {
  readonly registrar: Registrar
  readonly identify: Identify
  readonly pubsub: GossipSub
}

export type Node = Libp2p<Services>

/**
 * libp2p as this mesh needs it, not started: it dials nobody by itself, pings nobody (the link does, members only) and
 * runs identify only when told to. The gate stands before anything can answer.
 */
export async function createNode(init: NodeInit, gate: Gate): Promise<Node> {
  const { privateKey, listen, advertise, connectionsMax, inboundPerSecondPerIp } = init
  return createLibp2p<Services>({
    start: false,
    privateKey,
    nodeInfo: { name: 'vsmcp', userAgent: 'vsmcp' },
    addresses: { listen: [...listen], appendAnnounce: [...advertise] },
    transports: [tcp()],
    connectionEncrypters: [noise()],
    streamMuxers: [
      yamux({
        // the link pings; yamux would go on after a failed ping anyway
        enableKeepAlive: false,
        maxInboundStreams: CONNECTION_STREAMS_MAX,
        maxOutboundStreams: CONNECTION_STREAMS_MAX,
      }),
    ],
    connectionManager: {
      maxConnections: connectionsMax,
      inboundConnectionThreshold: inboundPerSecondPerIp,
      // the gate bounds these: it drops the oldest, where libp2p would refuse the newest
      maxIncomingPendingConnections: Number.MAX_SAFE_INTEGER,
      inboundUpgradeTimeout: UPGRADE_TIMEOUT_MS,
      inboundStreamProtocolNegotiationTimeout: UPGRADE_TIMEOUT_MS,
      outboundStreamProtocolNegotiationTimeout: UPGRADE_TIMEOUT_MS,
      addressDialTimeout: DIAL_TIMEOUT_MS,
      connectionCloseTimeout: CLOSE_TIMEOUT_MS,
      reconnectRetries: 0,
    },
    connectionMonitor: { enabled: false },
    connectionGater: {
      denyInboundConnection: (maConn) => {
        gate.onHandshake(maConn)
        return false
      },
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
      identify: identify({ runOnConnectionOpen: false, runOnLimitedConnection: true }),
      pubsub: memberGossipsub(),
    },
  })
}
