import { describe, expect, test } from 'vitest'
import * as encoding from 'lib0/encoding'
import { StateTooLargeError } from '../src/index.ts'
import { encodeGossip } from '../src/wire.ts'
import { ANNA, BERT, Group, TOPIC } from './support/group.ts'

function hintUpdate(client: number, clock: number, state: string): Uint8Array {
  const update = encoding.encode((encoder) => {
    encoding.writeVarUint(encoder, 1)
    encoding.writeVarUint(encoder, client)
    encoding.writeVarUint(encoder, clock)
    encoding.writeVarString(encoder, state)
  })
  return encodeGossip('hint', update)
}

describe('hints', () => {
  test('reach the others, change, and are taken back, without touching the document', async () => {
    const group = new Group()
    const [anna, bert] = [await group.start(ANNA), await group.start(BERT)]
    group.connect(anna, bert)
    await group.pass(2_000)
    const told: string[] = []
    bert.state.on('hinted', ({ peers }) => told.push(peers.join()))
    anna.state.setHint({ load: 0.5 })
    await group.pass(1_000)
    expect(bert.state.hints()).toEqual(new Map([[ANNA, { load: 0.5 }]]))
    expect(anna.state.hints()).toEqual(bert.state.hints())
    anna.state.setHint({ load: 0.7 })
    await group.pass(1_000)
    expect(bert.state.hints().get(ANNA)).toEqual({ load: 0.7 })
    anna.state.setHint(null)
    await group.pass(1_000)
    expect(bert.state.hints()).toEqual(new Map())
    expect(told).toEqual([ANNA, ANNA, ANNA])
    expect(bert.state.stats()).toMatchObject({ items: 0, clients: 0 })
  })

  test('are sent at a bounded rate, the latest last', async () => {
    const group = new Group(1, { hintIntervalMs: 1_000 })
    const [anna, bert] = [await group.start(ANNA), await group.start(BERT)]
    group.connect(anna, bert)
    await group.pass(2_000)
    group.network.published.length = 0
    for (let at = 0; at < 500; at++) {
      anna.state.setHint({ at })
      await group.pass(10)
    }
    await group.pass(1_000)
    expect(group.network.published.length).toBeLessThanOrEqual(7)
    expect(bert.state.hints().get(ANNA)).toEqual({ at: 499 })
  })

  test('end with their node: at once when it stops, after 30 s of silence when it dies, and with its membership', async () => {
    const group = new Group()
    const [anna, bert] = [await group.start(ANNA), await group.start(BERT)]
    group.connect(anna, bert)
    anna.state.setHint(1)
    await group.pass(1_000)
    group.members.delete(ANNA)
    expect(bert.state.hints().size).toBe(0)
    group.members.add(ANNA)
    expect(bert.state.hints().size).toBe(1)
    await group.pass(50_000)
    expect(bert.state.hints().size).toBe(1)
    group.network.unlink(ANNA, BERT)
    await group.pass(20_000)
    expect(bert.state.hints().size).toBe(1)
    await group.pass(15_000)
    expect(bert.state.hints().size).toBe(0)
    group.network.link(ANNA, BERT)
    anna.state.setHint(2)
    await group.pass(1_000)
    expect(bert.state.hints().size).toBe(1)
    await anna.state.stop()
    await group.pass(1_000)
    expect(bert.state.hints().size).toBe(0)
  })

  test('over 4 KiB are refused at the source', async () => {
    const group = new Group()
    const { state } = await group.start(ANNA)
    expect(() => state.setHint('x'.repeat(5_000))).toThrow(StateTooLargeError)
  })

  test.each<[string, Uint8Array]>([
    ['in another’s name', hintUpdate(7, 1, JSON.stringify({ peer: ANNA, hint: 'evil' }))],
    ['of no known form', hintUpdate(7, 1, '{"x":1}')],
    ['that is not JSON', hintUpdate(7, 1, '{')],
    [
      'nested deeply',
      hintUpdate(7, 1, JSON.stringify({ peer: '12D3KooWMaxx', hint: 0 }).replace('0', '['.repeat(1_000) + ']'.repeat(1_000))),
    ],
    ['of absurd clock', hintUpdate(7, 2 ** 50, JSON.stringify({ peer: '12D3KooWMaxx', hint: 1 }))],
    ['over its bound', hintUpdate(7, 1, JSON.stringify({ peer: '12D3KooWMaxx', hint: 'x'.repeat(6_000) }))],
    ['for two', encodeGossip('hint', Uint8Array.of(2, 7, 1, 4, 110, 117, 108, 108, 8, 1, 4, 110, 117, 108, 108))],
    ['cut short', encodeGossip('hint', Uint8Array.of(1, 7, 1, 100, 110))],
  ])('by a hostile member %s are refused', async (_what, message) => {
    const group = new Group()
    const [anna, bert] = [await group.start(ANNA), await group.start(BERT)]
    group.connect(anna, bert)
    group.members.add('12D3KooWMaxx')
    anna.state.setHint('true')
    await group.pass(1_000)
    group.network.inject('12D3KooWMaxx', BERT, TOPIC, message)
    expect(bert.state.stats().rejected).toBe(1)
    expect(bert.state.hints()).toEqual(new Map([[ANNA, 'true']]))
  })

  test('by a hostile member can neither overwrite nor take back another’s, whose client id it knows', async () => {
    const group = new Group()
    const [anna, bert] = [await group.start(ANNA), await group.start(BERT)]
    group.connect(anna, bert)
    group.members.add('12D3KooWMaxx')
    anna.state.setHint('true')
    await group.pass(1_000)
    const sent = group.network.published.findLast(({ from }) => from === ANNA)?.payload ?? new Uint8Array()
    // The client id of anna's message, as it stands there, with a later clock and nothing for a state.
    const end = sent.findIndex((byte, at) => at > 1 && byte < 128) + 1
    const takeBack = Uint8Array.from([...sent.slice(0, end), 100, 4, ...Buffer.from('null')])
    group.network.inject('12D3KooWMaxx', BERT, TOPIC, takeBack)
    expect(bert.state.hints()).toEqual(new Map([[ANNA, 'true']]))
  })

  test('of a peer under ever new client ids leave nothing behind', async () => {
    const group = new Group()
    const bert = await group.start(BERT)
    group.members.add('12D3KooWMaxx')
    for (let client = 1; client < 200; client++) {
      group.network.inject(
        '12D3KooWMaxx',
        BERT,
        TOPIC,
        hintUpdate(client, 1, JSON.stringify({ peer: '12D3KooWMaxx', hint: client })),
      )
    }
    expect(bert.state.hints()).toEqual(new Map([['12D3KooWMaxx', 199]]))
    expect(bert.state.stats().rejected).toBe(0)
  })
})
