import { randomInteger, seededRandom } from '@vsmcp/kernel'
import { describe, expect, test } from 'vitest'
import * as Y from 'yjs'
import { ANNA, BERT, CARA, Group } from './support/group.ts'

describe('the document', () => {
  test(
    'stays within a small multiple of its live content after 20,000 overwrites of 200 keys by three nodes',
    { timeout: 60_000 },
    async () => {
      const group = new Group(11, { syncIntervalMs: 3_600_000 })
      group.cheapSignatures = true
      const nodes = [await group.start(ANNA), await group.start(BERT), await group.start(CARA)]
      group.connect(...nodes)
      await group.pass(2_000)
      const random = seededRandom(11)
      const value = (): string => String(randomInteger(random, 0, 1e9))
      /** Each key has one owner, as units have. */
      const put = async (key: number): Promise<unknown> => nodes[key % 3]?.state.put('units', `unit-${key}`, value())
      for (let key = 0; key < 200; key++) await put(key)
      await group.pass(2_000)
      const fresh = nodes[0]?.state.stats()
      for (let round = 0; round < 400; round++) {
        await Promise.all(Array.from({ length: 50 }, () => put(randomInteger(random, 0, 199))))
        if (round % 4 === 0) await group.pass(50)
      }
      await group.pass(2_000)
      const [anna, bert, cara] = nodes.map(({ state }) => state.stats())
      expect(bert?.bytes).toBe(anna?.bytes)
      expect(cara?.bytes).toBe(anna?.bytes)
      expect(anna).toMatchObject({ records: 200, clients: 3, rejected: 0, repaired: 0 })
      expect(anna?.bytes).toBeLessThan(1.2 * (fresh?.bytes ?? 0))
      expect(anna?.items).toBeLessThan(2_000)
      const stored = [...(nodes[0]?.store.values ?? [])].reduce(
        (sum, [key, bytes]) => sum + (key.startsWith('doc/') ? bytes.length : 0),
        0,
      )
      expect(stored).toBeLessThan(4 * 1024 * 1024)
    },
  )

  test('would not, as a Y.Map: what the trap table says is so', () => {
    const doc = new Y.Doc()
    const map = doc.getMap<number>('records')
    for (let at = 0; at < 20_000; at++) map.set(`unit-${(at * 7) % 200}`, at)
    expect(Y.encodeStateAsUpdate(doc).length).toBeGreaterThan(150_000)
  })
})
