import { expect, test } from 'vitest'
import { TransferRefusedError } from '../src/index.ts'
import { bytes } from './support/cluster.ts'
import { append, entry, Single } from './support/single.ts'
import { signing } from './support/signed-votes.ts'

const restored = (): Single => new Single({ mayVote: false })

test('rule 8: a node whose disk was restored gives no vote and no pre-vote', () => {
  const single = restored()
  single.pass(10_000)
  const question = { lastIndex: 9, lastTerm: 1 }
  expect(single.hear('n2', { type: 'preVote', term: 2, ...question })).toMatchObject([{ type: 'preVoteAnswer', granted: false }])
  expect(single.hear('n2', { type: 'vote', term: 2, ...question, transfer: false })).toMatchObject([
    { type: 'voteAnswer', term: 2, granted: false },
  ])
  expect(new Single().hear('n2', { type: 'vote', term: 2, ...question, transfer: false })).toMatchObject([{ granted: true }])
})

test('rule 8: it never campaigns: not for silence, not for a closed connection, not when asked to, not alone', () => {
  const single = restored()
  expect(single.node.nextTickAtMs()).toBe(Number.POSITIVE_INFINITY)
  single.node.campaign()
  expect(single.pass(60_000)).toEqual([])
  single.hear('n2', append(2, [1, 1], []))
  single.hear('n2', { type: 'timeoutNow', term: 2 })
  single.node.connectionClosed('n2')
  expect(single.pass(60_000)).toEqual([])
  expect(single.node.status()).toMatchObject({ role: 'follower', term: 2, mayVote: false })
  const alone = new Single({ voters: ['n1'], mayVote: false })
  alone.node.campaign()
  alone.pass(60_000)
  expect(alone.node.status().role).toBe('follower')
})

test('rule 8: it follows, and says with each answer that it does not count', () => {
  const single = restored()
  const { entries } = { entries: [entry(2, 2, 'a')] }
  expect(single.hear('n2', append(2, [1, 1], entries, 2))).toMatchObject([{ type: 'appendAnswer', index: 2, uncounted: true }])
  expect(single.applied).toHaveLength(1)
  expect(single.hear('n2', append(2, [9, 2], [], 2))).toMatchObject([{ rejected: true, uncounted: true }])
  const heartbeat = { type: 'heartbeat', term: 2, commit: 2, round: 1 } as const
  expect(single.hear('n2', heartbeat)).toMatchObject([{ type: 'heartbeatAnswer', uncounted: true }])
})

const answer = (index: number, uncounted?: true) =>
  ({
    type: 'appendAnswer',
    term: 2,
    index,
    rejected: false,
    hintIndex: 0,
    hintTerm: 0,
    ...(uncounted === undefined ? {} : { uncounted }),
  }) as const

test('rule 8: a leader commits nothing with its acknowledgement, and forgets what it acknowledged before', () => {
  const single = new Single({ voters: ['n1', 'n2', 'n3', 'n4', 'n5'] })
  single.node.campaign()
  single.work()
  const committed = { commit: 0, commitTerm: 0, granted: true }
  for (const peer of ['n2', 'n3']) single.hear(peer, { type: 'preVoteAnswer', term: 1, campaign: 2, ...committed })
  for (const peer of ['n2', 'n3']) single.hear(peer, { type: 'voteAnswer', term: 2, ...committed })
  single.accept('n3', 2)
  single.accept('n4', 2)
  single.node.propose(bytes('a'))
  single.work()
  single.accept('n2', 3)
  single.hear('n3', answer(3, true))
  expect(single.node.status().commit).toBe(2)
  expect(single.node.status().progress.get('n3')).toMatchObject({ match: 3, inSync: false })
  single.accept('n4', 3)
  expect(single.node.status().commit).toBe(3)
})

test('rule 8: after a restored disk has said so, its acknowledgements of before do not count either', () => {
  const single = new Single().lead()
  single.accept('n3', 2)
  expect(single.node.status().commit).toBe(2)
  single.node.propose(bytes('a'))
  single.work()
  // n3 holds entry 3, then its disk is restored to what it was before.
  single.hear('n3', { type: 'heartbeatAnswer', term: 2, round: 0, uncounted: true })
  expect(single.node.status().progress.get('n3')).toMatchObject({ match: 0, state: 'probe' })
  const [retry] = single.hear('n3', { ...answer(3, true), rejected: true, hintIndex: 1, hintTerm: 1 })
  expect(retry).toMatchObject({ type: 'append', previousIndex: 1 })
})

test('rule 8: also while it cannot verify its leader it says that it does not count, and is sent what it lost', () => {
  const lacking = { index: 3, rejected: true, hintIndex: 1, hintTerm: 1, unproven: true, uncounted: true } as const
  const follower = new Single({ mayVote: false }, signing('n1'))
  expect(follower.hear('n2', append(3, [3, 2], []))).toMatchObject([{ type: 'appendAnswer', ...lacking }, { type: 'stale' }])
  const leader = new Single().lead()
  leader.node.propose(bytes('a'))
  leader.work()
  leader.accept('n3', 3)
  expect(leader.node.status().progress.get('n3')).toMatchObject({ match: 3 })
  const [retry] = leader.hear('n3', { type: 'appendAnswer', term: 2, ...lacking })
  expect(retry).toMatchObject({ type: 'append', previousIndex: 1, entries: [{ index: 2 }, { index: 3 }] })
})

test('who refuses again and again what it has acknowledged is asked again with the heartbeats, not at once', () => {
  const single = new Single().lead()
  single.accept('n3', 2)
  single.node.propose(bytes('a'))
  single.work()
  const refuse = (index: number): number =>
    single
      .hear('n3', { ...answer(index), rejected: true, hintIndex: 1, hintTerm: 1, unproven: true })
      .filter(({ type }) => type === 'append').length
  expect(refuse(3)).toBe(1)
  expect([refuse(2), refuse(2), refuse(2)]).toEqual([0, 0, 0])
  const sent = single.pass(200).filter(({ to, message }) => to === 'n3' && message.type === 'append')
  expect(sent.length).toBeGreaterThan(0)
})

test('rule 8: it confirms no read, keeps no leader in office, and takes over no leadership', () => {
  const single = new Single().lead()
  single.accept('n2', 2)
  single.node.readIndex('r')
  single.work()
  single.hear('n3', { type: 'heartbeatAnswer', term: 2, round: 1, uncounted: true })
  expect(single.last?.readStates).toEqual([])
  expect(() => single.node.transferLeadership('n3')).toThrow(TransferRefusedError)
  single.hear('n3', answer(2, true))
  expect(single.node.bestSuccessor()).toBe('n2')
  single.node.connectionClosed('n2')
  expect(single.node.bestSuccessor()).toBeUndefined()
  single.node.connectionOpened('n2')
  for (let i = 0; i < 30; i++) {
    single.pass(100)
    single.hear('n3', { type: 'heartbeatAnswer', term: 2, round: 1, uncounted: true })
  }
  expect(single.node.status().role).toBe('follower')
})
