import { BusyError, type Gossip, type Logger, messageOf, type PeerIdString } from '@vsmcp/kernel'
import type { Gate } from './gate.ts'
import { decodeGossip, encodeGossip, type GossipMessage } from './wire.ts'

export interface GroupGossipComponents {
  gossip: Gossip
  topic: string
  self: PeerIdString
  gate: Gate
  logger: Logger
  /** May throw: then the message counts against its author. */
  onMessage: (from: PeerIdString, message: GossipMessage) => void
}

/** The document's gossip topic: typed messages of members in, and out. What is lost the next sync makes up for. */
export class GroupGossip {
  readonly #components: GroupGossipComponents
  #unsubscribe: (() => void) | undefined

  constructor(components: GroupGossipComponents) {
    this.#components = components
  }

  start(): void {
    const { gossip, topic } = this.#components
    this.#unsubscribe = gossip.subscribe(topic, (from, payload) => this.#hear(from, payload))
  }

  stop(): void {
    this.#unsubscribe?.()
    this.#unsubscribe = undefined
  }

  /** Does nothing while not started. */
  send(type: GossipMessage['type'], body: Uint8Array): void {
    if (this.#unsubscribe === undefined) return
    const { gossip, topic, logger } = this.#components
    const publish = async (): Promise<void> => gossip.publish(topic, encodeGossip(type, body))
    publish().catch((error: unknown) => {
      const level = error instanceof BusyError ? 'debug' : 'warn'
      logger[level]({ type, reason: messageOf(error) }, 'shared state: gossip failed, the next sync makes up for it')
    })
  }

  #hear(from: PeerIdString, payload: Uint8Array): void {
    const { self, gate, onMessage } = this.#components
    if (from === self || this.#unsubscribe === undefined || !gate.hears(from)) return
    const message = decodeGossip(payload)
    if (message === undefined) return
    try {
      onMessage(from, message)
    } catch (error) {
      gate.offend(from, error)
    }
  }
}
