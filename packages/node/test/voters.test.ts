import { describe, expect, it } from 'vitest'
import { VOTER_UP_MIN_MS } from '../src/constants.ts'
import { readEnrolment } from '../src/enrol/enrolment.ts'
import { followersOf, joinNode, leaderOf, startGroup, startNode, type TestNode, until } from './support/group.ts'

const votersOf = (node: TestNode): readonly string[] => node.log.status()?.configuration.voters ?? []

describe('changes of voters', () => {
  it('are certified, and verified by a node that was away during two of them', async () => {
    const nodes = await startGroup(3)
    const leader = leaderOf(nodes)
    const [away, other] = followersOf(nodes)
    const linksBefore = away.trust.chain.links.length
    await away.stop()

    const d = await joinNode(leader, 'd')
    const e = await joinNode(leader, 'e')
    await until(leader, () => leader.trust.chain.voters.length === 5)
    await e.departure.leave()
    await until(leader, () => leader.trust.chain.voters.length === 3)
    expect(leader.trust.chain.links.length).toBeGreaterThanOrEqual(linksBefore + 2)

    // It has heard of neither.
    expect((await readEnrolment(away.dir))?.chain.links).toHaveLength(linksBefore)
    const back = await startNode(away.dir)
    for (const node of [back, other]) await until(node, () => node.trust.chain.links.length === leader.trust.chain.links.length)
    await until(back, () => back.log.state?.members.has(d.peer) === true && back.members.get(d.peer)?.state === 'alive')
    expect(back.trust.chain.voters).toEqual(other.trust.chain.voters)
    expect(back.log.state?.members.has(e.peer)).toBe(false)
  })

  it('seat those that join together by one change, once they have been up for a moment', async () => {
    const [first] = (await startGroup(1)) as [TestNode]
    const seatedAfterMs: number[] = []
    first.log.on('entry:applied', ({ before, state }) => {
      if (before.configuration.outgoing.length > 0 || state.configuration.voters.length === 1) return
      for (const peer of state.configuration.voters) {
        if (peer !== first.peer && !before.configuration.voters.includes(peer))
          seatedAfterMs.push(first.members.inStateForMs(peer))
      }
    })
    const joined = [await joinNode(first, 'b'), await joinNode(first, 'c')]
    await until(first, () => first.trust.chain.voters.length === 3)
    expect(seatedAfterMs).toHaveLength(joined.length)
    for (const ms of seatedAfterMs) expect(ms).toBeGreaterThanOrEqual(VOTER_UP_MIN_MS)
  })

  it('release a leader that is the only voter with its certificate: who stays can let others in', async () => {
    const [a, b] = (await startGroup(2)) as [TestNode, TestNode]
    expect(votersOf(b)).toEqual([a.peer])
    await expect.poll(() => a.voters.canSpare(a.peer)).toBe(true)
    await a.departure.leave()
    await until(b, () => b.log.isLeader && b.trust.uncertified.length === 0 && b.log.state?.members.has(a.peer) === false)
    expect(b.trust.chain.voters).toEqual([b.peer])
    expect(b.log.state?.members.keys()).toEqual([b.peer])
    await a.stop()
    const c = await joinNode(b, 'c')
    await until(c, () => c.log.state?.members.size === 2)
  })

  it('let a leader leave: another leads, and the leaver is in no voter set', async () => {
    const nodes = await startGroup(3)
    const leader = leaderOf(nodes)
    const [stays] = followersOf(nodes)
    // Twice at once is one leave.
    await Promise.all([leader.departure.leave(), leader.departure.leave()])
    await until(stays, () => stays.log.state?.members.has(leader.peer) === false)
    expect(stays.trust.chain.voters).not.toContain(leader.peer)
    expect(stays.trust.chain.voters).toHaveLength(1)
  })

  it('refuse to let the only voter go while nobody can take its place, and leave it a voter', async () => {
    const [a, b] = (await startGroup(2)) as [TestNode, TestNode]
    await b.stop()
    await until(a, () => a.members.get(b.peer)?.state !== 'alive')
    await expect(a.departure.leave()).rejects.toThrow(/cannot do without the vote/)
    expect(votersOf(a)).toEqual([a.peer])
    expect(a.log.isLeader).toBe(true)
  })

  it('count a leave whose answer was lost as done when the others say at the door that this node has left', async () => {
    const [a, b] = (await startGroup(2)) as [TestNode, TestNode]
    const leaving = b.departure.leave()
    // The connection goes with the answer still out: only the door is left to tell.
    a.log.on('entry:applied', ({ effects }) => {
      if (effects.some(({ type }) => type === 'member:left')) void a.mesh.hangUp(b.peer)
    })
    await leaving
    expect(a.log.state?.members.has(b.peer)).toBe(false)
  })
})
