import type { Connection, PeerId, Topology } from '@libp2p/interface'
import { type GossipSub, type GossipSubComponents, gossipsub, type Message, TopicValidatorResult } from '@libp2p/gossipsub'
import {
  BusyError,
  type Gossip,
  InvalidArgumentError,
  type Logger,
  messageOf,
  type PeerIdString,
  StoppedError,
} from '@vsmcp/kernel'
import {
  GOSSIP_LENGTH_MAX,
  GOSSIP_PRESENCE_TOPIC,
  GOSSIP_QUEUE_BYTES_MAX,
  GOSSIP_RPC_LENGTH_MAX,
  TOPIC_BYTES_PER_PEER,
  TOPIC_LENGTH_MAX,
  TOPICS_MAX,
} from './constants.ts'
import { Hearers } from './hearers.ts'

export type Registrar = GossipSubComponents['registrar']

type GossipHandler = (from: PeerIdString, payload: Uint8Array) => void

/** gossipsub as members of a mesh need it: every message signed by its author, nobody judged by the address it shares. */
export const memberGossipsub = (hearers = new Hearers(() => true)): ((components: GossipSubComponents) => GossipSub) => {
  const make = gossipsub({
    globalSignaturePolicy: 'StrictSign',
    fallbackToFloodsub: false,
    // one's own messages go to every subscriber at once: the topic's mesh may not stand yet
    floodPublish: true,
    allowPublishToZeroTopicPeers: true,
    // discovery is never trust: no peer learns of others by gossip
    doPX: false,
    tagMeshPeers: false,
    runOnLimitedConnection: true,
    maxInboundDataLength: GOSSIP_RPC_LENGTH_MAX,
    maxOutboundBufferSize: GOSSIP_QUEUE_BYTES_MAX,
    maxTopicBytesPerPeer: TOPIC_BYTES_PER_PEER,
    // a duplicate is known by author and sequence number before its signature is verified; only verified ones are remembered
    fastMsgIdFn: ({ from, seqno }) => `${latin1(from)}/${latin1(seqno)}`,
    // by default more than 10 members behind one address are silenced; members have credentials, not addresses
    scoreParams: { IPColocationFactorWeight: 0 },
  })
  return (components) => hearers.guard(make(components))
}

const latin1 = (bytes: Uint8Array | undefined): string => (bytes === undefined ? '' : Buffer.from(bytes).toString('latin1'))

/** The parts of a libp2p node that gossip is made of. */
export interface GossipServices {
  readonly pubsub: GossipSub
  readonly registrar: Registrar
}

export interface MeshGossipComponents {
  readonly logger: Logger
  readonly acceptsFrom: (author: PeerIdString, topic: string) => boolean
  readonly hearers: Hearers
  /** The peer's subscriptions have arrived. */
  onSubscriptions(peer: PeerIdString): void
}

/** The group's gossip, and what ties it to verified connections. */
export class MeshGossip implements Gossip {
  readonly #components: MeshGossipComponents
  readonly #handlers = new Map<string, Set<GossipHandler>>()
  /** Undefined while libp2p does not run; subscriptions made before are kept. */
  #services: GossipServices | undefined

  constructor(components: MeshGossipComponents) {
    this.#components = components
  }

  /** libp2p has started. */
  start(services: GossipServices): void {
    this.#services = services
    const { pubsub } = services
    pubsub.addEventListener('gossipsub:message', ({ detail }) => this.#deliver(detail.msg))
    pubsub.addEventListener('subscription-change', ({ detail }) => {
      this.#components.onSubscriptions(detail.peerId.toString())
    })
    pubsub.subscribe(GOSSIP_PRESENCE_TOPIC)
    for (const topic of this.#handlers.keys()) this.#join(topic)
  }

  /** libp2p is about to stop. */
  stop(): void {
    this.#services = undefined
  }

  async publish(topic: string, payload: Uint8Array): Promise<void> {
    checkTopic(topic)
    if (payload.byteLength > GOSSIP_LENGTH_MAX) {
      throw new BusyError(`${payload.byteLength} bytes for ${topic} are over gossip's bound of ${GOSSIP_LENGTH_MAX}`, {
        hint: 'Send it over a plane and gossip only that it is there.',
      })
    }
    await this.#running().pubsub.publish(topic, payload)
  }

  subscribe(topic: string, handler: GossipHandler): () => void {
    checkTopic(topic)
    const handlers = this.#handlers.get(topic) ?? new Set()
    if (handlers.size === 0 && this.#handlers.size >= TOPICS_MAX) {
      throw new BusyError(`${topic} would be topic ${TOPICS_MAX + 1}; ${TOPICS_MAX} can be subscribed to`)
    }
    this.#handlers.set(topic, handlers)
    handlers.add(handler)
    if (handlers.size === 1) this.#join(topic)
    return () => this.#unsubscribe(topic, handler)
  }

  /**
   * Lets gossipsub have a verified connection: it opens its stream and sends its subscriptions. Harmless when it has one
   * already. libp2p would first ask by identify whether the peer speaks gossipsub; every member does.
   */
  attach(connection: Connection): void {
    const [topology] = this.#topologies()
    Promise.resolve(topology?.onConnect?.(connection.remotePeer, connection)).catch((error: unknown) => {
      this.#components.logger.warn({ peer: connection.remotePeer.toString(), error: messageOf(error) }, 'a peer has no gossip')
    })
  }

  /**
   * Makes gossipsub forget a peer. libp2p does so only when no connection is left at all: a peer that came back before
   * its old connection was reaped would stay without subscriptions.
   */
  async detach(peer: PeerId): Promise<void> {
    this.#components.hearers.forget(peer.toString())
    for (const topology of this.#topologies()) await topology.onDisconnect?.(peer)
  }

  /** Whether gossipsub has a stream to write to on this connection. */
  attachedTo(connection: Connection): boolean {
    const protocols = this.#services?.pubsub.protocols
    return connection.streams.some(({ direction, protocol }) => direction === 'outbound' && protocols?.includes(protocol))
  }

  /** What gossipsub registered, once for each of its versions. */
  #topologies(): Topology[] {
    if (this.#services === undefined) return []
    const { pubsub, registrar } = this.#services
    return pubsub.protocols.flatMap((protocol) => registrar.getTopologies(protocol))
  }

  #join(topic: string): void {
    this.#services?.pubsub.topicValidators.set(topic, (_peer, message) => this.#judge(message))
    this.#services?.pubsub.subscribe(topic)
  }

  #unsubscribe(topic: string, handler: GossipHandler): void {
    const handlers = this.#handlers.get(topic)
    if (handlers === undefined || !handlers.delete(handler) || handlers.size > 0) return
    this.#handlers.delete(topic)
    this.#services?.pubsub.topicValidators.delete(topic)
    this.#services?.pubsub.unsubscribe(topic)
  }

  #running(): GossipServices {
    if (this.#services !== undefined) return this.#services
    throw new StoppedError('the mesh is not running')
  }

  /** Who passes on a stranger's message is not to blame: it may not have heard of an eviction yet. */
  #judge(message: Message): TopicValidatorResult {
    if (message.type !== 'signed' || message.data.byteLength > GOSSIP_LENGTH_MAX) return TopicValidatorResult.Reject
    return this.#components.acceptsFrom(message.from.toString(), message.topic)
      ? TopicValidatorResult.Accept
      : TopicValidatorResult.Ignore
  }

  #deliver(message: Message): void {
    if (message.type !== 'signed') return
    const from = message.from.toString()
    for (const handler of this.#handlers.get(message.topic) ?? []) {
      try {
        handler(from, message.data)
      } catch (error) {
        this.#components.logger.error({ from, topic: message.topic, error: messageOf(error) }, 'a gossip handler threw')
      }
    }
  }
}

function checkTopic(topic: string): void {
  if (topic.length >= 1 && topic.length <= TOPIC_LENGTH_MAX) return
  throw new InvalidArgumentError(`a topic has 1 to ${TOPIC_LENGTH_MAX} characters, not ${topic.length}`)
}
