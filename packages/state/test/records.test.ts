import { describe, expect, test } from 'vitest'
import { StateNotOwnerError, StateTooLargeError } from '../src/index.ts'
import { ANNA, BERT, CARA, Group, view } from './support/group.ts'

const MINUTE = 60_000
const DAY = 24 * 60 * MINUTE

describe('a record', () => {
  test('is read by its writer at once, and by every connected member within a second', async () => {
    const group = new Group()
    const [anna, bert, cara] = [await group.start(ANNA), await group.start(BERT), await group.start(CARA)]
    group.connect(anna, bert, cara)
    await group.pass(2_000)
    const record = await anna.state.put('units', 'files', { tools: ['read'] })
    expect(record).toMatchObject({ collection: 'units', key: 'files', writer: ANNA, value: { tools: ['read'] } })
    expect(anna.state.get('units', 'files')).toEqual(record)
    await group.pass(1_000)
    expect(bert.state.get('units', 'files')).toEqual(record)
    expect(cara.state.get('units', 'files')).toEqual(record)
  })

  test('put again replaces what was there, and is told as a change of its key once', async () => {
    const group = new Group()
    const [anna, bert] = [await group.start(ANNA), await group.start(BERT)]
    group.connect(anna, bert)
    await group.pass(2_000)
    const told: string[] = []
    bert.state.on('changed', ({ collection, keys }) => told.push(`${collection} ${keys.join()}`))
    await anna.state.put('units', 'files', 1)
    await group.pass(1_000)
    await anna.state.put('units', 'files', 2)
    await group.pass(1_000)
    await anna.state.put('units', 'files', 2)
    await group.pass(30_000)
    expect(told).toEqual(['units files', 'units files'])
    expect(view(bert.state)).toEqual(['files=2 by Anna'])
  })

  test('removed is gone everywhere and stays gone for a node that was away', async () => {
    const group = new Group()
    const [anna, bert, cara] = [await group.start(ANNA), await group.start(BERT), await group.start(CARA)]
    group.connect(anna, bert, cara)
    await anna.state.put('units', 'files', 1)
    await group.pass(2_000)
    group.disconnect(anna, cara)
    group.disconnect(bert, cara)
    expect(await anna.state.remove('units', 'files')).toBe(true)
    expect(await anna.state.remove('units', 'files')).toBe(false)
    await group.pass(2_000)
    expect([view(anna.state), view(bert.state), view(cara.state)]).toEqual([[], [], ['files=1 by Anna']])
    group.connect(bert, cara)
    await group.pass(2_000)
    expect(view(cara.state)).toEqual([])
  })

  test('of the same key by two writers does not displace the other; who may hold it decides which is read', async () => {
    let owner: string = BERT
    const group = new Group(1, { mayWrite: (collection, _key, writer) => collection !== 'units' || writer === owner })
    const [anna, bert] = [await group.start(ANNA), await group.start(BERT)]
    group.connect(anna, bert)
    await bert.state.put('units', 'files', 'of bert')
    await expect(anna.state.put('units', 'files', 'of anna')).rejects.toThrow(StateNotOwnerError)
    owner = ANNA
    await anna.state.put('units', 'files', 'of anna')
    await group.pass(2_000)
    const told: string[] = []
    bert.state.on('changed', ({ keys }) => told.push(...keys))
    expect(bert.state.get('units', 'files')?.value).toBe('of anna')
    owner = BERT
    bert.state.reevaluate()
    expect(bert.state.get('units', 'files')?.value).toBe('of bert')
    expect(told).toEqual(['files'])
  })

  test('of somebody who is no member any more is not read, and read again when they are', async () => {
    const group = new Group()
    const [anna, bert] = [await group.start(ANNA), await group.start(BERT)]
    group.connect(anna, bert)
    await bert.state.put('units', 'files', 1)
    await group.pass(2_000)
    group.members.delete(BERT)
    anna.state.reevaluate()
    expect(view(anna.state)).toEqual([])
    group.members.add(BERT)
    anna.state.reevaluate()
    expect(view(anna.state)).toEqual(['files=1 by Bert'])
  })

  test('about a node is written by that node only', async () => {
    const group = new Group()
    const anna = await group.start(ANNA)
    await anna.state.put('nodes', ANNA, { name: 'anna' })
    await expect(anna.state.put('nodes', BERT, { name: 'bert' })).rejects.toThrow(StateNotOwnerError)
  })

  test('ends at its time, is told as a change, and leaves the document afterwards', async () => {
    const group = new Group()
    const [anna, bert] = [await group.start(ANNA), await group.start(BERT)]
    group.connect(anna, bert)
    const expiresAtMs = group.clock.wallMs() + 10 * MINUTE
    await anna.state.put('grants', 'x', 1, { expiresAtMs })
    await group.pass(2_000)
    const told: string[] = []
    bert.state.on('changed', ({ keys }) => told.push(...keys))
    await group.pass(9 * MINUTE)
    expect(bert.state.get('grants', 'x')?.value).toBe(1)
    await group.pass(MINUTE)
    expect(bert.state.get('grants', 'x')).toBeUndefined()
    expect(told).toEqual(['x'])
    const before = bert.state.stats()
    await group.pass(3 * 60 * MINUTE)
    expect(bert.state.stats().bytes).toBeLessThan(before.bytes)
    expect(anna.state.stats().bytes).toBe(bert.state.stats().bytes)
  })

  test('without an end is renewed by its node for as long as that runs, and no longer', { timeout: 60_000 }, async () => {
    const group = new Group(1, { syncIntervalMs: 60 * MINUTE })
    const [anna, bert] = [await group.start(ANNA), await group.start(BERT)]
    group.connect(anna, bert)
    await anna.state.put('units', 'files', 1)
    await group.pass(20 * DAY)
    expect(view(bert.state)).toEqual(['files=1 by Anna'])
    group.crash(anna)
    await group.pass(8 * DAY)
    expect(view(bert.state)).toEqual([])
  })

  test('that its node may not hold any more is not renewed, which is said in the log and harms nothing', async () => {
    let allowed = true
    const group = new Group(1, { mayWrite: () => allowed, syncIntervalMs: 60 * MINUTE })
    const { state } = await group.start(ANNA)
    await state.put('units', 'files', 1)
    allowed = false
    await group.pass(4 * DAY)
    expect(group.log.some(({ msg }) => msg.includes('cannot write a record again'))).toBe(true)
    allowed = true
    await group.pass(60 * MINUTE)
    expect(state.get('units', 'files')?.issuedAtMs).toBeGreaterThan(group.clock.wallMs() - DAY)
  })

  test('is refused when it is too large, nested too deeply, or of no valid name', async () => {
    const group = new Group()
    const { state } = await group.start(ANNA)
    await expect(state.put('units', 'big', 'x'.repeat(256 * 1024))).rejects.toThrow(StateTooLargeError)
    const deep = JSON.parse('['.repeat(100) + ']'.repeat(100))
    await expect(state.put('units', 'deep', deep)).rejects.toMatchObject({ code: 'VSMCP_INVALID_ARGUMENT' })
    for (const [collection, key] of [
      ['Units', 'x'],
      ['units', ''],
      ['units', 'x'.repeat(257)],
      ['units', '\ud800'],
      ['a/b', 'x'],
    ] as const) {
      await expect(state.put(collection, key, 1)).rejects.toMatchObject({ code: 'VSMCP_INVALID_ARGUMENT' })
    }
    await expect(state.put('units', 'x', 1, { expiresAtMs: group.clock.wallMs() + 31 * DAY })).rejects.toMatchObject({
      code: 'VSMCP_INVALID_ARGUMENT',
    })
    expect(view(state)).toEqual([])
  })
})
