import { afterAll, describe, expect } from 'vitest'

import { inNetwork } from '../netns/in-network.ts'
import { type Audit, audit } from './lib/checks.ts'
import { type Name, NAMES, PartitionMesh } from './lib/mesh.ts'
import {
  failingDisk,
  type Figures,
  flappingLink,
  isolatedLeader,
  killStorm,
  oneWayLoss,
  pausedLeader,
  slowLink,
  splitThreeTwo,
  staleOrder,
} from './lib/scenarios.ts'

/** One mesh goes through all; only after a failure the next scenario gets a fresh one. */
let mesh: PartitionMesh | undefined
let last: Audit | undefined

async function scenario(name: string, run: (mesh: PartitionMesh, leader: Name) => Promise<Figures>): Promise<void> {
  mesh ??= await PartitionMesh.start()
  try {
    const { leader } = await mesh.settled()
    const figures = await run(mesh, leader)
    const healing = performance.now()
    await mesh.mend()
    await mesh.settled()
    last = await audit(mesh)
    console.log(`${name}: ${JSON.stringify({ ...figures, healedMs: Math.round(performance.now() - healing) })}`)
  } catch (error) {
    const broken = mesh
    mesh = undefined
    await broken.keepLogs()
    await broken.close()
    throw error
  }
}

afterAll(async () => {
  await mesh?.close()
  if (last !== undefined) console.log(`partitions: ${JSON.stringify(last)}`)
}, 60_000)

describe('five real nodes', () => {
  inNetwork(
    'split 3/2 with the leader among the two: the three decide, the two only serve',
    () => scenario('split 3/2', splitThreeTwo),
    120_000,
  )

  inNetwork(
    'one-way loss, either way: the group gets a leader that hears and is heard',
    () => scenario('one-way loss', oneWayLoss),
    120_000,
  )

  inNetwork(
    'a leader cut off from all decides nothing and goes on serving its own',
    () => scenario('isolated leader', isolatedLeader),
    120_000,
  )

  inNetwork('a link that flaps loses no decision', () => scenario('flapping link', flappingLink), 120_000)

  inNetwork(
    'a leader that stood still and wakes decides nothing by its old term',
    () => scenario('paused leader', pausedLeader),
    120_000,
  )

  inNetwork(
    'an order of a leader that was replaced meanwhile is refused by who receives it',
    () => scenario('stale order', staleOrder),
    120_000,
  )

  inNetwork(
    'kill -9 of one after the other, the leader among them, loses nothing',
    () => scenario('kill storm', (all) => killStorm(all, ['leader', 'b', 'leader', 'e'])),
    120_000,
  )

  inNetwork(
    'a disk that fails to fsync takes a voter out of decisions, not out of service',
    async ({ skip }) => {
      mesh ??= await PartitionMesh.start()
      skip(mesh.whyNoDisk !== undefined, mesh.whyNoDisk)
      await scenario('failing disk of a voter', (all, leader) => failingDisk(all, NAMES.find((name) => name !== leader) ?? 'a'))
    },
    120_000,
  )

  inNetwork(
    'a leader whose disk fails to fsync makes room for another',
    async ({ skip }) => {
      mesh ??= await PartitionMesh.start()
      skip(mesh.whyNoDisk !== undefined, mesh.whyNoDisk)
      await scenario('failing disk of the leader', failingDisk)
    },
    120_000,
  )

  inNetwork('a slow link makes calls over it slow, and elects nobody', () => scenario('slow link', slowLink), 120_000)

  inNetwork('and in all that no call went missing', async () => {
    expect(last?.answered).toBeGreaterThan(500)
    expect(last?.acknowledged).toBeGreaterThan(20)
  })
})
