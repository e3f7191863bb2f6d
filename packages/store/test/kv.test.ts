import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { InvalidArgumentError, silentLogger, StoppedError, systemClock } from '@vsmcp/kernel'
import { describe, expect, test } from 'vitest'
import { createMemoryStore, openStore, StoreCorruptError } from '../src/index.ts'
import { bytes, keys, keyValueCompliance, put } from './compliance.ts'
import { damageValue, flipped, torn } from './support/damage.ts'
import { openFor, temporaryDirectory } from './support/directory.ts'

keyValueCompliance('the disk store', async () => {
  const dir = await mkdtemp(join(tmpdir(), 'vsmcp-store-'))
  const store = await openStore({ dir })({ clock: systemClock, logger: silentLogger })
  return {
    store: store.kv('test'),
    close: async () => {
      await store.stop()
      await rm(dir, { recursive: true })
    },
  }
})

keyValueCompliance('the memory store', () => Promise.resolve({ store: createMemoryStore(), close: () => Promise.resolve() }))

describe('namespaces', () => {
  test('do not see one another, whatever their names and keys', async () => {
    const store = await openFor(await temporaryDirectory())
    const [a, ab, b] = [store.kv('a'), store.kv('a-b'), store.kv('b')]
    await a.write([put('b!x', bytes(1)), put('', bytes(2))])
    await ab.write([put('x', bytes(3))])
    await b.write([put('x', bytes(4))])
    expect(await keys(a, { gte: '', lt: '\u{10ffff}' })).toEqual(['', 'b!x'])
    expect(await keys(ab, { gte: '', lt: '\u{10ffff}' })).toEqual(['x'])
    expect(await b.get('x')).toEqual(bytes(4))
  })

  test('keep the consensus log out of reach', async () => {
    const store = await openFor(await temporaryDirectory())
    await store.raft.save({ hardState: { term: 3, vote: 'me', commit: 0 }, entries: [], mustSync: true })
    expect(await keys(store.kv('r'), { gte: '', lt: '\u{10ffff}' })).toEqual([])
  })

  test('are refused with a name that could escape its prefix', async () => {
    const store = await openFor(await temporaryDirectory())
    for (const name of ['', 'a!b', 'A', '-a', 'a'.repeat(65)]) expect(() => store.kv(name)).toThrow(InvalidArgumentError)
  })
})

describe('a disk store', () => {
  test('refuses keys that are not well-formed or too long, and values that are too large', async () => {
    const kv = (await openFor(await temporaryDirectory())).kv('a')
    await expect(kv.write([put('\ud800', bytes(1))])).rejects.toThrow(InvalidArgumentError)
    await expect(kv.get('x'.repeat(5_000))).rejects.toThrow(InvalidArgumentError)
    await expect(kv.write([put('x', new Uint8Array(64 * 1024 * 1024 + 1))])).rejects.toThrow(InvalidArgumentError)
  })

  test('finds everything again after it was closed and opened', async () => {
    const dir = await temporaryDirectory()
    const first = await openFor(dir)
    await first.kv('a').write([put('x', bytes(1, 2))])
    await first.stop()
    expect(await (await openFor(dir)).kv('a').get('x')).toEqual(bytes(1, 2))
  })

  test('rejects at a damaged value, or tells of each and gives the others', async () => {
    const dir = await temporaryDirectory()
    const first = await openFor(dir)
    await first.kv('a').write(['b', 'c', 'd', 'e'].map((key) => put(key, bytes(1, 2))))
    await first.stop()
    await damageValue(dir, { namespace: 'a', key: 'b' }, flipped)
    await damageValue(dir, { namespace: 'a', key: 'd' }, torn)
    const kv = (await openFor(dir)).kv('a')
    const range = { gte: '', lt: '~' }
    await expect(keys(kv, range)).rejects.toThrow(StoreCorruptError)
    const told: [string, unknown][] = []
    expect(await keys(kv, { ...range, onDamaged: (...damage) => void told.push(damage) })).toEqual(['c', 'e'])
    expect(told).toEqual([
      ['b', expect.any(StoreCorruptError)],
      ['d', expect.any(StoreCorruptError)],
    ])
  })

  test('finishes what was queued before it closes, and refuses what comes later', async () => {
    const dir = await temporaryDirectory()
    const store = await openFor(dir)
    const kv = store.kv('a')
    const queued = Promise.all(Array.from({ length: 50 }, (_, at) => kv.write([put(`k${at}`, bytes(at))], { sync: true })))
    await store.stop()
    await queued
    await expect(kv.write([put('late', bytes(1))])).rejects.toThrow(StoppedError)
    await expect(kv.get('k1')).rejects.toThrow(StoppedError)
    expect(await keys((await openFor(dir)).kv('a'), { gte: '', lt: '~' })).toHaveLength(50)
  })

  test('merges writes that wait for the same disk into one fsync', async () => {
    const store = await openFor(await temporaryDirectory())
    const kv = store.kv('a')
    await Promise.all(Array.from({ length: 500 }, (_, at) => kv.write([put(`k${at}`, bytes(1))], { sync: true })))
    expect(store.stats()).toMatchObject({ writes: 500, queued: 0, refusing: undefined })
    expect(store.stats().syncs).toBeLessThan(5)
  })

  test('refuses with BusyError what would make the queue longer than its bound, and carries out the rest', async () => {
    const store = await openFor(await temporaryDirectory())
    const kv = store.kv('a')
    const settled = await Promise.allSettled(Array.from({ length: 16_400 }, (_, at) => kv.write([put(`k${at}`, bytes(1))])))
    const refused = settled.filter((result) => result.status === 'rejected')
    expect(refused).toHaveLength(16)
    expect(refused[0]?.reason).toMatchObject({ code: 'VSMCP_BUSY' })
    expect(await kv.get('k16383')).toEqual(bytes(1))
  })
})
