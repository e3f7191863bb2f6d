import { randomInteger, seededRandom } from '@vsmcp/kernel'
import { describe, expect, test } from 'vitest'
import { ANNA, BERT, CARA, DAVE, Group, type Node, view } from './support/group.ts'

const PEERS = [ANNA, BERT, CARA, DAVE]
const SEEDS = Array.from({ length: 12 }, (_, at) => at + 1)

describe('four nodes under loss, duplication, delay, partitions and crashes', () => {
  test.each(SEEDS)(
    'end with the same records, which are the last that each of them was told is stored (seed %i)',
    async (seed) => {
      const random = seededRandom(seed)
      const group = new Group(seed)
      const nodes = new Map<string, Node>()
      for (const peer of PEERS) nodes.set(peer, await group.start(peer))
      const at = (index: number): Node => nodes.get(PEERS[index] ?? '') ?? raise()
      group.connect(...nodes.values())
      group.network.faults = { loss: 0.3, duplication: 0.2, callLoss: 0.2, delayMaxMs: 800 }
      /** Key and writer → the value stored last; undefined when removed. */
      const expected = new Map<string, string | undefined>()

      for (let step = 0; step < 150; step++) {
        const [one, other] = [randomInteger(random, 0, 3), randomInteger(random, 0, 3)]
        const node = at(one)
        const key = `u${randomInteger(random, 0, 5)}`
        const dice = random.next()
        if (dice < 0.5) {
          const value = `${step}`
          await node.state.put('units', key, value)
          expected.set(`${key} ${node.peer}`, value)
        } else if (dice < 0.62) {
          if (await node.state.remove('units', key)) expected.set(`${key} ${node.peer}`, undefined)
        } else if (dice < 0.77) {
          if (one !== other) group.disconnect(node, at(other))
        } else if (dice < 0.95) {
          if (one !== other) group.connect(node, at(other))
        } else {
          group.crash(node)
          const store = random.next() < 0.5 ? node.store.afterKill() : node.store.afterPowerCut(randomInteger(random, 0, 3))
          nodes.set(node.peer, await group.start(node.peer, store))
        }
        await group.pass(randomInteger(random, 0, 3_000))
      }

      group.network.faults = { loss: 0, duplication: 0, callLoss: 0, delayMaxMs: 20 }
      for (const a of nodes.values()) for (const b of nodes.values()) if (a !== b) group.disconnect(a, b)
      group.connect(...nodes.values())
      await group.pass(90_000)

      const wanted = [...expected].flatMap(([id, value]) => {
        const [key = '', peer = ''] = id.split(' ')
        return value === undefined ? [] : [`${key}="${value}" by ${peer.slice('12D3KooW'.length)}`]
      })
      for (const node of nodes.values()) expect(view(node.state).sort(), `seed ${seed}, ${node.peer}`).toEqual(wanted.sort())
      for (const { state } of nodes.values()) expect(state.stats()).toMatchObject({ clients: 4, pendingBytes: 0, rejected: 0 })
      // The documents are the same, too: a sync finds nothing to tell.
      group.network.calls.length = 0
      for (const a of nodes.values()) {
        for (const b of nodes.values()) if (a !== b) await Promise.all([a.state.syncWith(b.peer), group.pass(100)])
      }
      for (const call of group.network.calls) expect(call).toMatchObject({ method: 'state:sync', answerBytes: 64 })
    },
  )
})

test('a line of nodes, each connected to the next only, comes to agree', async () => {
  const group = new Group(7)
  const nodes: Node[] = []
  for (const peer of PEERS) nodes.push(await group.start(peer))
  for (const [at, node] of nodes.entries()) {
    const next = nodes[at + 1]
    if (next !== undefined) group.connect(node, next)
  }
  for (const node of nodes) await node.state.put('nodes', node.peer, { name: node.peer })
  await group.pass(60_000)
  for (const { state } of nodes) expect(state.entries('nodes').map(({ key }) => key)).toEqual(PEERS.toSorted())
})

function raise(): never {
  throw new Error('no such node')
}
