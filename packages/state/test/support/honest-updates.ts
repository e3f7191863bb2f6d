import { type Random, randomInteger } from '@vsmcp/kernel'
import { YKeyValue } from 'y-utility/y-keyvalue'
import * as Y from 'yjs'

export interface Element {
  key: string
  val: Uint8Array
}

/** A document as honest nodes make it, written by several clients that hear of one another now and then. */
export function honestDocuments(
  random: Random,
  clients: number,
  writes: number,
  keys: number,
): { docs: Y.Doc[]; updates: Uint8Array[] } {
  const updates: Uint8Array[] = []
  const writers = Array.from({ length: clients }, () => {
    const doc = new Y.Doc()
    doc.clientID = randomInteger(random, 1, 2 ** 32 - 1)
    const values = new YKeyValue<Uint8Array>(doc.getArray<Element>('records'))
    doc.on('update', (update: Uint8Array, origin: unknown) => {
      if (origin !== 'remote') updates.push(update)
    })
    return { doc, values }
  })
  const pick = (): (typeof writers)[number] => {
    const writer = writers[randomInteger(random, 0, clients - 1)]
    if (writer === undefined) throw new Error('no writer')
    return writer
  }
  for (let write = 0; write < writes; write++) {
    const { doc, values } = pick()
    const key = `units/writer/${randomInteger(random, 1, keys)}`
    if (random.next() < 0.1) values.delete(key)
    else
      values.set(
        key,
        Uint8Array.from({ length: randomInteger(random, 1, 60) }, () => randomInteger(random, 0, 255)),
      )
    if (random.next() < 0.3) Y.applyUpdate(doc, Y.encodeStateAsUpdate(pick().doc), 'remote')
  }
  return { docs: writers.map(({ doc }) => doc), updates }
}

/** One array of records in one transaction, as a hostile writer may push it. */
export function pushed(elements: readonly Element[]): Uint8Array {
  const doc = new Y.Doc()
  doc.getArray<Element>('records').push([...elements])
  return Y.encodeStateAsUpdate(doc)
}
