import {
  Emitter,
  type Clock,
  type Gossip,
  type Logger,
  messageOf,
  type PeerIdString,
  type Startable,
  type UnitName,
} from '@vsmcp/kernel'
import { decodeMessage, encodeMessage, type GossipMessage, type MessageTopic, type TopicMessages, type Topics } from '@vsmcp/vsm'

type Heard = { [T in MessageTopic]: GossipMessage<T> }

export interface GroupSignalsComponents {
  gossip: Gossip
  topics: Topics
  self: PeerIdString
  isMember: (peer: PeerIdString) => boolean
  clock: Clock
  logger: Logger
}

/**
 * What the five systems of all nodes say to one another over gossip, each on its own topic and only over channels of the
 * model. Best effort by design: every message here is a report or a notice; nothing is decided by it.
 */
export class GroupSignals implements Startable {
  readonly #c: GroupSignalsComponents
  readonly #events: Emitter<Heard>
  readonly #offs = new Map<string, () => void>()
  readonly #highest = new Map<string, number>()
  #sequence: number

  constructor(components: GroupSignalsComponents) {
    this.#c = components
    // Starts above what an earlier life of this node reached: one message a millisecond would not catch up.
    this.#sequence = Math.round(components.clock.wallMs())
    this.#events = new Emitter((error) => components.logger.error({ error: messageOf(error) }, 'a listener of signals failed'))
  }

  async start(): Promise<void> {
    const { topics } = this.#c
    this.#subscribe(topics.coordination, 'coordination')
    this.#subscribe(topics.control, 'control')
    this.#subscribe(topics.intelligence, 'intelligence')
    this.#subscribe(topics.policy, 'policy')
    this.#subscribe(topics.alert, 'alert')
  }

  async stop(): Promise<void> {
    for (const off of this.#offs.values()) off()
    this.#offs.clear()
  }

  /** Listens to the reports of just these units. */
  followUnits(units: readonly UnitName[]): void {
    const { topics } = this.#c
    const wanted = new Set(units.map((unit) => topics.unit(unit)))
    for (const topic of wanted) if (!this.#offs.has(topic)) this.#subscribe(topic, 'unit')
    for (const [topic, off] of this.#offs) {
      if (topics.parse(topic)?.topic !== 'unit' || wanted.has(topic)) continue
      off()
      this.#offs.delete(topic)
    }
  }

  on<T extends MessageTopic>(topic: T, listener: (message: GossipMessage<T>) => void): () => void {
    return this.#events.on<T>(topic, listener)
  }

  say<T extends MessageTopic>(topic: T, channel: TopicMessages[T]['channel'], body: TopicMessages[T]['body']): void {
    const { self, clock, gossip, logger } = this.#c
    const message = { channel, node: self, sequence: ++this.#sequence, atMs: Math.round(clock.wallMs()), body }
    const name =
      topic === 'unit'
        ? this.#c.topics.unit((body as TopicMessages['unit']['body']).unit)
        : this.#c.topics[topic as Exclude<T, 'unit'>]
    gossip
      .publish(name, encodeMessage(topic, message))
      .catch((error: unknown) => logger.debug({ topic: name, error: messageOf(error) }, 'a signal was not sent'))
  }

  #subscribe(topic: string, kind: MessageTopic): void {
    const { gossip, isMember, self, logger } = this.#c
    const off = gossip.subscribe(topic, (from, payload) => {
      if (from === self || !isMember(from)) return
      try {
        const message = decodeMessage(kind, payload, from)
        const key = `${topic} ${from}`
        if (message.sequence <= (this.#highest.get(key) ?? 0)) return
        this.#highest.set(key, message.sequence)
        this.#events.emit(kind, message as never)
      } catch (error) {
        logger.warn({ topic, from, error: messageOf(error) }, 'a signal was refused')
      }
    })
    this.#offs.set(topic, off)
  }
}
