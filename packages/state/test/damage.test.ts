import { describe, expect, test } from 'vitest'
import type { Payload } from '../src/envelope.ts'
import { ANNA, BERT, CARA, Group, type Node, view } from './support/group.ts'
import { Vandal } from './support/vandal.ts'

const MALLORY = '12D3KooWMaxx'

async function threeAndAVandal(): Promise<{ group: Group; anna: Node; bert: Node; cara: Node; vandal: Vandal }> {
  const group = new Group(5)
  const [anna, bert, cara] = [await group.start(ANNA), await group.start(BERT), await group.start(CARA)]
  group.connect(anna, bert, cara)
  await anna.state.put('units', 'files', 1)
  await anna.state.put('units', 'files', 2)
  await bert.state.put('units', 'web', 1)
  await group.pass(2_000)
  const vandal = new Vandal(group, MALLORY)
  await vandal.syncFrom(anna)
  return { group, anna, bert, cara, vandal }
}

function threeTimes(...records: readonly string[]): string[] {
  return Array.from({ length: 3 }, () => records.join())
}

function payload(group: Group, fields: Partial<Payload> = {}): Payload {
  const now = group.clock.wallMs()
  return {
    collection: 'units',
    key: 'files',
    writer: ANNA,
    epoch: 9,
    seq: 9,
    issuedAtMs: now,
    expiresAtMs: now + 60_000,
    value: 'evil',
    ...fields,
  }
}

describe('damage to the document', () => {
  test('by a deletion takes nothing away, and the owner puts it back for newcomers', async () => {
    const { group, anna, bert, cara, vandal } = await threeAndAVandal()
    vandal.delete(vandal.idOf(ANNA))
    vandal.gossip(anna, bert, cara)
    expect([anna, bert, cara].map(({ state }) => view(state).join())).toEqual(threeTimes('files=2 by Anna', 'web=1 by Bert'))
    await group.pass(3_000)
    expect(anna.state.stats().repaired).toBe(1)
    expect(bert.state.stats().repaired + cara.state.stats().repaired).toBe(0)
    const dave = await group.start('12D3KooWDave')
    group.connect(dave, cara)
    await group.pass(3_000)
    expect(view(dave.state)).toEqual(['files=2 by Anna', 'web=1 by Bert'])
  })

  test('to a record whose owner is gone is put right by those who saw it', async () => {
    const { group, anna, bert, cara, vandal } = await threeAndAVandal()
    group.crash(anna)
    vandal.delete(vandal.idOf(ANNA))
    vandal.gossip(bert, cara)
    await group.pass(20_000)
    await vandal.syncFrom(bert)
    expect(vandal.idOf(ANNA)).not.toBe('')
  })

  test('by a replay of an older record does not turn anybody back', async () => {
    const { group, anna, bert, cara, vandal } = await threeAndAVandal()
    const id = vandal.idOf(ANNA)
    const old = vandal.valueOf(id)
    await anna.state.put('units', 'files', 3)
    await group.pass(2_000)
    await vandal.syncFrom(anna)
    vandal.set(id, old)
    vandal.gossip(anna, bert, cara)
    await group.pass(3_000)
    expect([anna, bert, cara].map(({ state }) => view(state).join())).toEqual(threeTimes('files=3 by Anna', 'web=1 by Bert'))
    await vandal.syncFrom(cara)
    expect(vandal.valueOf(id)).not.toEqual(old)
  })

  test('by a replay after a removal does not bring the record back', async () => {
    const { group, anna, bert, cara, vandal } = await threeAndAVandal()
    const id = vandal.idOf(ANNA)
    const old = vandal.valueOf(id)
    await anna.state.remove('units', 'files')
    await group.pass(2_000)
    await vandal.syncFrom(anna)
    vandal.set(id, old)
    vandal.gossip(anna, bert, cara)
    await group.pass(3_000)
    expect([view(anna.state), view(cara.state)]).toEqual([['web=1 by Bert'], ['web=1 by Bert']])
  })

  test.each<[string, (group: Group, vandal: Vandal) => Uint8Array]>([
    ['signed by somebody else', (group, vandal) => vandal.forge(payload(group))],
    ['signed for another group', (group, vandal) => vandal.forge(payload(group), ANNA, 'vsmcp/other/root/state')],
    ['of another key', (group, vandal) => vandal.forge(payload(group, { key: 'other' }), ANNA)],
    [
      'that lives too long',
      (group, vandal) => vandal.forge(payload(group, { expiresAtMs: group.clock.wallMs() + 40 * 86_400_000 }), ANNA),
    ],
    ['that is no envelope', () => new Uint8Array(100).fill(7).fill(1, 0, 1)],
    ['that is empty', () => new Uint8Array()],
    ['that is not UTF-8', () => Uint8Array.of(1, 1, 0, 0xff, 0xff)],
    [
      'nested ten thousand deep',
      (group, vandal) => vandal.forge(payload(group, { value: JSON.parse('['.repeat(1e4) + ']'.repeat(1e4)) as never }), ANNA),
    ],
  ])('by a record %s is ignored and cleared away', async (_what, make) => {
    const { group, anna, bert, cara, vandal } = await threeAndAVandal()
    const id = vandal.idOf(ANNA)
    const forged = make(group, vandal)
    vandal.set(id, forged)
    vandal.list.push([{ key: `units/${MALLORY}/junk`, val: forged }])
    vandal.gossip(anna, bert, cara)
    await group.pass(30_000)
    expect([anna, bert, cara].map(({ state }) => view(state).join())).toEqual(threeTimes('files=2 by Anna', 'web=1 by Bert'))
    await vandal.syncFrom(cara)
    expect(vandal.elements().map((element) => element.key)).not.toContain(`units/${MALLORY}/junk`)
    expect(vandal.valueOf(id)).not.toEqual(forged)
  })

  test('does not make honest nodes write without bound', async () => {
    const { group, anna, bert, cara, vandal } = await threeAndAVandal()
    for (let round = 0; round < 100; round++) {
      await vandal.syncFrom(anna)
      vandal.delete(vandal.idOf(ANNA))
      vandal.gossip(anna, bert, cara)
      await group.pass(400)
    }
    // 40 s of vandalism: about one repair a second, by the owner.
    expect(anna.state.stats().repaired).toBeLessThanOrEqual(41)
    expect(anna.state.stats().bytes).toBeLessThan(10_000)
  })

  test('leaves what a newer release wrote alone', async () => {
    const { group, anna, bert, cara, vandal } = await threeAndAVandal()
    const id = `units/${MALLORY}/future`
    const future = Uint8Array.of(2, 1, 2, 3, 4)
    vandal.set(id, future)
    vandal.gossip(anna, bert, cara)
    await group.pass(60_000)
    await vandal.syncFrom(cara)
    expect(vandal.valueOf(id)).toEqual(future)
  })

  test('by two records of one count, from a copied data directory, is seen alike by all', async () => {
    const { group, anna, bert, cara, vandal } = await threeAndAVandal()
    const [one, two] = ['a', 'b'].map((value) => vandal.forge(payload(group, { value, writer: MALLORY }), MALLORY))
    const id = `units/${MALLORY}/files`
    vandal.set(id, one ?? new Uint8Array())
    vandal.gossip(anna, bert)
    vandal.set(id, two ?? new Uint8Array())
    vandal.gossip(cara)
    await group.pass(60_000)
    expect(view(anna.state)).toEqual(view(cara.state))
    expect(view(bert.state)).toEqual(view(cara.state))
  })

  test('by forged Yjs structs under an honest node’s client id cannot keep its records from anybody', async () => {
    const { group, anna, bert, cara, vandal } = await threeAndAVandal()
    // Bert is told of anna's next hundred ticks as if they had been deleted already: he will take anna's own for known.
    for (const [client, structs] of vandal.doc.store.clients) {
      const last = structs.at(-1)
      const clock = (last?.id.clock ?? 0) + (last?.length ?? 0)
      vandal.send(gcStructs(client, clock, 100), bert)
    }
    await anna.state.put('units', 'files', 4)
    await anna.state.put('units', 'more', 5)
    await group.pass(60_000)
    const expected = ['files=4 by Anna', 'more=5 by Anna', 'web=1 by Bert']
    expect([view(anna.state), view(bert.state), view(cara.state)]).toEqual([expected, expected, expected])
  })

  test('by unknown fields in a payload passes through them unharmed', async () => {
    const { group, anna, bert, cara, vandal } = await threeAndAVandal()
    const bytes = vandal.forge({ ...payload(group, { writer: MALLORY, value: 1 }), added: { later: true } }, MALLORY)
    const id = `units/${MALLORY}/files`
    vandal.set(id, bytes)
    vandal.gossip(anna)
    await group.pass(30_000)
    expect(view(cara.state)).toContain('files=1 by Maxx')
    vandal.delete(id)
    vandal.gossip(anna, bert, cara)
    await group.pass(30_000)
    await vandal.syncFrom(cara)
    expect(vandal.valueOf(id)).toEqual(bytes)
  })
})

/** An update of one struct that covers `length` ticks as garbage collected. */
function gcStructs(client: number, clock: number, length: number): Uint8Array {
  return Uint8Array.from([1, 1, ...varUint(client), ...varUint(clock), 0, ...varUint(length), 0])
}

function varUint(value: number): number[] {
  const bytes: number[] = []
  let rest = value
  for (; rest > 127; rest = Math.floor(rest / 128)) bytes.push(128 | (rest % 128))
  return [...bytes, rest]
}
