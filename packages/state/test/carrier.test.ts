import { seededRandom } from '@vsmcp/kernel'
import * as encoding from 'lib0/encoding'
import { describe, expect, test } from 'vitest'
import * as Y from 'yjs'
import { Carrier, type CarrierEvents } from '../src/carrier.ts'
import { StateRejectedError } from '../src/errors.ts'
import { type Element, honestDocuments, pushed } from './support/honest-updates.ts'

let nextSeed = 1_000

function carrierWith(events: Partial<CarrierEvents> = {}, applyTimeMaxMs?: number): Carrier {
  const ignore = (): void => undefined
  return new Carrier(
    { onUpdate: ignore, onCame: ignore, onTouched: ignore, onClientChanged: ignore, ...events },
    seededRandom(nextSeed++),
    applyTimeMaxMs,
  )
}

const value = (byte: number, length = 8): Uint8Array => new Uint8Array(length).fill(byte)

/**
 * Two clients that append in turns, so that nothing merges, and a third that inserts behind the first element again and
 * again: Yjs walks the whole list for each of its elements.
 */
function quadratic(length: number): Uint8Array {
  const [turns, walker] = [[1, 2], 9] as const
  return encoding.encode((encoder) => {
    const item = (origin: readonly [number, number] | undefined): void => {
      encoding.writeUint8(encoder, origin === undefined ? 8 : 0x88)
      if (origin === undefined) {
        encoding.writeVarUint(encoder, 1)
        encoding.writeVarString(encoder, 'records')
      } else for (const part of origin) encoding.writeVarUint(encoder, part)
      encoding.writeVarUint(encoder, 1)
      encoding.writeAny(encoder, { key: 'k', val: new Uint8Array(1) })
    }
    const head = (client: number): void => [length, client, 0].forEach((part) => encoding.writeVarUint(encoder, part))
    encoding.writeVarUint(encoder, 3)
    head(walker)
    for (let at = 0; at < length; at++) item([turns[0], 0])
    head(turns[1])
    for (let at = 0; at < length; at++) item([turns[0], at])
    head(turns[0])
    for (let at = 0; at < length; at++) item(at === 0 ? undefined : [turns[1], at - 1])
    encoding.writeVarUint(encoder, 0)
  })
}

describe('the carrier', () => {
  test('ends with the same digest and values on all sides, in whatever order updates come (seeds 1 to 10)', () => {
    for (let seed = 1; seed <= 10; seed++) {
      const random = seededRandom(seed)
      const { updates } = honestDocuments(random, 4, 80, 12)
      const carriers = Array.from({ length: 3 }, () => {
        const carrier = carrierWith()
        for (const update of updates.toSorted(() => random.next() - 0.5)) carrier.apply(update)
        return carrier
      })
      // Each clears away what writes shadowed; they tell one another, as they do by gossip.
      for (let round = 0; round < 2; round++) for (const a of carriers) for (const b of carriers) a.apply(b.encode())
      const [first, ...rest] = carriers.map((carrier) => Buffer.from(carrier.digest()).toString('hex'))
      expect(rest, `seed ${seed}`).toEqual([first, first])
      const contents = carriers.map((carrier) => new Map([...carrier.all()].map(({ key, val }) => [key, val])))
      expect(contents[1]).toEqual(contents[0])
      expect(contents[2]).toEqual(contents[0])
    }
  })

  test('tells of every value that comes, also of those that are shadowed at once', () => {
    const came: string[] = []
    const carrier = carrierWith({ onCame: (elements) => came.push(...elements.map(({ key, val }) => `${key}${val[0]}`)) })
    carrier.apply(
      pushed([
        { key: 'a', val: value(1) },
        { key: 'a', val: value(2) },
        { key: 'b', val: value(3) },
      ]),
    )
    expect(came).toEqual(['a1', 'a2', 'b3'])
    expect(carrier.get('a')).toEqual(value(2))
  })

  test('shares no memory with the message that an update came in', () => {
    const update = pushed([{ key: 'a', val: value(5) }])
    const carrier = carrierWith()
    carrier.apply(update)
    update.fill(0)
    expect(carrier.get('a')).toEqual(value(5))
  })

  test('refuses an update that takes Yjs too long, within the limit, and is as before', () => {
    let updates = 0
    let came = 0
    const carrier = carrierWith({ onUpdate: () => updates++, onCame: () => came++ }, 300)
    carrier.change([{ key: 'mine', val: value(1) }])
    const before = { digest: carrier.digest(), client: carrier.client }
    ;[updates, came] = [0, 0]
    const update = quadratic(10_000)
    const startMs = performance.now()
    expect(() => carrier.apply(update)).toThrow('an update takes too long to be merged')
    expect(performance.now() - startMs).toBeLessThan(3_000)
    expect([updates, came]).toEqual([0, 0])
    expect(carrier.digest()).toEqual(before.digest)
    expect(carrier.client).toBe(before.client)
    // And works on.
    carrier.apply(pushed([{ key: 'theirs', val: value(2) }]))
    carrier.change([{ key: 'mine', val: value(3) }])
    expect([carrier.get('theirs'), carrier.get('mine')]).toEqual([value(2), value(3)])
    expect(updates).toBeGreaterThan(0)
  })

  test('is as before after an update on which Yjs fails in the middle, and takes honest ones from then on', () => {
    const carrier = carrierWith()
    const doc = new Y.Doc()
    const list = doc.getArray<Element>('records')
    list.push([{ key: 'a', val: value(1) }])
    carrier.apply(Y.encodeStateAsUpdate(doc))
    const digest = carrier.digest()
    // A struct whose origin is a later one of its own client.
    const selfish = encoding.encode((encoder) => {
      for (const part of [1, 2, 77, 0]) encoding.writeVarUint(encoder, part)
      for (const origin of [5, 0]) {
        encoding.writeUint8(encoder, 0x88)
        for (const part of [77, origin, 1]) encoding.writeVarUint(encoder, part)
        encoding.writeAny(encoder, { key: 'x', val: new Uint8Array(1) })
      }
      encoding.writeVarUint(encoder, 0)
    })
    expect(() => carrier.apply(selfish)).toThrow('cannot be merged')
    expect(carrier.digest()).toEqual(digest)
    list.push([{ key: 'b', val: value(2) }])
    carrier.apply(Y.encodeStateAsUpdate(doc))
    expect(carrier.get('b')).toEqual(value(2))
  })

  test('does not pass on, nor keep, updates that wait for others', () => {
    const carrier = carrierWith()
    const doc = new Y.Doc()
    doc.getArray<Element>('records').push([{ key: 'a', val: value(1) }])
    const before = Y.encodeStateVector(doc)
    doc.getArray<Element>('records').push([{ key: 'b', val: value(2) }])
    carrier.apply(Y.encodeStateAsUpdate(doc, before))
    expect(carrier.isIncomplete).toBe(true)
    expect(carrier.encode()).toEqual(Uint8Array.of(0, 0))
    carrier.apply(Y.encodeStateAsUpdate(doc))
    expect(carrier.isIncomplete).toBe(false)
    expect(carrier.get('b')).toEqual(value(2))
  })

  test('takes a whole large document of honest making under the same limit', () => {
    const doc = new Y.Doc()
    const list = doc.getArray<Element>('records')
    for (let at = 0; at < 5_000; at++) list.push([{ key: `units/w/${at}`, val: value(at % 256, 1_000) }])
    for (let at = 0; at < 5_000; at += 2) list.delete(at / 2, 1)
    const carrier = carrierWith()
    carrier.apply(Y.encodeStateAsUpdate(doc))
    expect([...carrier.all()]).toHaveLength(2_500)
  })

  test('clears doubles of one key away', () => {
    const carrier = carrierWith()
    carrier.apply(pushed(Array.from({ length: 20_000 }, (_, at) => ({ key: at % 3 === 0 ? 'a' : 'b', val: value(at % 256) }))))
    expect(carrier.items).toBeLessThan(10)
    expect([...carrier.all()].map(({ key }) => key).sort()).toEqual(['a', 'b'])
  })

  test('lets updates that miss others wait, but not more of them than a bound', () => {
    const carrier = carrierWith()
    let missing = 0
    for (let client = 0; client < 60; client++) {
      const doc = new Y.Doc()
      const list = doc.getArray<Element>('records')
      list.push([{ key: 'first', val: value(1) }])
      const before = Y.encodeStateVector(doc)
      list.push([{ key: `second-${client}`, val: value(2, 40_000) }])
      carrier.apply(Y.encodeStateAsUpdate(doc, before))
      expect(carrier.pendingBytes).toBeLessThanOrEqual(1024 * 1024)
      if (carrier.isIncomplete) missing++
    }
    expect(missing).toBeGreaterThan(20)
    expect(missing).toBeLessThan(60)
  })

  test('leaves a client id under which somebody else writes, without a word on stdout', () => {
    let changed = 0
    const carrier = carrierWith({ onClientChanged: () => changed++ })
    const doc = new Y.Doc()
    doc.clientID = carrier.client
    doc.getArray<Element>('records').push([{ key: 'a', val: value(1) }])
    carrier.apply(Y.encodeStateAsUpdate(doc))
    expect(changed).toBe(1)
    expect(carrier.client).not.toBe(doc.clientID)
    carrier.change([{ key: 'b', val: value(2) }])
    Y.applyUpdate(doc, carrier.encode())
    expect(
      doc
        .getArray<Element>('records')
        .toArray()
        .map(({ key }) => key)
        .sort(),
    ).toEqual(['a', 'b'])
  })

  test('is never made larger than a document may be', () => {
    const carrier = carrierWith()
    const fill = (): void => {
      for (let at = 0; at < 100; at++) carrier.apply(pushed([{ key: `k${at}`, val: value(1, 200_000) }]))
    }
    expect(fill).toThrow(StateRejectedError)
    expect(carrier.encode().length).toBeLessThanOrEqual(12 * 1024 * 1024)
    expect(carrier.hasRoom(1024 * 1024)).toBe(false)
  })
})
