import { describe, expect, test } from 'vitest'
import { ANNA, BERT, CARA, Group, view } from './support/group.ts'
import { MemoryStore } from './support/memory-store.ts'

const FULL = Object.assign(new Error('no space left on the disk'), { code: 'VSMCP_STORE_FULL' })

describe('what a node knows', () => {
  test('is there again after a restart, alone and without peers', async () => {
    const group = new Group()
    const [anna, bert] = [await group.start(ANNA), await group.start(BERT)]
    group.connect(anna, bert)
    await anna.state.put('units', 'files', { tools: 3 })
    await bert.state.put('units', 'web', 1)
    await bert.state.put('units', 'old', 1)
    await bert.state.remove('units', 'old')
    await group.pass(2_000)
    group.crash(anna)
    const again = await group.start(ANNA, anna.store.afterKill())
    expect(view(again.state)).toEqual(['files={"tools":3} by Anna', 'web=1 by Bert'])
  })

  test('of its own is there after a power cut as soon as put has resolved', async () => {
    const group = new Group()
    const anna = await group.start(ANNA)
    for (let at = 0; at < 20; at++) {
      await anna.state.put('units', `u${at}`, at)
      const after = await group.start(BERT, anna.store.afterPowerCut(), { mayWrite: () => true })
      expect(after.state.get('units', `u${at}`, ANNA)?.value).toBe(at)
      await after.state.stop()
    }
  })

  test('counts each life above the one before, also after a restart without what was not fsynced', async () => {
    const group = new Group()
    const anna = await group.start(ANNA)
    const first = await anna.state.put('units', 'files', 1)
    group.crash(anna)
    const second = await (await group.start(ANNA, anna.store.afterPowerCut())).state.put('units', 'files', 2)
    expect(second.epoch).toBeGreaterThan(first.epoch)
  })

  test('goes on under the same Yjs client id after any crash, so that the document knows one client per node', async () => {
    const group = new Group(3)
    let anna = await group.start(ANNA)
    const bert = await group.start(BERT)
    for (let life = 0; life < 12; life++) {
      group.connect(anna, bert)
      await anna.state.put('units', 'files', life)
      await bert.state.put('units', 'web', life)
      await group.pass(life % 3 === 0 ? 0 : 2_000)
      if (life % 4 === 3) await anna.state.stop()
      group.crash(anna)
      anna = await group.start(ANNA, life % 2 === 0 ? anna.store.afterKill() : anna.store.afterPowerCut(life))
    }
    group.connect(anna, bert)
    await group.pass(3_000)
    expect(anna.state.stats().clients).toBe(2)
    expect(view(anna.state)).toEqual(['files=11 by Anna', 'web=11 by Bert'])
    expect(view(bert.state)).toEqual(view(anna.state))
  })

  test('is not undone when a data directory is restored from an older copy: its node counts on above what the group has seen', async () => {
    const group = new Group(4)
    const [anna, bert] = [await group.start(ANNA), await group.start(BERT)]
    group.connect(anna, bert)
    await anna.state.put('units', 'files', 'old')
    await group.pass(2_000)
    const copy = anna.store.afterKill()
    for (let life = 0; life < 3; life++) await anna.state.put('units', 'files', `newer ${life}`)
    await group.pass(2_000)
    group.crash(anna)
    const restored = await group.start(ANNA, copy)
    await restored.state.put('units', 'files', 'after the restore')
    await restored.state.put('units', 'more', 1)
    group.connect(restored, bert)
    await group.pass(60_000)
    const expected = ['files="after the restore" by Anna', 'more=1 by Anna']
    expect([view(restored.state), view(bert.state)]).toEqual([expected, expected])
    const cara = await group.start(CARA)
    group.connect(cara, bert)
    await group.pass(3_000)
    expect(view(cara.state)).toEqual(expected)
  })

  test('is written as increments that are folded at a bound', async () => {
    const group = new Group()
    const anna = await group.start(ANNA)
    let most = 0
    for (let at = 0; at < 1_200; at++) {
      await anna.state.put('units', 'files', at)
      await anna.state.settled()
      most = Math.max(most, [...anna.store.values.keys()].filter((key) => key.startsWith('doc/')).length)
    }
    expect(most).toBeLessThanOrEqual(515)
    const again = await group.start(ANNA, anna.store.afterKill())
    expect(view(again.state)).toEqual(['files=1199 by Anna'])
    expect(again.state.stats().clients).toBe(1)
  })
})

describe('a damaged disk', () => {
  test.each([
    ['changed bytes', (bytes: Uint8Array) => bytes.map((byte, at) => (at === 3 ? byte ^ 0xff : byte))],
    ['rubbish', () => new Uint8Array(200).fill(0x5a)],
    ['a cut', (bytes: Uint8Array) => bytes.slice(0, bytes.length / 2)],
  ])('costs a document update with %s, is said in the log, and the peers make up for it', async (_what, damage) => {
    const group = new Group()
    const [anna, bert] = [await group.start(ANNA), await group.start(BERT)]
    group.connect(anna, bert)
    for (const key of ['a', 'b', 'c']) await anna.state.put('units', key, key.repeat(50))
    await group.pass(2_000)
    group.crash(anna)
    const store = anna.store.afterKill()
    for (const [key, value] of store.values) if (key.startsWith('doc/update/')) store.values.set(key, damage(value))
    const again = await group.start(ANNA, store)
    expect(group.log.some(({ level, msg }) => level === 'error' && msg.includes('damaged update set aside'))).toBe(true)
    expect([...store.values.keys()].some((key) => key.startsWith('doc/damaged/'))).toBe(true)
    expect(view(again.state)).toHaveLength(3)
    group.connect(again, bert)
    await again.state.put('units', 'd', 1)
    await group.pass(20_000)
    expect(view(bert.state)).toHaveLength(4)
    const cara = await group.start(CARA)
    group.connect(cara, again)
    await group.pass(3_000)
    expect(view(cara.state)).toEqual(view(bert.state))
  })

  test('that cannot read a value any more costs that value only', async () => {
    const group = new Group()
    const anna = await group.start(ANNA)
    for (const key of ['a', 'b', 'c', 'd', 'e']) await anna.state.put('units', key, 1)
    await group.pass(0)
    group.crash(anna)
    const store = anna.store.afterKill()
    const lost = [...store.values.keys()].filter((key) => key.startsWith('rec/') && /[/](b|d)$/.test(key))
    expect(lost).toHaveLength(2)
    for (const key of [...lost, 'doc/update/000001']) store.damaged.add(key)
    const again = await group.start(ANNA, store)
    await group.pass(5_000)
    expect(view(again.state).filter((line) => !/^(b|d)=/.test(line))).toHaveLength(3)
    for (const key of ['b', 'd']) await again.state.put('units', key, 2)
    expect(view(again.state)).toHaveLength(5)
  })
})

describe('a full disk', () => {
  test('refuses a put with the store’s error and tells nobody of it; what others write is still read; all is stored once there is space', async () => {
    const group = new Group()
    const [anna, bert] = [await group.start(ANNA), await group.start(BERT)]
    group.connect(anna, bert)
    await anna.state.put('units', 'files', 'before')
    await group.pass(2_000)
    anna.store.failure = FULL
    await expect(anna.state.put('units', 'files', 'never')).rejects.toBe(FULL)
    await bert.state.put('units', 'web', 1)
    await group.pass(20_000)
    expect(view(anna.state)).toEqual(['files="before" by Anna', 'web=1 by Bert'])
    expect(view(bert.state)).toEqual(view(anna.state))
    anna.store.failure = undefined
    await anna.state.put('units', 'files', 'after')
    await group.pass(20_000)
    expect(view(bert.state)).toEqual(['files="after" by Anna', 'web=1 by Bert'])
    group.crash(anna)
    const again = await group.start(ANNA, anna.store.afterKill())
    expect(view(again.state)).toEqual(view(bert.state))
    expect(again.state.stats().clients).toBe(2)
  })
})

test('a store of rubbish does not keep a node from starting', async () => {
  const group = new Group()
  const store = new MemoryStore()
  const rubbish = (length: number): Uint8Array => new Uint8Array(length).fill(0xee)
  for (const key of ['doc/snapshot', 'doc/client', 'doc/update/000000', 'rec/x', 'rec/units/w/k', 'meta/epoch'])
    store.values.set(key, rubbish(40))
  const { state } = await group.start(ANNA, store)
  await state.put('units', 'files', 1)
  expect(view(state)).toEqual(['files=1 by Anna'])
})
