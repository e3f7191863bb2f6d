import type { Gossip, Logger, PeerIdString, Plane, Random, Startable, Clock } from '@vsmcp/kernel'

export interface MeshInit {
  /** Multiaddrs to listen on: TCP, and WebSockets (`/ip4/0.0.0.0/tcp/4952/ws`). @default ['/ip4/0.0.0.0/tcp/4950', '/ip6/::/tcp/4950'] */
  listen?: readonly string[]
  /** Multiaddrs others reach this node at, for nodes behind NAT or in containers; named before the local ones. @default [] */
  advertise?: readonly string[]
  /** Text of a key as `newPnetKey` makes it; only nodes with the same key understand each other. @default none */
  pnetKey?: string
  /** Looks by multicast DNS for nodes of the mesh with this id, and lets itself be found; see `peer:found`. @default none */
  mdnsMeshId?: string
  /** Feature level told to others in the hello; the charter names the level a group uses. @default 1 */
  featureLevel?: number
  /** Wire versions this node speaks; ranges that do not overlap are refused. @default { min: 1, max: 1 } */
  wire?: WireRange
  limits?: MeshLimits
}

/** Bounds that a deployment may need to move; every other bound is a constant. */
export interface MeshLimits {
  /** Connections in all, members and strangers. @default 1_024 */
  connectionsMax?: number
  /** Connections that have not completed a hello, at any time; one more closes the oldest. @default 128 */
  strangersMax?: number
  /** Inbound connections accepted per second from one IPv4 address or one IPv6 /64. @default 100 */
  inboundPerSecondPerIp?: number
  /** Milliseconds a connection may stay without a verified hello. @default 5_000 */
  helloTimeoutMs?: number
  /** Milliseconds of silence after which a connection is given up. @default 10_000 */
  silenceMs?: number
  /** Requests in flight per peer, plane and direction. @default 4_096 */
  inFlightMax?: number
  /** Bytes queued to be sent per peer and plane; beyond it calls fail with `BusyError`. @default 67_108_864 */
  sendQueueBytesMax?: number
}

export interface WireRange {
  readonly min: number
  readonly max: number
}

export interface MeshComponents<Info = unknown> {
  /** Ed25519 private key in libp2p's protobuf form. */
  privateKey: Uint8Array
  hello: Hello<Info>
  /**
   * Answers `/vsmcp/join/1`; without it the protocol is not offered. Throwing ends the exchange, the error goes to the log.
   * `address` is the multiaddr the stranger comes from.
   */
  onJoin?: (peer: PeerIdString, exchange: JoinExchange, address: string) => Promise<void>
  /** Whether gossip signed by this author is passed on and delivered in this topic. Without it all authors are. */
  acceptsGossipFrom?: (author: PeerIdString, topic: string) => boolean
  /** Whether a connected peer is sent what is published in this topic. Without it whoever subscribes is. */
  mayHear?: (peer: PeerIdString, topic: string) => boolean
  clock: Clock
  random: Random
  logger: Logger
}

/** What makes a stranger a member. The mesh moves the payloads and knows nothing of credentials. */
export interface Hello<Info> {
  /** What this node shows; at most 256 KiB. Asked anew for each hello. */
  local(): Promise<Uint8Array>
  /**
   * Throws to refuse. The stranger is told the error's `code` when it is a `VsmcpError`, else `VSMCP_MESH_HELLO_REFUSED`;
   * the message goes to the log and to `peer:refused` only.
   * @returns `addresses`: multiaddrs at which the peer says that it listens, so that whoever meets it through a relay finds a
   * direct way
   */
  verify(peer: PeerIdString, payload: Uint8Array): Promise<{ info: Info; addresses?: readonly string[] }>
}

/** A verified peer. */
export interface PeerInfo<Info = unknown> {
  readonly peer: PeerIdString
  /** What `Hello.verify` returned for it. */
  readonly info: Info
  /** Multiaddr at the other end of the connection in use. */
  readonly address: string
  /** Another member passes on what the connection carries. */
  readonly relayed: boolean
  /** `outbound` when this node dialled. */
  readonly direction: 'inbound' | 'outbound'
  /** The wire version both speak. */
  readonly wire: number
  readonly featureLevel: number
  /** Wall clock, milliseconds since the epoch. */
  readonly upSinceMs: number
  /** Latest round trip measured, milliseconds; undefined before the first. */
  readonly rttMs: number | undefined
}

/**
 * Why a peer is gone: `closed` in good order by the other side, `lost` without a word (its process or the network died),
 * `silent` nothing heard for `silenceMs`, `restarted` a new process of the same identity took its place, `hung-up` by
 * `hangUp`, `offence` after repeated malformed frames, `stopped` with this mesh.
 */
export type DownReason = 'closed' | 'lost' | 'silent' | 'restarted' | 'hung-up' | 'offence' | 'stopped'

export interface PeerRefused {
  /** Undefined when the other side failed before it proved who it is. */
  readonly peer: PeerIdString | undefined
  readonly address: string
  readonly direction: 'inbound' | 'outbound'
  /** `here`: this node refused it. `there`: it refused this node. */
  readonly side: 'here' | 'there'
  /** The only thing the refused side is told. */
  readonly code: string
  /** For the log and for people on this side. */
  readonly reason: string
}

export interface DuplicateIdentity {
  readonly peer: PeerIdString
  readonly address: string
  /** True when the identity seen twice is this node's own (another node said so). */
  readonly self: boolean
}

export interface MeshEvents<Info = unknown> extends Record<string, unknown> {
  /** All planes and the gossip work in both directions from here on. Once per peer, however many connections. */
  'peer:up': PeerInfo<Info>
  'peer:down': { readonly peer: PeerIdString; readonly reason: DownReason }
  'peer:refused': PeerRefused
  /** Somebody on the local network says that this peer of the mesh is there: a hint to dial it, and nothing more. */
  'peer:found': { readonly peer: PeerIdString; readonly addresses: readonly string[] }
  /** Two live processes show one identity; the later one was refused. */
  'duplicate:identity': DuplicateIdentity
}

export interface DialOptions {
  /** Refuse whoever else answers there. */
  expect?: PeerIdString
  signal?: AbortSignal
  /** Milliseconds per address, connecting and hello included. @default 5_000 */
  timeoutMs?: number
}

export interface JoinOptions {
  /** Talk only to these identities. @default whoever answers at the address */
  expect?: readonly PeerIdString[]
  signal?: AbortSignal
  /** Milliseconds per address until the connection stands. @default 5_000 */
  timeoutMs?: number
  /** Milliseconds for the whole exchange. @default 30_000 */
  exchangeTimeoutMs?: number
}

/** One conversation over `/vsmcp/join/1`, begun by the joiner: whole messages of at most 256 KiB, at most 8 each way, under one deadline. */
export interface JoinExchange {
  /** The next message; rejects at the deadline and when the other side ends or breaks the exchange. */
  receive(): Promise<Uint8Array>
  send(message: Uint8Array): Promise<void>
}

export interface Mesh<Info = unknown> extends Startable {
  readonly peerId: PeerIdString
  /** Multiaddrs including `/p2p/…`, the advertised ones first. */
  listenAddresses(): string[]
  /**
   * Tries the addresses in order until one leads to a verified peer; when the expected peer is up already, returns it.
   * Rejects with `DialError`, which names each address tried and why it failed.
   */
  dial(addresses: readonly string[], options?: DialOptions): Promise<PeerInfo<Info>>
  /**
   * Reaches one of the addresses without a hello and holds one exchange there. What `talk` throws is thrown on at once:
   * another address is tried only while none has been reached.
   */
  join<T>(
    addresses: readonly string[],
    options: JoinOptions,
    talk: (exchange: JoinExchange, peer: PeerIdString, address: string) => Promise<T>,
  ): Promise<T>
  /** Ends every connection with the peer; it may come back, unless `Hello.verify` refuses it. */
  hangUp(peer: PeerIdString): Promise<void>
  /** Verified peers only. */
  peers(): PeerInfo<Info>[]
  /** Consensus, charter, docket, alerts. */
  readonly control: Plane
  /** The shared document's synchronisation. */
  readonly state: Plane
  /** Tool calls. */
  readonly rpc: Plane
  readonly gossip: Gossip
  /** What `mayHear` says of a connected peer is more than before: what it subscribed to meanwhile holds from now on. */
  mayHearMore(peer: PeerIdString): void
  /** @returns a function that ends the subscription */
  on<K extends keyof MeshEvents<Info> & string>(event: K, listener: (payload: MeshEvents<Info>[K]) => void): () => void
}
