import { pack } from 'msgpackr'
import { describe, expect, it, onTestFinished, vi } from 'vitest'
import { encodeOperation } from '@vsmcp/consensus'
import { QuorumAtRiskError, RefusedError } from '../src/errors.ts'
import { followersOf, joinNode, leaderOf, startGroup, startNode, type TestNode, until } from './support/group.ts'
import { deskOf, evictionOf, operatorOf } from './support/operator.ts'

/** Resolves when the node is told that it is a member no more. */
const removalOf = (node: TestNode): Promise<{ evicted: boolean }> =>
  new Promise((resolve) => void node.wiring.on('removed', resolve))

const LOOK_MS = 20

/** Milliseconds that this process had: what the machine took from it at one time counts for two looks. */
function ownTime(): () => number {
  let [hadMs, lookedMs] = [0, performance.now()]
  const timer = setInterval(() => {
    const nowMs = performance.now()
    hadMs += Math.min(nowMs - lookedMs, 2 * LOOK_MS)
    lookedMs = nowMs
  }, LOOK_MS)
  onTestFinished(() => clearInterval(timer))
  return () => hadMs
}

/** From applying the eviction to the closed connection, by this time. */
function cutAfter(node: TestNode, peer: string, nowMs: () => number): Promise<number> {
  return new Promise((resolve) => {
    let heardAt: number | undefined
    node.log.on('entry:applied', ({ effects }) => {
      if (effects.some((effect) => effect.type === 'member:evicted' && effect.peer === peer)) heardAt = nowMs()
    })
    node.mesh.on('peer:down', (down) => {
      if (down.peer === peer && heardAt !== undefined) resolve(nowMs() - heardAt)
    })
  })
}

describe('an eviction', () => {
  it('of a voter replaces it first, bites at every node within a second of hearing it, and is told to the evicted', async () => {
    const nodes = await startGroup(3)
    const [founder] = nodes as [TestNode]
    const operator = await operatorOf(founder)
    const leader = leaderOf(nodes)
    const substitute = await joinNode(founder, 'substitute')
    nodes.push(substitute)
    // All are connected, and the substitute can take the seat.
    await expect.poll(() => nodes.map(({ mesh }) => mesh.peers().length)).toEqual([3, 3, 3, 3])
    await expect.poll(() => leader.log.status()?.progress?.get(substitute.peer)?.inSync).toBe(true)
    const target = nodes.find(
      (node) => node !== leader && node !== founder && node.trust.chain.voters.includes(node.peer),
    ) as TestNode
    const others = nodes.filter((node) => node !== target)
    const time = ownTime()
    const cuts = Promise.all(others.map((node) => cutAfter(node, target.peer, time)))
    const told = removalOf(target)
    await deskOf(founder).evict(await evictionOf(founder, operator, target.name))
    expect(await told).toEqual({ evicted: true })
    for (const ms of await cuts) expect(ms).toBeLessThan(1_000)
    for (const node of others) {
      expect(node.log.state?.members.has(target.peer)).toBe(false)
      expect(node.trust.chain.voters).not.toContain(target.peer)
      expect(node.trust.chain.voters).toContain(substitute.peer)
    }
    // The end of its connections comes to the evicted a moment later than to who closed them.
    await expect.poll(() => target.mesh.peers()).toEqual([])
    await expect(target.mesh.dial(leader.mesh.listenAddresses(), { expect: leader.peer })).rejects.toThrow()
    expect(leader.mesh.peers().some(({ peer }) => peer === target.peer)).toBe(false)
  })

  it('of the leader hands over first', async () => {
    const nodes = await startGroup(3)
    const [founder] = nodes as [TestNode]
    const leader = leaderOf(nodes)
    const [one] = followersOf(nodes)
    const told = removalOf(leader)
    await deskOf(one).evict(await evictionOf(one, await operatorOf(founder), leader.peer))
    expect(await told).toEqual({ evicted: true })
    await until(one, () => one.log.state?.members.has(leader.peer) === false)
    expect(one.trust.chain.voters).not.toContain(leader.peer)
    expect((await deskOf(one).show()).revocations).toMatchObject([{ peerId: leader.peer, by: 'operator', reason: 'a test' }])
  })

  it('of a member that is away works, and it learns at the door, from a majority, that it is none any more', async () => {
    const nodes = await startGroup(3)
    const [founder, , away] = nodes as [TestNode, TestNode, TestNode]
    const operator = await operatorOf(founder)
    await away.stop()
    const others = nodes.filter((node) => node !== away)
    await expect.poll(() => others.some(({ log }) => log.isLeader)).toBe(true)
    const leader = leaderOf(others)
    await until(leader, () => leader.members.get(away.peer)?.state !== 'alive')
    await deskOf(founder).evict(await evictionOf(founder, operator, away.name))
    const back = await startNode(away.dir)
    expect(await removalOf(back)).toEqual({ evicted: true })
    expect(founder.log.state?.members.has(away.peer)).toBe(false)
  })

  it('that would leave the group without a quorum is refused, changes nothing, and names whom to bring up', async () => {
    const nodes = await startGroup(3)
    const [founder] = nodes as [TestNode]
    const operator = await operatorOf(founder)
    const leader = leaderOf(nodes)
    const [one, other] = followersOf(nodes)
    const down = one === founder ? other : one
    const target = one === down ? other : one
    const order = await evictionOf(founder, operator, (target === founder ? leader : target).peer)
    await down.stop()
    await until(leader, () => leader.members.get(down.peer)?.state !== 'alive')
    const refusal = await deskOf(founder)
      .evict(order)
      .catch((error: unknown) => error)
    expect(refusal).toBeInstanceOf(QuorumAtRiskError)
    expect((refusal as QuorumAtRiskError).hint).toContain(down.name)
    expect(leader.trust.chain.voters).toHaveLength(3)
    expect(leader.log.state?.members.size).toBe(3)
  })

  it('without an operator behind it does nothing, whoever asks', async () => {
    const nodes = await startGroup(3)
    const [founder] = nodes as [TestNode]
    const operator = await operatorOf(founder)
    const [one, other] = followersOf(nodes)
    const order = await evictionOf(founder, operator, other.peer)
    await expect(deskOf(one).evict({ ...order, peer: one.peer })).rejects.toThrow(RefusedError)
    const forged = { ...order, reason: 'another', author: one.peer, atMs: 1 }
    // Told straight to the one it is about, it is not believed either.
    const removed = vi.fn()
    other.wiring.on('removed', removed)
    one.mesh.control.notify(other.peer, 'system5:evicted', encodeOperation(forged))
    one.mesh.control.notify(other.peer, 'system5:evicted', pack('garbage'))
    await other.decisions.current()
    expect(removed).not.toHaveBeenCalled()
    expect(founder.trust.chain.voters).toHaveLength(3)
  })

  it('keeps who was evicted out also after a snapshot took the place of the entry', async () => {
    const nodes = await startGroup(3)
    const [founder] = nodes as [TestNode]
    const leader = leaderOf(nodes)
    const [, other] = followersOf(nodes)
    await deskOf(founder).evict(await evictionOf(founder, await operatorOf(founder), (other === founder ? leader : other).peer))
    const gone = (other === founder ? leader : other).peer
    const newcomer = await joinNode(founder, 'new')
    await until(newcomer, () => newcomer.log.state?.members.has(newcomer.peer) === true)
    expect(newcomer.trust.isRevoked(gone)).toBe(true)
  })
})
