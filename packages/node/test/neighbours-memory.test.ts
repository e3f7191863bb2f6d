import { silentLogger } from '@vsmcp/kernel'
import type { Chain } from '@vsmcp/security'

import { GroupRecursion } from '@vsmcp/vsm'
import { expect, it } from 'vitest'
import { NEIGHBOURS_REMEMBERED_MAX } from '../src/constants.ts'
import { NeighboursMemory } from '../src/recursion/neighbours-memory.ts'
import { MemoryStore } from './support/memory-store.ts'

const NOW = 1_800_000_000_000
const told = {
  directives: [
    { id: '1-0-weight', by: 'root', order: { kind: 'weight' as const, most: 2 }, reason: '', atMs: NOW, untilMs: NOW + 9e6 },
  ],
  lineage: ['root'],
}
const revocation = { peer: 'p', group: 'root', atMs: NOW, untilMs: NOW + 9e6 }

it('what other groups said is known again after a restart; what is damaged on disk is as if never heard', async () => {
  const kv = new MemoryStore()
  const memory = new NeighboursMemory({ kv, logger: silentLogger })
  const before = new GroupRecursion({ self: 'a', group: 'eu' })
  await memory.recall(before, NOW)
  before.remember(told)
  before.revocations.hear([revocation], 'root', NOW)
  memory.keep(before)
  await memory.settled()

  const recalled = async (): Promise<GroupRecursion> => {
    const recursion = new GroupRecursion({ self: 'a', group: 'eu' })
    await new NeighboursMemory({ kv, logger: silentLogger }).recall(recursion, NOW + 1)
    return recursion
  }
  const after = await recalled()
  expect(after.told).toEqual(told)
  expect(after.revocations.all).toEqual([revocation])

  await kv.write([{ type: 'put', key: 'told', value: Buffer.from('{"directives":[{}]}') }])
  await kv.write([{ type: 'put', key: 'revocations', value: Buffer.from('{') }])
  const damaged = await recalled()
  expect([damaged.told.directives, damaged.revocations.all]).toEqual([[], []])
})

it('since when the voters of other groups are known is not forgotten at a restart, nor put off by what is shown again', async () => {
  const kv = new MemoryStore()
  const begun = async (): Promise<NeighboursMemory> => {
    const memory = new NeighboursMemory({ kv, logger: silentLogger })
    await memory.recall(new GroupRecursion({ self: 'a', group: 'root' }), NOW)
    return memory
  }
  const chain = (group: string, ...digests: string[]) =>
    ({ group, eras: digests.map((digest) => ({ digest })) }) as unknown as Chain
  const memory = await begun()
  memory.heardChain(chain('eu', 'first'), NOW)
  memory.heardChain(chain('eu', 'first', 'second'), NOW + 5)
  await memory.settled()
  const after = await begun()
  after.heardChain(chain('eu', 'first', 'second'), NOW + 9)
  expect(after.heardOf('eu')).toEqual({ first: NOW, second: NOW + 5 })
  expect(after.heardOf('us')).toEqual({})
  // No more of them than are remembered: the one that showed nothing new for longest goes.
  for (let at = 0; at < NEIGHBOURS_REMEMBERED_MAX; at++) after.heardChain(chain(`group-${at}`, 'first'), NOW + 9)
  expect(after.heardOf('eu')).toEqual({})
  expect(after.heardOf('group-0')).toEqual({ first: NOW + 9 })
  await after.settled()
  expect((await begun()).heardOf('group-0')).toEqual({ first: NOW + 9 })
  await kv.write([{ type: 'put', key: 'voters', value: Buffer.from('[["eu",{"first":"then"}]]') }])
  expect((await begun()).heardOf('eu')).toEqual({})
})
