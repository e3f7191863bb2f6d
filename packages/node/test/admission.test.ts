import { describe, expect, it } from 'vitest'
import { joinMesh } from '../src/enrol/join-mesh.ts'
import { readEnrolment } from '../src/enrol/enrolment.ts'
import { emptyDirectory, followersOf, leaderOf, startGroup, startNode, tokenOf, until } from './support/group.ts'

describe('an invitation', () => {
  it('with one use left lets in one of two that ask at once', async () => {
    const nodes = await startGroup(3)
    const [member] = followersOf(nodes)
    const token = await tokenOf(member, 1)
    const dirs = [await emptyDirectory(), await emptyDirectory()]
    const outcomes = await Promise.allSettled(dirs.map((dataDir, at) => joinMesh({ dataDir, token, name: `j${at}` })))
    expect(outcomes.map(({ status }) => status).toSorted()).toEqual(['fulfilled', 'rejected'])
    const refused = outcomes.find((outcome) => outcome.status === 'rejected')
    expect(String(refused?.reason)).toMatch(/as often as it may be/)
    const state = await member.decisions.current()
    expect(state.members.size).toBe(4)
    expect(state.invitations.entries().map(([, { used }]) => used)).toContain(1)
    const enrolled = await Promise.all(dirs.map((dir) => readEnrolment(dir)))
    expect(enrolled.filter((enrolment) => enrolment !== undefined)).toHaveLength(1)
  })

  it('is spent once when the leader dies between the decision and the answer', async () => {
    const nodes = await startGroup(3)
    const leader = leaderOf(nodes)
    const [member, other] = followersOf(nodes)
    const token = await tokenOf(member, 1)
    let death: Promise<void> | undefined
    leader.log.on('entry:applied', ({ effects }) => {
      if (effects.some(({ type }) => type === 'member:joined')) death = leader.stop()
    })
    const dataDir = await emptyDirectory()
    const joined = await joinMesh({ dataDir, token, name: 'newcomer' })
    expect(death).toBeDefined()
    await death
    expect(joined.joinedNow).toBe(true)
    const state = await other.decisions.current()
    expect(state.members.get(joined.peerId)?.name).toBe('newcomer')
    expect(state.invitations.get(state.members.get(joined.peerId)?.invitation ?? '')?.used).toBe(1)
    const newcomer = await startNode(dataDir)
    await until(newcomer, () => newcomer.log.state?.members.has(newcomer.peer) === true)
  })

  it('of a wrong secret is refused like an unknown one', async () => {
    const [leader] = await startGroup(1)
    if (leader === undefined) throw new Error('no node')
    const request = {
      invitationId: 'ab'.repeat(16),
      joiner: leader.peer,
      member: leader.peer,
      nonceJ: new Uint8Array(32),
      nonceM: new Uint8Array(32),
      proof: new Uint8Array(32),
      name: 'x',
      addresses: [],
    }
    await expect(leader.admission.redeem(request)).rejects.toThrow(/not known here, or its secret is wrong/)
    const { id } = await leader.admission.invite({ role: 'member', ttlMs: 60_000, uses: 1 })
    await expect(leader.admission.redeem({ ...request, invitationId: id })).rejects.toThrow(/not known here, or its secret/)
  })
})
