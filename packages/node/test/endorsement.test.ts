import {
  FEATURE_LEVEL,
  canonicalBytes,
  chooseVoters,
  type GroupState,
  type Member,
  type MemberChange,
  NotEndorsedError,
  type Operation,
  Table,
  votersStatement,
  votersStatementBytes,
  type Schedule,
} from '@vsmcp/consensus'
import { seededRandom } from '@vsmcp/kernel'
import { endorse, loadIdentity, signAsPeer } from '@vsmcp/security'
import { describe, expect, it } from 'vitest'
import type { MemberState } from '../src/members/contract.ts'
import { dataDirectory } from '../src/enrol/data-directory.ts'
import { objectionToVoters } from '../src/system5/endorsement/judge-voters.ts'
import { objectionToOperation } from '../src/system5/endorsement/judge-operation.ts'
import { packRaftNotice } from '../src/system5/raft-notice.ts'
import { followersOf, leaderOf, startGroup, until } from './support/group.ts'
import { deskOf } from './support/operator.ts'

const MINUTE = 60_000

interface Scene {
  voters: string
  learners?: string
  edge?: string
  /** Who is not alive here, and for how long. */
  failed?: Record<string, number>
  leaving?: string
  member?: Partial<Member>
}

/** A group of members with one letter each, as one voter sees it. */
function sceneOf({ voters, learners = '', edge = '', failed = {}, leaving = '', member = {} }: Scene) {
  const record = (peer: string): Member => ({
    name: peer,
    role: edge.includes(peer) ? 'edge' : 'member',
    zone: '',
    joinedAtIndex: 1,
    joinedAtMs: 0,
    addresses: [],
    ...member,
  })
  const configuration = {
    voters: voters.split(''),
    outgoing: [],
    learners: learners.split(''),
    learnersNext: [],
    autoLeave: false,
  }
  const members = Table.from(`${voters}${learners}`.split('').map((peer) => [peer, record(peer)] as const))
  const charter = { revocations: [{ peer: 'x', untilMs: 1_000_000 }] }
  const state = { members, configuration, charter } as unknown as GroupState
  const sees = (peer: string): { state: MemberState; forMs: number } =>
    failed[peer] === undefined ? { state: 'alive', forMs: MINUTE } : { state: 'failed', forMs: failed[peer] }
  return { state, sees, leaving: new Set(leaving), nowMs: 2_000_000, objectionToClaim: () => 'no claims here' }
}

/** `+a` votes, `-a` learns, `!a` is removed. */
const changesOf = (text: string): MemberChange[] =>
  text
    .split(' ')
    .map((each) => ({ type: each.startsWith('+') ? 'voter' : each.startsWith('-') ? 'learner' : 'remove', peer: each.slice(1) }))

describe('a voter endorses a change of voters', () => {
  const borne: [what: string, change: string, scene: Scene][] = [
    ['one becomes three', '+b +c', { voters: 'a', learners: 'bc' }],
    ['a member that leaves gives its seat to another', '-c +d', { voters: 'abc', learners: 'd', leaving: 'c' }],
    ['one that leaves without another: a second goes, so that the number is odd', '-c -b', { voters: 'abc', leaving: 'c' }],
    ['one long dead, seen from here too, is replaced', '-c +d', { voters: 'abc', learners: 'd', failed: { c: 6 * MINUTE } }],
    ['edge nodes yield to others', '-e -f +b +c', { voters: 'aef', learners: 'bc', edge: 'ef' }],
    ['who is no member is removed', '!d', { voters: 'abc' }],
  ]
  it.each(borne)('%s', (_, change, scene) => {
    expect(objectionToVoters({ changes: changesOf(change) }, sceneOf(scene))).toBeUndefined()
  })

  const refused: [what: string, change: string, scene: Scene][] = [
    ['a healthy voter is swapped for another', '-c +d', { voters: 'abc', learners: 'd' }],
    ['healthy voters are dropped until one is left', '-b -c', { voters: 'abc' }],
    ['one that failed a moment ago is replaced', '-c +d', { voters: 'abc', learners: 'd', failed: { c: MINUTE } }],
    ['a dead one goes and nobody takes its seat', '-c -b', { voters: 'abc', failed: { c: 60 * MINUTE } }],
    ['a stranger becomes a voter', '+z +b', { voters: 'a', learners: 'b' }],
    ['one that is seen failed becomes a voter', '+b +c', { voters: 'a', learners: 'bc', failed: { c: MINUTE } }],
    ['one that leaves becomes a voter', '+b +c', { voters: 'a', learners: 'bc', leaving: 'c' }],
    ['the number becomes even', '+d', { voters: 'abc', learners: 'd' }],
    ['a member is removed from the log', '!d', { voters: 'abc', learners: 'd' }],
    ['two healthy ones go with one that leaves', '-c -b -d', { voters: 'abcde', leaving: 'c' }],
  ]
  it.each(refused)('but not when %s', (_, change, scene) => {
    expect(objectionToVoters({ changes: changesOf(change) }, sceneOf(scene))).toEqual(expect.any(String))
  })
})

describe('what an honest leader wants', () => {
  it('is borne out by a voter that sees the same, in whatever group', () => {
    const seed = 20_261_122
    const random = seededRandom(seed)
    const below = (bound: number): number => Math.floor(random.next() * bound)
    let changed = 0
    for (let run = 0; run < 5_000; run++) {
      const all = 'abcdefghi'.split('').slice(0, 1 + below(9))
      const size = [1, 3, 5].filter((odd) => odd <= all.length)[below(3)] ?? 1
      const voters = all.slice(0, size).join('')
      const edge = all.filter(() => below(3) === 0).join('')
      const leaving = all.filter(() => below(6) === 0).join('')
      const failed = Object.fromEntries(all.filter(() => below(4) === 0).map((peer) => [peer, below(30) * MINUTE]))
      // Without a quorum nothing is changed, and edge nodes never hold seats of five.
      const up = voters.split('').filter((peer) => failed[peer] === undefined).length
      if (up <= size / 2 || (size === 5 && voters.split('').some((peer) => edge.includes(peer)))) continue
      const scene = sceneOf({ voters, learners: all.slice(size).join(''), edge, leaving, failed })
      const candidates = all
        .filter((peer) => !leaving.includes(peer))
        .map((peer) => ({ peer, role: edge.includes(peer) ? 'edge' : 'member', zone: '' }) as const)
      const reachable = new Map(
        all.map((peer) => {
          const away = failed[peer]
          return [
            peer,
            { reachable: away === undefined, failedForMs: away ?? 0, inSync: away === undefined, upForMs: 1 },
          ] as const
        }),
      )
      const wanted = chooseVoters(candidates, reachable, scene.state.configuration)?.changes ?? []
      // As the leader has it: who leaves goes on learning.
      const changes = wanted.flatMap((each): MemberChange[] => {
        if (each.type !== 'remove' || !leaving.includes(each.peer)) return [each]
        return voters.includes(each.peer) ? [{ type: 'learner', peer: each.peer }] : []
      })
      if (changes.some(({ type, peer }) => type === 'voter' || voters.includes(peer))) changed++
      expect(
        objectionToVoters({ changes }, scene),
        `seed ${seed} run ${run}: ${JSON.stringify({ voters, edge, leaving, failed, changes })}`,
      ).toBeUndefined()
    }
    expect(changed).toBeGreaterThan(500)
  })
})

describe('a voter endorses an operation', () => {
  const forget = { op: 'member:forget', peer: 'b', joinedAtIndex: 1, absentSinceMs: 1_900_000, asOfMs: 2_000_000 } as const
  const ephemeral = { ephemeral: true, absenceMs: MINUTE }

  it('that forgets an ephemeral member only when it has not seen it itself for as long', () => {
    const away = (forMs: number, member: Partial<Member> = ephemeral) =>
      objectionToOperation(forget, sceneOf({ voters: 'a', learners: 'b', failed: { b: forMs }, member }))
    expect(away(MINUTE)).toBeUndefined()
    expect(away(MINUTE - 1)).toContain('away for')
    expect(away(MINUTE, {})).toContain('neither ephemeral')
    expect(objectionToOperation(forget, sceneOf({ voters: 'a', learners: 'b', member: ephemeral }))).toContain('alive')
    const elsewhen = { ...forget, asOfMs: 9_000_000 }
    expect(objectionToOperation(elsewhen, sceneOf({ voters: 'a', learners: 'b', member: ephemeral }))).toContain('another time')
  })

  it('that drops a revocation only when it has ended by its own clock, and raises the level only to what it supports', () => {
    const expire = { op: 'revocation:expire', peers: ['x'], asOfMs: 2_000_000 } as const
    expect(objectionToOperation(expire, sceneOf({ voters: 'a' }))).toBeUndefined()
    expect(objectionToOperation({ ...expire, asOfMs: 900_000 }, { ...sceneOf({ voters: 'a' }), nowMs: 900_000 })).toContain(
      'stands',
    )
    expect(objectionToOperation({ op: 'feature:raise', level: FEATURE_LEVEL }, sceneOf({ voters: 'a' }))).toBeUndefined()
    expect(objectionToOperation({ op: 'feature:raise', level: FEATURE_LEVEL + 1 }, sceneOf({ voters: 'a' }))).toContain(
      `level ${FEATURE_LEVEL}`,
    )
  })
})

describe('a voter endorses that an occurrence is lost', () => {
  const lose = { op: 'occurrence:lose', name: 'nightly', addedAtIndex: 9, timeMs: 5, attempt: 1 } as const

  it('only when who runs it is no member, or is not seen from here either', () => {
    const run = (executor: string, failed: Record<string, number> = {}, other: object = {}) => {
      const scene = sceneOf({ voters: 'a', learners: 'b', failed })
      const { addedAtIndex, timeMs, attempt } = { ...lose, ...other }
      const schedule = { addedAtIndex, queue: [timeMs], run: { executor, attempt } } as unknown as Schedule
      return objectionToOperation(lose, { ...scene, state: { ...scene.state, schedules: Table.from([['nightly', schedule]]) } })
    }
    expect(run('b')).toContain('is alive')
    for (const other of [{ timeMs: 6 }, { attempt: 2 }, { addedAtIndex: 8 }]) {
      expect(run('b', { b: 10_000 }, other)).toContain('not being run')
    }
    expect(run('b', { b: 9_999 })).toContain('away for')
    expect(run('b', { b: 10_000 })).toBeUndefined()
    expect(run('x')).toBeUndefined()
  })
})

describe('a voter endorses that occurrences are due', () => {
  it('up to ten seconds ahead of its own clock, and of a schedule it knows', () => {
    const scene = sceneOf({ voters: 'a' })
    const schedules = Table.from([['nightly', { addedAtIndex: 9 } as unknown as Schedule]])
    const judge = (aheadMs: number, addedAtIndex = 9) =>
      objectionToOperation(
        {
          op: 'occurrence:due',
          name: 'nightly',
          addedAtIndex,
          times: [1],
          skips: [],
          decidedToMs: scene.nowMs + aheadMs,
          executor: 'a',
        },
        { ...scene, state: { ...scene.state, schedules } },
      )
    expect(judge(-3_600_000)).toBeUndefined()
    expect(judge(10_000)).toBeUndefined()
    expect(judge(10_001)).toContain('10 s ahead of the clock here')
    expect(judge(0, 8)).toContain('no such schedule')
  })
})

describe('a leader that is not honest', () => {
  it('changes nothing alone: not who votes, not who is a member, not the charter', async () => {
    const nodes = await startGroup(3)
    const leader = leaderOf(nodes)
    const [one, other] = followersOf(nodes)
    // What is honestly to be certified is, before it changes sides.
    await Promise.all(nodes.map((node) => until(node, () => node.trust.nextCharter() === undefined)))
    await leader.duties.stop()
    const before = await deskOf(one).show()
    const identity = await loadIdentity(dataDirectory(leader.dir).identity)
    const scope = { meshId: before.mesh.id, groupId: before.group.id, epoch: before.epoch }
    const joinedAtIndex = leader.log.state?.members.get(other.peer)?.joinedAtIndex ?? 0

    // It asks the voters for what is not so, with a leave it signed itself.
    const drop = {
      changes: [
        { type: 'learner', peer: other.peer },
        { type: 'learner', peer: one.peer },
      ],
    } as const
    await expect(leader.endorsing.forVoters(drop, [])).rejects.toThrow(NotEndorsedError)
    const leave = { op: 'member:remove', peer: other.peer, joinedAtIndex, author: leader.peer, atMs: 1 } as const
    const forged = signAsPeer(identity, scope, leave)
    await expect(leader.endorsing.forVoters(drop, [forged])).rejects.toThrow(NotEndorsedError)

    // It has its log say so all the same.
    const endorsements = [endorse(identity, canonicalBytes('anything'))]
    const atMs = Date.now()
    const author = leader.peer
    const operations: Operation[] = [
      { ...leave },
      forged,
      { ...leave, endorsements },
      { op: 'member:forget', peer: other.peer, joinedAtIndex, absentSinceMs: 0, asOfMs: atMs, author, atMs, endorsements },
      { op: 'feature:raise', level: 3, author, atMs, endorsements },
      {
        op: 'policy:set',
        policies: { a: 1 },
        expects: 1,
        operator: 'operator',
        reason: 'x',
        signedAtMs: 1,
        signature: 'AAAA',
        author,
        atMs,
      },
      { op: 'charter:certify', index: before.index, certificate: 'AAAA', author, atMs },
      { op: 'link:add', index: before.index + 1, certificate: 'AAAA', author, atMs },
    ]
    for (const operation of operations) {
      const result = await leader.log.propose(operation)
      expect(result.ok && result.changed, operation.op).toBe(false)
    }

    // It sends an entry that its own node would never append, endorsed by itself alone.
    const status = leader.log.requireStatus()
    const own = endorse(identity, votersStatementBytes(scope, votersStatement(status.configuration, status.term, drop)))
    const data = canonicalBytes({ changes: drop.changes, endorsements: [own] })
    const refusedBefore = one.log.requireStatus().refusedMessages
    const send = (): number => {
      // What is honestly decided meanwhile makes a forged message old: it is made anew for each try.
      const { lastIndex: previousIndex, term } = leader.log.requireStatus()
      const entries = [{ index: previousIndex + 1, term, type: 'configuration', data } as const]
      const append = { type: 'append', term, previousIndex, previousTerm: term, entries, commit: previousIndex } as const
      leader.mesh.control.notify(one.peer, 'raft', packRaftNotice(append, 1))
      return one.log.requireStatus().refusedMessages
    }
    await expect.poll(send).toBeGreaterThan(refusedBefore)
    expect(one.log.requireStatus().lastRefusal).toMatch(/endorse|voters signed/i)
    const held = (await one.store.raft.load())?.entries ?? []
    expect(held).not.toEqual([])
    expect(held.filter((entry) => Buffer.compare(entry.data, data) === 0)).toEqual([])

    await one.decisions.current()
    for (const node of nodes) {
      expect((await deskOf(node).show()).digest).toBe(before.digest)
      expect(node.log.state?.members.size).toBe(3)
      expect(node.log.requireStatus().configuration.voters).toHaveLength(3)
    }
  })
})
