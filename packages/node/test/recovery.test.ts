import { copyFile, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { silentLogger, systemClock } from '@vsmcp/kernel'
import { openStore } from '@vsmcp/store'
import { describe, expect, it, onTestFinished } from 'vitest'
import { dataDirectory } from '../src/enrol/data-directory.ts'
import { readEnrolment, writeEnrolment } from '../src/enrol/enrolment.ts'
import { recoverMesh } from '../src/recovery/recover-mesh.ts'
import { createNode } from '../src/vsmcp-node.ts'
import {
  emptyDirectory,
  initOf,
  invitation,
  joinNode,
  sameAddresses,
  startGroup,
  startNode,
  type TestNode,
  until,
} from './support/group.ts'

/** The mesh key lies where the mesh was made: the first node's directory. */
async function keyOf(founder: TestNode): Promise<string> {
  const file = join(await emptyDirectory(), 'exported.key')
  await copyFile(dataDirectory(founder.dir).meshKey, file)
  return file
}

const recover = (node: TestNode, meshKeyFile: string) => recoverMesh({ dataDir: node.dir, meshKeyFile, force: true })
const isLedIn = (node: TestNode, epoch: number): boolean =>
  node.trust.chain.epoch === epoch && node.log.status()?.leader !== undefined && node.log.state?.charter.epoch === epoch
const holds = (node: TestNode, id: string): boolean => node.log.state?.invitations.has(id) === true

describe('recovering the lost majority', () => {
  it('one of three decides again from its own state, and lets others join; who is dead stays listed and does not vote', async () => {
    const [a, b, c] = (await startGroup(3)) as [TestNode, TestNode, TestNode]
    await b.decisions.decide(invitation(b, 'before'))
    await until(c, () => holds(c, 'before'))
    const key = await keyOf(a)
    await Promise.all([a.stop(), b.stop(), c.stop()])

    const planned = await recoverMesh({ dataDir: c.dir, meshKeyFile: key, force: false })
    expect(planned).toMatchObject({ done: false, before: 1, epoch: 2, members: 3 })
    expect(planned.droppedVoters.map(({ name }) => name).toSorted()).toEqual(['a', 'b'])
    expect((await readEnrolment(c.dir))?.chain.epoch).toBe(1)

    expect(await recover(c, key)).toMatchObject({ done: true, epoch: 2, recoveredIndex: planned.recoveredIndex })
    const alone = await startNode(c.dir)
    await until(alone, () => alone.log.isLeader && isLedIn(alone, 2))
    expect(holds(alone, 'before')).toBe(true)
    expect(alone.log.state?.charter.voters).toEqual([c.peer])
    await alone.decisions.decide(invitation(alone, 'after'))
    const d = await joinNode(alone, 'd')
    await until(d, () => isLedIn(d, 2) && holds(d, 'after'))
    expect(alone.log.state?.members.size).toBe(4)
  })

  it('the old majority, which lived, stands down to the newer epoch when they meet; what it decided alone is gone', async () => {
    const [a, b, c] = (await startGroup(3)) as [TestNode, TestNode, TestNode]
    const key = await keyOf(a)
    await c.stop()
    await a.decisions.decide(invitation(a, 'of-the-old-majority'))
    await until(b, () => holds(b, 'of-the-old-majority'))
    await recover(c, key)
    const back = await startNode(c.dir)
    const nodes = [a, b, back]
    await Promise.all(nodes.map((node) => until(node, () => isLedIn(node, 2))))
    await back.decisions.decide(invitation(back, 'of-the-new-epoch'))
    await Promise.all(nodes.map((node) => until(node, () => holds(node, 'of-the-new-epoch'))))
    for (const node of nodes) expect(holds(node, 'of-the-old-majority')).toBe(false)
    // They vote again once they are in step, by certified changes of the new epoch.
    await Promise.all(
      nodes.map((node) => until(node, () => node.trust.chain.voters.length === 3 && node.trust.chain.epoch === 2)),
    )
    await a.decisions.decide(invitation(a, 'by-all'))

    const places = nodes.map((node) => sameAddresses(node))
    await Promise.all(nodes.map((node) => node.stop()))
    const again = await Promise.all(nodes.map((node, at) => startNode(node.dir, places[at])))
    await Promise.all(again.map((node) => until(node, () => isLedIn(node, 2) && holds(node, 'by-all'))))
  })

  it('two that were recovered into one epoch stop deciding and name each other, also after a restart, until one goes further', async () => {
    const [a, b, c] = (await startGroup(3)) as [TestNode, TestNode, TestNode]
    const key = await keyOf(a)
    const [atA, atC] = [sameAddresses(a), sameAddresses(c)]
    await Promise.all([a.stop(), b.stop(), c.stop()])
    await recover(a, key)
    await recover(c, key)
    const one = await startNode(a.dir, atA)
    await until(one, () => one.log.isLeader)
    const other = await startNode(c.dir, atC)
    const named = (node: TestNode): boolean => node.epochs.problems().length > 0
    await Promise.all([one, other].map((node) => until(node, () => named(node))))
    for (const node of [one, other]) {
      expect(node.epochs.problems().join()).toContain(a.peer)
      expect(node.epochs.problems().join()).toContain(c.peer)
      await expect(node.log.propose({ op: 'unit:release', unit: 'x', author: node.peer, atMs: 1 })).rejects.toMatchObject({
        code: 'VSMCP_NODE_RIVAL_EPOCH',
      })
    }
    await one.stop()
    const still = await startNode(a.dir, atA)
    expect(still.log.status()).toBeUndefined()
    expect(still.epochs.problems()).toHaveLength(1)

    await other.stop()
    expect(await recover(c, key)).toMatchObject({ before: 2, epoch: 3 })
    const chosen = await startNode(c.dir, atC)
    await Promise.all([still, chosen].map((node) => until(node, () => isLedIn(node, 3))))
    expect(still.epochs.problems()).toEqual([])
    await still.decisions.decide(invitation(still, 'as-one'))
    await until(chosen, () => holds(chosen, 'as-one'))
  })

  it('cut off between the chain and the log, the node does not start; the same command finishes', async () => {
    const [a] = (await startGroup(1)) as [TestNode]
    await a.decisions.decide(invitation(a, 'kept'))
    await a.stop()
    const before = await readLog(a.dir)
    await recoverMesh({ dataDir: a.dir, force: true })
    const recovered = await readEnrolment(a.dir)
    await writeLog(a.dir, before)

    const node = createNode(initOf(a.dir))
    onTestFinished(() => node.stop())
    await expect(node.start()).rejects.toMatchObject({ code: 'VSMCP_NODE_RECOVERY_UNFINISHED' })
    expect(await recoverMesh({ dataDir: a.dir, force: true })).toMatchObject({ done: true, before: 1, epoch: 2 })
    expect((await readEnrolment(a.dir))?.chain).toEqual(recovered?.chain)
    const back = await startNode(a.dir)
    await until(back, () => isLedIn(back, 2))
    expect(holds(back, 'kept')).toBe(true)
  })

  it('is refused without the key of this mesh, while the node runs, and on a node that holds no state', async () => {
    const [a, b] = (await startGroup(2)) as [TestNode, TestNode]
    const foreign = (await startGroup(1))[0]
    if (foreign === undefined) throw new Error('no node')
    await expect(recoverMesh({ dataDir: a.dir, force: true })).rejects.toMatchObject({ code: 'VSMCP_STORE_LOCKED' })
    await b.stop()
    await expect(recoverMesh({ dataDir: b.dir, force: true })).rejects.toMatchObject({ code: 'VSMCP_NODE_NOT_RECOVERABLE' })
    const wrong = dataDirectory(foreign.dir).meshKey
    await expect(recover(b, wrong)).rejects.toMatchObject({ code: 'VSMCP_SECURITY_RECOVERY_KEY_FOREIGN' })
    await writeLog(b.dir, undefined)
    await expect(recover(b, await keyOf(a))).rejects.toMatchObject({ code: 'VSMCP_NODE_NOT_RECOVERABLE' })
  })

  it('a log of an earlier epoch than the chain is forgotten before it can vote', async () => {
    const [a, b, c] = (await startGroup(3)) as [TestNode, TestNode, TestNode]
    const key = await keyOf(a)
    await Promise.all([a.stop(), b.stop(), c.stop()])
    await recover(c, key)
    // As a crash leaves it between the two writes of standing down.
    const [own, newer] = [await readEnrolment(a.dir), await readEnrolment(c.dir)]
    if (own === undefined || newer === undefined) throw new Error('not enrolled')
    await writeEnrolment(a.dir, { ...own, chain: newer.chain })
    const node = await startNode(a.dir)
    expect(node.log.status()).toMatchObject({ term: 0, configuration: { voters: [] } })
    expect(node.log.state).toBeUndefined()
    expect(await readFile(dataDirectory(a.dir).enrolment, 'utf8')).toContain('chain')
  })
})

async function withLog<T>(dir: string, work: (raft: Awaited<ReturnType<typeof opened>>['raft']) => Promise<T>): Promise<T> {
  const store = await opened(dir)
  try {
    return await work(store.raft)
  } finally {
    await store.stop()
  }
}

const opened = (dir: string) => openStore({ dir })({ clock: systemClock, logger: silentLogger })
const readLog = (dir: string) => withLog(dir, (raft) => raft.load())

async function writeLog(dir: string, stored: Awaited<ReturnType<typeof readLog>>): Promise<void> {
  await withLog(dir, async (raft) => {
    const snapshot = stored?.snapshot
    if (stored === undefined || snapshot === undefined) return raft.replace(undefined)
    const entries = stored.entries.filter(({ index }) => index > snapshot.index)
    await raft.replace({ ...stored, entries: [] })
    return raft.save({ hardState: stored.hardState, entries, mustSync: true })
  })
}
