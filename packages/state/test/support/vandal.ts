import type { PeerIdString } from '@vsmcp/kernel'
import * as Y from 'yjs'
import { encodeEnvelope, encodePayload, type Payload, signedBytes } from '../../src/envelope.ts'
import { decodeSync, encodeGossip, encodeSync } from '../../src/wire.ts'
import { type Group, type Node, TOPIC } from './group.ts'

interface Element {
  key: string
  val: Uint8Array
}

const NOTHING = { document: new Uint8Array(32), records: new Uint8Array(32) }

/** A member gone bad: has the group's document, and changes it as no honest node would. */
export class Vandal {
  readonly peer: PeerIdString
  readonly doc = new Y.Doc()
  readonly list: Y.Array<Element>
  readonly #group: Group

  constructor(group: Group, peer: PeerIdString) {
    this.#group = group
    this.peer = peer
    group.members.add(peer)
    this.list = this.doc.getArray<Element>('records')
  }

  async syncFrom(node: Node): Promise<void> {
    const request = encodeSync({ digests: NOTHING, stateVector: Y.encodeStateVector(this.doc) })
    const { update } = decodeSync(await this.#group.network.request(this.peer, node.peer, 'state:sync', request))
    if (update !== undefined) Y.applyUpdate(this.doc, update)
  }

  elements(): Element[] {
    return this.list.toArray()
  }

  idOf(part: string): string {
    return this.elements().find((element) => element.key.includes(part))?.key ?? ''
  }

  valueOf(id: string): Uint8Array {
    return this.elements().findLast((element) => element.key === id)?.val ?? new Uint8Array()
  }

  /** Takes out all elements of these ids. */
  delete(...ids: readonly string[]): void {
    this.doc.transact(() => {
      for (let at = this.list.length - 1; at >= 0; at--) if (ids.includes(this.list.get(at).key)) this.list.delete(at)
    })
  }

  set(id: string, val: Uint8Array): void {
    this.doc.transact(() => {
      this.delete(id)
      this.list.push([{ key: id, val }])
    })
  }

  /** All that this document holds, to each of them, as gossip. */
  gossip(...nodes: readonly Node[]): void {
    this.send(Y.encodeStateAsUpdate(this.doc), ...nodes)
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
