import {
  bootstrap,
  type Charter,
  decodeGroupState,
  encodeGroupState,
  foundGroup,
  NO_AUTHORITY,
  type StoredRaft,
} from '@vsmcp/consensus'
import { seededRandom, silentLogger, systemClock } from '@vsmcp/kernel'
import { openStore } from '@vsmcp/store'
import { describe, expect, it, onTestFinished } from 'vitest'
import { pack } from 'msgpackr'
import { StorageRefusedError } from '../src/errors.ts'
import { AppliedGroup } from '../src/system5/applied-group.ts'
import { GroupLog } from '../src/system5/group-log.ts'
import { loadOfEpoch } from '../src/system5/stored-log.ts'
import { FailingStorage } from './support/failing-storage.ts'
import {
  foundMesh,
  followersOf,
  invitation,
  joinNode,
  leaderOf,
  startGroup,
  startNode,
  type TestNode,
  until,
} from './support/group.ts'

const CHARTER: Charter = {
  meshId: '0'.repeat(32),
  meshName: 'm',
  meshPublicKey: 'AAAA',
  groupId: 'root',
  path: '/',
  epoch: 1,
  featureLevel: 3,
  voters: ['a'],
  policies: {},
  operators: [],
  revocations: [],
  zones: [],
}

async function onFailingDisk(): Promise<{ node: TestNode; disk: FailingStorage }> {
  let disk: FailingStorage | undefined
  const node = await foundMesh('a', { storage: (storage) => (disk = new FailingStorage(storage)) })
  if (disk === undefined) throw new Error('the node did not ask for its storage')
  return { node, disk }
}

describe('what is applied', () => {
  it('counts as up to the term only once an entry of that term is', () => {
    const founder = { peer: 'a', name: 'a', role: 'member', zone: '', addresses: [], joinedAtMs: 1 } as const
    const data = encodeGroupState(foundGroup(CHARTER, founder))
    const { configuration } = decodeGroupState(data)
    const applied = new AppliedGroup(NO_AUTHORITY)
    applied.install({ index: 1, term: 1, configuration, data })
    applied.apply({ index: 2, term: 1, type: 'noop', data: new Uint8Array() })
    expect([applied.index, applied.term]).toEqual([2, 1])
    applied.apply({ index: 3, term: 4, type: 'noop', data: new Uint8Array() })
    expect(applied.apply({ index: 3, term: 1, type: 'noop', data: new Uint8Array() })).toBeUndefined()
    expect([applied.index, applied.term]).toEqual([3, 4])
    applied.beginAnew()
    expect([applied.index, applied.term]).toEqual([0, 0])
  })
})

describe('a full disk', () => {
  it('takes the node out of decisions until it accepts again; what was acknowledged stays, also over a restart', async () => {
    const { node, disk } = await onFailingDisk()
    const acknowledged: string[] = []
    for (let at = 0; at < 5; at++) {
      await node.decisions.decide(invitation(node, `before-${at}`))
      acknowledged.push(`before-${at}`)
    }
    const applied = node.log.applied
    const sizes = new Set<number>()
    node.log.on('entry:applied', ({ state }) => sizes.add(state.invitations.size))
    let replaced = 0
    node.log.on('state:installed', () => replaced++)
    let failures = 0
    node.log.on('storage:failed', () => failures++)
    const recovered = new Promise<void>((resolve) => node.log.on('storage:recovered', () => resolve()))

    disk.refuses = true
    const waiting = node.log.propose({ ...invitation(node, 'refused'), author: node.peer, atMs: Date.now() })
    await expect(waiting).rejects.toThrow(StorageRefusedError)
    await expect(node.log.readIndex()).rejects.toThrow(StorageRefusedError)
    expect(node.log.state?.invitations.size).toBe(5)
    expect(node.log.isUpToTerm).toBe(false)
    await disk.refusedTimes(3)
    disk.refuses = false
    await recovered

    await node.decisions.decide(invitation(node, 'after'))
    acknowledged.push('after')
    expect(failures).toBeGreaterThanOrEqual(3)
    // Nothing was seen to go back: neither a smaller state, nor an entry twice.
    expect(Math.min(...sizes)).toBeGreaterThanOrEqual(5)
    expect(replaced).toBe(0)
    expect(node.log.applied).toBeGreaterThan(applied)
    expect(node.log.state?.invitations.keys()).toEqual(expect.arrayContaining(acknowledged))

    await node.stop()
    const again = await startNode(node.dir)
    await until(again, () => again.log.isLeader && again.log.state?.invitations.has('after') === true)
    expect(again.log.state?.invitations.keys()).toEqual(expect.arrayContaining(acknowledged))
  })

  it('of the leader makes another lead, and its owner follows when it accepts again', async () => {
    const disks = new Map<string, FailingStorage>()
    const withDisk = (name: string) => ({
      storage: (storage: ConstructorParameters<typeof FailingStorage>[0]) => {
        const disk = new FailingStorage(storage)
        disks.set(name, disk)
        return disk
      },
    })
    const a = await foundMesh('a', withDisk('a'))
    const b = await joinNode(a, 'b', withDisk('b'))
    const c = await joinNode(a, 'c', withDisk('c'))
    const nodes = [a, b, c]
    await Promise.all(nodes.map((node) => until(node, () => node.trust.chain.voters.length === 3)))
    const leader = leaderOf(nodes)
    const [one] = followersOf(nodes)
    const disk = disks.get(leader.name)
    if (disk === undefined) throw new Error('no disk')
    disk.refuses = true
    await one.decisions.decide(invitation(one, 'by-the-next'))
    expect(leader.log.isLeader).toBe(false)
    expect(leader.log.state?.members.size).toBe(3)
    disk.refuses = false
    await until(leader, () => leader.log.state?.invitations.has('by-the-next') === true)
  })

  it('when it stops meanwhile the node stops all the same', async () => {
    const { node, disk } = await onFailingDisk()
    disk.refuses = true
    const asked = node.log.propose({ ...invitation(node, 'x'), author: node.peer, atMs: Date.now() })
    await expect(asked).rejects.toThrow(StorageRefusedError)
    await node.stop()
    await expect(node.log.readIndex()).rejects.toThrow(/stopping/)
  })
})

describe('the consensus log', () => {
  it('rejects what still waits when it stops, and leaves nothing unanswered', async () => {
    const nodes = await startGroup(3)
    const leader = leaderOf(nodes)
    const [one, other] = followersOf(nodes)
    await Promise.all([one.stop(), other.stop()])
    // The leader does not know yet that it is alone, or has just stepped down: both must end.
    const asked = leader.log.propose({ ...invitation(leader, 'x'), author: leader.peer, atMs: Date.now() })
    const read = leader.log.readIndex()
    const settled = Promise.allSettled([asked, read])
    await leader.stop()
    expect((await settled).map(({ status }) => status)).toEqual(['rejected', 'rejected'])
  })

  it('refuses a snapshot that cannot be read before anything of it is stored', async () => {
    const [leader, learner] = (await startGroup(2)) as [TestNode, TestNode]
    const status = learner.log.status()
    if (status === undefined) throw new Error('no status')
    const snapshot = {
      index: status.applied + 100,
      term: status.term,
      configuration: status.configuration,
      data: new TextEncoder().encode('{"format":1}'),
    }
    leader.mesh.control.notify(learner.peer, 'raft', pack({ type: 'snapshot', term: status.term, snapshot }))
    await leader.decisions.decide(invitation(leader, 'goes-on'))
    await until(learner, () => learner.log.state?.invitations.has('goes-on') === true)
    expect(learner.log.applied).toBeLessThan(status.applied + 100)
  })

  it('keeps its entries while a change of voters needs them, and is compacted when none does', async () => {
    const founder = await foundMesh()
    await founder.stop()
    const store = await openStore({ dir: founder.dir })({ clock: systemClock, logger: silentLogger })
    onTestFinished(() => store.stop())
    let mayCompact = false
    const log = new GroupLog({
      storage: store.raft,
      control: { call: () => Promise.reject(new Error('alone')), notify: () => false, handle: () => {}, onNotice: () => {} },
      self: founder.peer,
      clock: systemClock,
      logger: silentLogger,
      raft: { random: seededRandom(1) },
      authority: NO_AUTHORITY,
      flawOfSnapshot: () => undefined,
      epoch: () => 1,
      epochWritten: () => Promise.resolve(),
      mayCompact: () => mayCompact,
    })
    await log.start()
    onTestFinished(() => log.stop())
    if (!log.isLeader)
      await new Promise<void>((resolve) => log.on('leader:changed', ({ role }) => role === 'leader' && resolve()))
    const decide = async (count: number): Promise<void> => {
      const operation = { op: 'invitation:revoke', id: 'none', author: founder.peer, atMs: 0 } as const
      await Promise.all(Array.from({ length: count }, () => log.propose(operation)))
    }
    // Over what is applied between snapshots, in batches under what may wait for a commit.
    await decide(3_000)
    await decide(3_000)
    const first = log.status()?.firstIndex
    expect(log.applied - (first ?? 0)).toBeGreaterThan(5_000)
    mayCompact = true
    await decide(1)
    await expect.poll(() => log.status()?.firstIndex).toBeGreaterThan(first ?? 0)
  })

  it('of an epoch that is over is not forgotten before the later epoch is written down', async () => {
    const node = await foundMesh()
    const { state } = node.log
    if (state === undefined) throw new Error('no state')
    let kept: StoredRaft | undefined = bootstrap({ voters: [node.peer] }, encodeGroupState(state))
    const storage = { load: async () => kept, replace: async (stored?: StoredRaft) => void (kept = stored) }
    const written = Promise.withResolvers<void>()
    const loading = loadOfEpoch(storage, { epoch: 2, written: () => written.promise }, silentLogger)
    written.reject(new Error('no space'))
    await expect(loading).rejects.toThrow('no space')
    expect(kept).toBeDefined()
    expect(await loadOfEpoch(storage, { epoch: 2, written: async () => {} }, silentLogger)).toMatchObject({ isForgotten: true })
    expect(kept).toBeUndefined()
  })
})
