import { seededRandom, randomInteger, type KeyValueStore, type WriteOperation } from '@vsmcp/kernel'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'

export interface Opened {
  store: KeyValueStore
  close(): Promise<void>
}

/** What every adapter of the kernel's `KeyValueStore` promises; an adapter's test is this call. */
export function keyValueCompliance(adapter: string, open: () => Promise<Opened>): void {
  describe(`${adapter} keeps the promises of a KeyValueStore`, () => {
    let opened: Opened
    let store: KeyValueStore
    beforeEach(async () => {
      opened = await open()
      store = opened.store
    })
    afterEach(() => opened.close())

    test('gives back what was put, byte for byte, the empty value included', async () => {
      const everyByte = Uint8Array.from({ length: 256 }, (_, at) => at)
      await store.write([put('a', everyByte), put('empty', new Uint8Array())])
      expect(await store.get('a')).toEqual(everyByte)
      expect(await store.get('empty')).toEqual(new Uint8Array())
    })

    test('answers undefined for a key that was never put or was deleted', async () => {
      await store.write([put('a', bytes(1))])
      await store.write([{ type: 'del', key: 'a' }])
      expect(await store.get('a')).toBeUndefined()
      expect(await store.get('b')).toBeUndefined()
    })

    test('carries out the operations of one write in order', async () => {
      await store.write([put('a', bytes(1)), { type: 'del', key: 'a' }, put('a', bytes(2))])
      expect(await store.get('a')).toEqual(bytes(2))
    })

    test('carries out writes in the order they were made, awaited or not', async () => {
      await Promise.all(Array.from({ length: 100 }, (_, at) => store.write([put('a', bytes(at))], { sync: at % 7 === 0 })))
      expect(await store.get('a')).toEqual(bytes(99))
    })

    test('shares no memory with the caller', async () => {
      const value = bytes(1)
      const written = store.write([put('a', value)])
      value[0] = 9
      await written
      const first = await store.get('a')
      if (first !== undefined) first[0] = 9
      expect(await store.get('a')).toEqual(bytes(1))
    })

    test('gives entries from gte up to, not including, lt', async () => {
      await store.write(['a', 'b', 'b!', 'c', 'd'].map((key) => put(key, bytes(1))))
      expect(await keys(store, { gte: 'b', lt: 'd' })).toEqual(['b', 'b!', 'c'])
      expect(await keys(store, { gte: 'd', lt: 'b' })).toEqual([])
      expect(await keys(store, { gte: '', lt: 'b' })).toEqual(['a'])
    })

    test('orders keys by their UTF-8 bytes', async () => {
      const inOrder = ['', 'A', 'a', 'a\u0000', 'aa', 'z', 'ä', '\uffee', '😀']
      await store.write(inOrder.toReversed().map((key) => put(key, bytes(1))))
      expect(await keys(store, { gte: '', lt: '\u{10ffff}' })).toEqual(inOrder)
      expect(await keys(store, { gte: '', lt: '\u{10ffff}', reverse: true })).toEqual(inOrder.toReversed())
    })

    test('limits entries from the end it starts at', async () => {
      const all = Array.from({ length: 1_000 }, (_, at) => String(at).padStart(4, '0'))
      await store.write(all.map((key) => put(key, bytes(1))))
      expect(await keys(store, { gte: '', lt: '~', limit: 0 })).toEqual([])
      expect(await keys(store, { gte: '', lt: '~', limit: 600 })).toEqual(all.slice(0, 600))
      expect(await keys(store, { gte: '', lt: '~', limit: 600, reverse: true })).toEqual(all.toReversed().slice(0, 600))
      expect(await keys(store, { gte: '', lt: '~' })).toEqual(all)
    })

    test('holds the same as a plain map after any writes (seed 7)', async () => {
      const random = seededRandom(7)
      const model = new Map<string, Uint8Array>()
      for (let round = 0; round < 60; round++) {
        const operations = Array.from({ length: randomInteger(random, 1, 20) }, (): WriteOperation => {
          const key = `k${randomInteger(random, 0, 60)}`
          return random.next() < 0.4 ? { type: 'del', key } : put(key, bytes(randomInteger(random, 0, 255)))
        })
        for (const op of operations)
          if (op.type === 'put') model.set(op.key, op.value)
          else model.delete(op.key)
        await store.write(operations, { sync: random.next() < 0.1 })
      }
      const found = new Map<string, Uint8Array>()
      for await (const [key, value] of store.entries({ gte: '', lt: '~' })) found.set(key, value)
      expect(found).toEqual(model)
    })
  })
}

export function put(key: string, value: Uint8Array): WriteOperation {
  return { type: 'put', key, value }
}

export function bytes(...values: number[]): Uint8Array {
  return Uint8Array.from(values)
}

export async function keys(store: KeyValueStore, range: Parameters<KeyValueStore['entries']>[0]): Promise<string[]> {
  const found: string[] = []
  for await (const [key] of store.entries(range)) found.push(key)
  return found
}
