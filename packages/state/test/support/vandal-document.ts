import * as Y from 'yjs'
import { decodeSync, encodeSync } from '../../src/wire.ts'

interface Element {
  key: string
  val: Uint8Array
}

const NOTHING = { document: new Uint8Array(32), records: new Uint8Array(32) }

/** A group's document in the hands of who changes it as no honest node would. */
export class VandalDocument {
  readonly doc = new Y.Doc()
  readonly list: Y.Array<Element> = this.doc.getArray<Element>('records')

  /** What to ask a node for its document with. */
  question(): Uint8Array {
    return encodeSync({ digests: NOTHING, stateVector: Y.encodeStateVector(this.doc) })
  }

  /** Takes in what a node answered. */
  take(answer: Uint8Array): void {
    const { update } = decodeSync(answer)
    if (update !== undefined) Y.applyUpdate(this.doc, update)
  }

  /** All that this document holds. */
  update(): Uint8Array {
    return Y.encodeStateAsUpdate(this.doc)
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
}
