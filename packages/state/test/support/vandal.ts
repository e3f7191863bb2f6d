import type { PeerIdString } from '@vsmcp/kernel'
import { encodeEnvelope, encodePayload, type Payload, signedBytes } from '../../src/envelope.ts'
import { encodeGossip } from '../../src/wire.ts'
import { type Group, type Node, TOPIC } from './group.ts'
import { VandalDocument } from './vandal-document.ts'

/** A member gone bad: has the group's document, and changes it as no honest node would. */
export class Vandal extends VandalDocument {
  readonly peer: PeerIdString
  readonly #group: Group

  constructor(group: Group, peer: PeerIdString) {
    super()
    this.#group = group
    this.peer = peer
    group.members.add(peer)
  }

  async syncFrom(node: Node): Promise<void> {
    this.take(await this.#group.network.request(this.peer, node.peer, 'state:sync', this.question()))
  }

  /** All that this document holds, to each of them, as gossip. */
  gossip(...nodes: readonly Node[]): void {
    this.send(this.update(), ...nodes)
  }

  send(update: Uint8Array, ...nodes: readonly Node[]): void {
    for (const node of nodes) this.#group.network.inject(this.peer, node.peer, TOPIC, encodeGossip('update', update))
  }

  /** A record signed by `signer`, whatever it says. */
  forge(payload: Payload, signer: PeerIdString = this.peer, topic = TOPIC): Uint8Array {
    const bytes = encodePayload(payload)
    return encodeEnvelope(bytes, this.#group.sign(signer, signedBytes(topic, bytes)))
  }
}
