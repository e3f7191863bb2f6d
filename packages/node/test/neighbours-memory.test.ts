import { silentLogger } from '@vsmcp/kernel'

import { GroupRecursion } from '@vsmcp/vsm'
import { expect, it } from 'vitest'
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
