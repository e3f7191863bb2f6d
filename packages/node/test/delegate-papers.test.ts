import { Table } from '@vsmcp/consensus'
import { type Chain, generateIdentity } from '@vsmcp/security'
import { describe, expect, it } from 'vitest'
import { DelegatePapers } from '../src/system5/delegate-papers.ts'
import { foundMesh } from './support/group.ts'

const DAY = 86_400_000

describe('the papers of who would speak for a group below', () => {
  it('are of that group, of that member, in force, and by voters of now; nothing is asked where there is no such group', async () => {
    const node = await foundMesh()
    const passport = await node.trust.passport()
    const { groupId, meshId: mesh } = node.trust.enrolment
    const state = node.log.state
    if (state === undefined) throw new Error('it leads, and has a docket')
    // The group that this one is, seen from above.
    const groups = Table.from([[groupId, {}]])
    const papers = ({ chain, nowMs = Date.now() }: { chain?: Chain; nowMs?: number } = {}) =>
      new DelegatePapers({ mesh, log: { state: { ...state, groups } as typeof state }, chainOf: () => chain, nowMs: () => nowMs })
    const { peer } = node
    for (const chain of [undefined, node.trust.chain]) {
      const known = chain === undefined ? {} : { chain }
      expect(await papers(known).objectionTo(peer, groupId, passport)).toBeUndefined()
    }
    expect(await papers().objectionTo(peer, groupId, undefined)).toContain('shows no papers')
    expect(await papers().objectionTo(generateIdentity().peerId, groupId, passport)).toContain(`credential of ${peer}`)
    expect(await papers({ nowMs: Date.now() + 400 * DAY }).objectionTo(peer, groupId, passport)).toContain('is no member')
    expect(await papers().objectionTo(peer, groupId, passport.slice(0, -1))).toContain('is no member')
    // Another mesh's group of the same name: its chain does not lead to this mesh.
    const other = await foundMesh()
    expect(await papers().objectionTo(other.peer, groupId, await other.trust.passport())).toContain('is no member')
    expect(await papers({ chain: node.trust.chain }).objectionTo(other.peer, groupId, await other.trust.passport())).toContain(
      'is no member',
    )
    expect(await papers().objectionTo(peer, 'elsewhere', undefined)).toBeUndefined()
    expect(await papers().objectionTo(peer, undefined, undefined)).toBeUndefined()
  })
})
