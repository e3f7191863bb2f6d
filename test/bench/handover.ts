import { createApiClient } from '../../packages/api/src/index.ts'
import { LocalNode, startMesh, stopMesh, vsmcp } from '../../scripts/lib/local-mesh.ts'
import { eventually, MEMBERS } from './failover/cluster.ts'
import { atMost, type Bench, median } from './lib/bench.ts'

const LEAVES = 20
/** A change that takes longer has failed, milliseconds. */
const CHANGE_TIMEOUT_MS = 10_000

const INVITATION = { role: 'member', ttlMs: 60_000, uses: 1 } as const

/** Until all follow one leader with all votes there are to give. @returns the leader */
async function settled(nodes: readonly LocalNode[]): Promise<LocalNode> {
  return eventually('three nodes that follow one leader', async () => {
    const all = await Promise.all(nodes.map(({ dataDir }) => createApiClient({ dataDir }).status()))
    const [first] = all
    const isOne = all.every(
      ({ system5, members }) =>
        system5.leader === first?.system5.leader &&
        system5.appliedIndex === first?.system5.appliedIndex &&
        system5.voters.length === MEMBERS &&
        members.alive === MEMBERS,
    )
    return isOne ? nodes.find(({ ready }) => ready.peerId === first?.system5.leader) : undefined
  })
}

interface Leave {
  /** Of the change that was submitted in the moment the leader was told to leave, milliseconds. */
  firstMs: number
  /** Of every change submitted until the leader was gone. */
  allMs: number[]
  leaveMs: number
}

/** Tells the leader to leave, and submits one change after the other at another node until it is gone. */
async function leave(leader: LocalNode, other: LocalNode): Promise<Leave> {
  const api = createApiClient({ dataDir: other.dataDir, answerTimeoutMs: CHANGE_TIMEOUT_MS })
  const startedAt = performance.now()
  const gone = { afterMs: Number.NaN }
  const leaving = createApiClient({ dataDir: leader.dataDir })
    .leave()
    .then(() => (gone.afterMs = performance.now() - startedAt))
  const allMs: number[] = []
  do {
    const submittedAt = performance.now()
    await api.createInvitation(INVITATION)
    allMs.push(performance.now() - submittedAt)
  } while (Number.isNaN(gone.afterMs))
  return { firstMs: allMs[0] ?? Number.NaN, allMs, leaveMs: await leaving }
}

export const handoverBench: Bench = {
  name: 'handover',
  title: 'Leader of three leaves in order: how long a change takes that is submitted meanwhile',
  async run(context) {
    const nodes = await startMesh(context.folder, ['n1', 'n2', 'n3'])
    const leaves: Leave[] = []
    let count = nodes.length
    try {
      for (let i = 0; i < LEAVES; i++) {
        const leader = await settled(nodes)
        const [other, third] = nodes.filter((node) => node !== leader)
        if (other === undefined || third === undefined) throw new Error('a node is missing')
        leaves.push(await leave(leader, i % 2 === 0 ? other : third))
        nodes.splice(nodes.indexOf(leader), 1)
        await leader.end('SIGTERM')
        // Somebody new takes its place: who has left comes back as another.
        const name = `n${++count}`
        const { token } = (await other.vsmcp('invite')) as { token: string }
        await vsmcp(`${context.folder}/${name}`, 'join', token)
        nodes.push(await LocalNode.start(`${context.folder}/${name}`, name))
      }
    } finally {
      await stopMesh(nodes)
    }
    const first = leaves.map(({ firstMs }) => firstMs)
    const all = leaves.flatMap(({ allMs }) => allMs)
    context.say(`first changes: ${first.map((ms) => ms.toFixed(0)).join(' ')} ms`)
    context.say(`slowest change of each leave: ${leaves.map(({ allMs }) => Math.max(...allMs).toFixed(0)).join(' ')} ms`)
    const worst = leaves.map(({ allMs }) => Math.max(...allMs))
    const figures = {
      'first change, median ms': median(first),
      'all changes, median ms': median(all),
      'slowest of a leave, median ms': median(worst),
      'slowest of all ms': Math.max(...all),
      'the leave itself, median ms': median(leaves.map(({ leaveMs }) => leaveMs)),
    }
    return {
      basis: `${LEAVES} leaves, ${all.length} changes`,
      subjects: [{ name: 'vsmcp', figures }],
      targets: [
        atMost('first change submitted as the leader leaves, median', figures['first change, median ms'], 100, ' ms'),
        atMost('any change submitted meanwhile, median', figures['all changes, median ms'], 100, ' ms'),
      ],
      notes: [
        'A change is an invitation, submitted at a node that stays, over its control socket, and answered once committed; the next is submitted at once, until the leave is done.',
        'The leave includes handing leadership over, two changes of who votes (three voters, then one, since two members have no failover) and their certificates.',
      ],
    }
  },
}
