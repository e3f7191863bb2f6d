import {
  Emitter,
  type Clock,
  type Gossip,
  InvalidArgumentError,
  type Logger,
  messageOf,
  type PeerIdString,
  type Startable,
  type UnitName,
} from '@vsmcp/kernel'
import {
  decodeMessage,
  encodeMessage,
  type GossipMessage,
  MessageMalformedError,
  type MessageTopic,
  type ReportJudge,
  type TopicMessages,
  type Topics,
} from '@vsmcp/vsm'

type Heard = { [T in MessageTopic]: GossipMessage<T> }

export interface GroupSignalsComponents {
  gossip: Gossip
  topics: Topics
  self: PeerIdString
  isMember: (peer: PeerIdString) => boolean
  reportJudge: ReportJudge
  /** Whether the node runs the unit, as the docket says: nobody else reports of it. */
  isHost: (unit: UnitName, node: PeerIdString) => boolean
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
  /** By topic and author, the newest heard; ends with the subscription. */
  readonly #highest = new Map<string, Map<PeerIdString, number>>()
  #units: readonly UnitName[] = []
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
    this.followUnits(this.#units)
  }

  async stop(): Promise<void> {
    for (const off of this.#offs.values()) off()
    this.#offs.clear()
    this.#highest.clear()
  }

  /** Listens to the reports of just these units. */
  followUnits(units: readonly UnitName[]): void {
    const { topics } = this.#c
    this.#units = units
    const wanted = new Set(units.map((unit) => topics.unit(unit)))
    for (const topic of wanted) if (!this.#offs.has(topic)) this.#subscribe(topic, 'unit')
    for (const [topic, off] of this.#offs) {
      if (topics.parse(topic)?.topic !== 'unit' || wanted.has(topic)) continue
      off()
      this.#offs.delete(topic)
      this.#highest.delete(topic)
    }
  }

  /** Nothing is kept of who is no member any more. */
  forget(isMember: (peer: PeerIdString) => boolean): void {
    for (const authors of this.#highest.values()) {
      for (const author of authors.keys()) if (!isMember(author)) authors.delete(author)
    }
    const { topics, reportJudge, isHost } = this.#c
    reportJudge.keepOnly((unit, node) => this.#offs.has(topics.unit(unit)) && isHost(unit, node), isMember)
  }

  on<T extends MessageTopic>(topic: T, listener: (message: GossipMessage<T>) => void): () => void {
    return this.#events.on<T>(topic, listener)
  }

  /** Best effort; what cannot be said as a message of the model goes to the log. */
  say<T extends MessageTopic>(topic: T, channel: TopicMessages[T]['channel'], body: TopicMessages[T]['body']): void {
    const { self, clock, logger } = this.#c
    const message = { channel, node: self, sequence: ++this.#sequence, atMs: Math.round(clock.wallMs()), body }
    const failed = (error: unknown): void => logger.debug({ topic, error: messageOf(error) }, 'a signal was not sent')
    try {
      this.#c.gossip.publish(this.#nameOf(topic, body), encodeMessage(topic, message)).catch(failed)
    } catch (error) {
      failed(error)
    }
  }

  #nameOf<T extends MessageTopic>(topic: T, body: TopicMessages[T]['body']): string {
    const { topics } = this.#c
    return topic === 'unit' ? topics.unit((body as TopicMessages['unit']['body']).unit) : topics[topic as Exclude<T, 'unit'>]
  }

  #subscribe(topic: string, kind: MessageTopic): void {
    const { gossip, isMember, self, logger, reportJudge } = this.#c
    const highest = new Map<PeerIdString, number>()
    this.#highest.set(topic, highest)
    const off = gossip.subscribe(topic, (from, payload) => {
      if (from === self || !isMember(from)) return
      try {
        const message = decodeMessage(kind, payload, from)
        if (kind === 'unit') this.#judge(topic, message as GossipMessage<'unit'>)
        if (message.sequence <= (highest.get(from) ?? 0)) return
        highest.set(from, message.sequence)
        this.#events.emit(kind, message as never)
      } catch (error) {
        if (kind === 'unit' && error instanceof MessageMalformedError) reportJudge.refuse(from, 'malformed')
        logger.debug({ topic, from, error: messageOf(error) }, 'a signal was refused')
      }
    })
    this.#offs.set(topic, off)
  }

  /** Throws for a report that is not to be believed. */
  #judge(topic: string, { node, sequence, atMs, body: report }: GossipMessage<'unit'>): void {
    const { topics, isHost, reportJudge, clock } = this.#c
    const { unit } = report
    // On the topic of another unit it is as good as by another sender.
    const isOfHost = topics.unit(unit) === topic && isHost(unit, node)
    const verdict = reportJudge.judge({ node, sequence, atMs, report }, isOfHost, clock.monotonicMs(), clock.wallMs())
    if (!verdict.taken) throw new InvalidArgumentError(`${verdict.refusal}: ${verdict.what}`)
  }
}
