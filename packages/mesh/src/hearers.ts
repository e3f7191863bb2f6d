import type { PeerId } from '@libp2p/interface'
import type { GossipSub } from '@libp2p/gossipsub'
import type { PeerIdString } from '@vsmcp/kernel'
import { GOSSIP_PRESENCE_TOPIC, TOPICS_MAX } from './constants.ts'

interface Subscription {
  readonly topic?: string
  readonly subscribe?: boolean
}

/** What of gossipsub's messages says where a peer wants to hear. */
interface GossipRpc {
  readonly subscriptions?: readonly Subscription[]
  readonly messages: readonly unknown[]
  readonly control?: { readonly graft?: readonly { readonly topicID?: string }[] }
}

/** What every gossipsub has and its public type leaves out. */
interface Receiving {
  handleReceivedRpc(from: PeerId, rpc: GossipRpc): Promise<void>
}

/**
 * Who may hear which topic. gossipsub sends what is published to whoever says that it wants to hear it: a peer that may not is not
 * believed to have said so, neither by a subscription nor by a graft, so that nothing of the topic is sent or announced to it. What
 * it asked for is remembered, in case it may later.
 */
export class Hearers {
  readonly #mayHear: (peer: PeerIdString, topic: string) => boolean
  readonly #withheld = new Map<PeerIdString, { readonly from: PeerId; readonly topics: Set<string> }>()
  #receive: ((from: PeerId, rpc: GossipRpc) => Promise<void>) | undefined

  constructor(mayHear: (peer: PeerIdString, topic: string) => boolean) {
    this.#mayHear = mayHear
  }

  /** Before libp2p starts: nothing has come yet. */
  guard(pubsub: GossipSub): GossipSub {
    const receiving = pubsub as unknown as Receiving
    const receive = receiving.handleReceivedRpc.bind(receiving)
    this.#receive = receive
    receiving.handleReceivedRpc = (from, rpc) => receive(from, this.#heard(from, rpc))
    return pubsub
  }

  /** The peer may hear more than before. */
  admitted(peer: PeerIdString): void {
    const withheld = this.#withheld.get(peer)
    if (withheld === undefined) return
    const topics = [...withheld.topics].filter((topic) => this.#mayHear(peer, topic))
    for (const topic of topics) withheld.topics.delete(topic)
    if (topics.length === 0) return
    const subscriptions = topics.map((topic) => ({ topic, subscribe: true }))
    // It never rejects: what cannot be handled is dropped and counted there.
    void this.#receive?.(withheld.from, { subscriptions, messages: [] })
  }

  /** Its gossip ended; with a new connection it says anew what it wants to hear. */
  forget(peer: PeerIdString): void {
    this.#withheld.delete(peer)
  }

  #heard(from: PeerId, rpc: GossipRpc): GossipRpc {
    const { subscriptions = [], control } = rpc
    if (subscriptions.length === 0 && (control?.graft ?? []).length === 0) return rpc
    const peer = from.toString()
    const may = (topic: string | undefined): boolean =>
      topic === undefined || topic === GOSSIP_PRESENCE_TOPIC || this.#mayHear(peer, topic)
    for (const { topic, subscribe } of subscriptions) if (!may(topic)) this.#withhold(from, peer, topic ?? '', subscribe === true)
    return {
      ...rpc,
      subscriptions: subscriptions.filter(({ topic }) => may(topic)),
      ...(control !== undefined && {
        control: { ...control, graft: (control.graft ?? []).filter(({ topicID }) => may(topicID)) },
      }),
    }
  }

  #withhold(from: PeerId, peer: PeerIdString, topic: string, subscribe: boolean): void {
    const { topics } = this.#withheld.get(peer) ?? { topics: new Set<string>() }
    if (!subscribe) topics.delete(topic)
    else if (topics.size < TOPICS_MAX) topics.add(topic)
    this.#withheld.set(peer, { from, topics })
  }
}
