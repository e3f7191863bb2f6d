import { expect, test } from 'vitest'
import type { Message } from '../src/index.ts'
import { bytes, Cluster } from './support/cluster.ts'
import { append, entry, Single } from './support/single.ts'

const appendsTo = (to: string, sent: readonly { to: string; message: Message }[]): Extract<Message, { type: 'append' }>[] =>
  sent.flatMap(({ to: peer, message }) => (peer === to && message.type === 'append' ? [message] : []))

test('rule 1: a new leader appends a no-op of its term', () => {
  const single = new Single().lead()
  expect(single.node.status()).toMatchObject({ role: 'leader', term: 2, lastIndex: 2, commit: 1 })
  single.accept('n2', 2)
  expect(single.applied.map(({ type, term }) => ({ type, term }))).toEqual([{ type: 'noop', term: 2 }])
})

test('rule 1: an accepted append is answered only in a Ready that syncs its entries', () => {
  const { node } = new Single()
  node.step('n2', append(2, [1, 1], [entry(2, 2, 'a')]))
  const ready = node.ready()
  expect(ready).toMatchObject({ mustSync: true, entries: [{ index: 2 }] })
  expect(ready.messages.map(({ message }) => message.type)).toEqual(['appendAnswer'])
})

test('one voter commits a proposal in the one Ready that writes it', () => {
  const single = new Single({ voters: ['n1'] })
  single.node.campaign()
  const first = single.node.ready()
  expect(first).toMatchObject({
    mustSync: true,
    hardState: { term: 2, vote: 'n1', commit: 2 },
    entries: [{ index: 2 }],
    committedEntries: [{ index: 2 }],
  })
  single.node.advance(first)
  const { index, term } = single.node.propose(bytes('a'))
  const ready = single.node.ready()
  expect(ready).toMatchObject({
    mustSync: true,
    entries: [{ index, term }],
    committedEntries: [{ index, term }],
    hardState: { commit: 3 },
  })
  single.node.advance(ready)
  expect(single.node.hasReady()).toBe(false)
  expect(single.node.nextTickAtMs()).toBe(Number.POSITIVE_INFINITY)
})

test('a leader commits by counting only entries of its own term, and those before with them (paper, 5.4.2)', () => {
  const single = new Single()
  single.hear('n2', append(2, [1, 1], [entry(2, 2, 'old')]))
  single.node.connectionClosed('n2')
  single.pass(30)
  single.hear('n3', { type: 'preVoteAnswer', term: 2, campaign: 3, granted: true, commit: 1, commitTerm: 1 })
  single.hear('n3', { type: 'voteAnswer', term: 3, granted: true, commit: 1, commitTerm: 1 })
  single.accept('n3', 2)
  expect(single.node.status()).toMatchObject({ role: 'leader', commit: 1 })
  single.accept('n3', 3)
  expect(single.node.status().commit).toBe(3)
})

test('proposals of one turn travel in one append', () => {
  const single = new Single().lead()
  single.accept('n2', 2)
  for (const line of ['a', 'b', 'c']) single.node.propose(bytes(line))
  const sent = appendsTo('n2', single.work())
  expect(sent.map(({ entries }) => entries.length)).toEqual([3])
})

test('a follower never commits beyond what the message vouches for', () => {
  const single = new Single()
  single.hear('n2', append(2, [1, 1], [entry(2, 2, 'a'), entry(3, 2, 'stray')]))
  single.hear('n2', append(2, [1, 1], [entry(2, 2, 'a')], 9))
  expect(single.node.status().commit).toBe(2)
})

test('a late append that is shorter than the log does not shorten it', () => {
  const single = new Single()
  single.hear('n2', append(2, [1, 1], [entry(2, 2, 'a'), entry(3, 2, 'b')]))
  single.hear('n2', append(2, [1, 1], [entry(2, 2, 'a')]))
  expect(single.node.status().lastIndex).toBe(3)
})

test('conflicting entries of an earlier leader give way, and are written over from where they differ', () => {
  const single = new Single()
  single.hear('n2', append(2, [1, 1], [entry(2, 2, 'a'), entry(3, 2, 'lost'), entry(4, 2, 'lost')]))
  single.hear('n3', append(3, [1, 1], [entry(2, 2, 'a'), entry(3, 3, 'kept')], 3))
  expect(single.last?.entries).toMatchObject([{ index: 3, term: 3 }])
  expect(single.node.status()).toMatchObject({ lastIndex: 3, commit: 3 })
})

test('committed entries are never cut off, whatever a leader sends', () => {
  const single = new Single()
  single.hear('n2', append(2, [1, 1], [entry(2, 2, 'a'), entry(3, 2, 'b')], 3))
  expect(single.hear('n2', append(2, [1, 1], [entry(2, 2, 'other')]))).toMatchObject([{ rejected: false, index: 3 }])
  expect(single.applied.length).toBe(2)
  expect(single.node.status()).toMatchObject({ commit: 3, lastIndex: 3 })
})

test('a rejected append names the last place that can match: one round trip for each term, not for each entry', () => {
  const single = new Single()
  const wrong = Array.from({ length: 50 }, (_, i) => entry(i + 2, 2, 'x'))
  single.hear('n2', append(2, [1, 1], wrong))
  const [answer] = single.hear('n3', append(3, [60, 3], []))
  expect(answer).toMatchObject({ rejected: true, index: 60, hintIndex: 51, hintTerm: 2 })
  const [second] = single.hear('n3', append(3, [51, 1], []))
  expect(second).toMatchObject({ rejected: true, index: 51, hintIndex: 1, hintTerm: 1 })
})

test('a leader finds where a diverged log of a thousand entries parts within four rejections', () => {
  const cluster = new Cluster()
  cluster.host('n3').disk.entries = Array.from({ length: 500 }, (_, i) => entry(i + 2, 2, 'x'))
  cluster.host('n3').disk.hardState = { term: 2, vote: null, commit: 1 }
  cluster.host('n3').restart()
  for (const id of ['n1', 'n2']) {
    cluster.host(id).disk.entries = Array.from({ length: 1_000 }, (_, i) => entry(i + 2, 3, 'y'))
    cluster.host(id).disk.hardState = { term: 3, vote: null, commit: 1 }
    cluster.host(id).restart()
  }
  let rejections = 0
  cluster.onMessage = ({ message }) => {
    if (message.type === 'appendAnswer' && message.rejected) rejections++
  }
  cluster.elect('n1')
  cluster.run(500)
  expect(cluster.host('n3').machine.applied).toBe(1_002)
  expect(rejections).toBeLessThanOrEqual(4)
})

test('at most 64 appends are under way to one follower; a lost window is tried again after a heartbeat', () => {
  const single = new Single().lead()
  single.accept('n2', 2)
  let count = 0
  for (let i = 0; i < 100; i++) {
    single.node.propose(bytes('x'))
    count += appendsTo('n2', single.work()).length
  }
  expect(count).toBe(64)
  const retried = single.hear('n2', { type: 'heartbeatAnswer', term: 2, round: 0 })
  expect(retried).toMatchObject([{ type: 'append' }])
})

test('an append carries at most a mebibyte, and one entry always', () => {
  const single = new Single().lead()
  single.accept('n2', 2)
  for (let i = 0; i < 10; i++) single.node.propose(new Uint8Array(250 * 1024))
  const sizes = appendsTo('n2', single.work()).map(({ entries }) => entries.length)
  expect(sizes).toEqual([4, 4, 2])
})

test('to a follower that is probed only one append is under way', () => {
  const single = new Single().lead()
  single.node.propose(bytes('a'))
  expect(appendsTo('n3', single.work())).toEqual([])
  single.node.propose(bytes('b'))
  expect(appendsTo('n3', single.work())).toEqual([])
  expect(single.accept('n3', 2)).toMatchObject([{ type: 'append', entries: { length: 2 } }])
})

test('a follower whose connection closed is probed again', () => {
  const single = new Single().lead()
  single.accept('n2', 2)
  expect(single.node.status().progress.get('n2')?.state).toBe('replicate')
  single.node.propose(bytes('lost'))
  single.work()
  single.node.connectionClosed('n2')
  expect(single.node.status().progress.get('n2')).toMatchObject({ state: 'probe', next: 3, active: false, inSync: false })
  single.node.connectionOpened('n2')
  expect(single.work().filter(({ to }) => to === 'n2')).toMatchObject([
    { message: { type: 'heartbeat' } },
    { message: { type: 'append', previousIndex: 2, entries: { length: 1 } } },
  ])
})

test('acknowledgements of entries the leader never had are refused and commit nothing', () => {
  const single = new Single().lead()
  single.accept('n2', 99)
  expect(single.node.status()).toMatchObject({ commit: 1, refusedMessages: 1 })
})

test('a stranger is no part of any quorum', () => {
  const single = new Single().lead()
  single.accept('x', 2)
  expect(single.node.status().commit).toBe(1)
})

test('entries replaced while the disk still writes the old ones are written, too', () => {
  const { node } = new Single()
  node.step('n2', append(2, [1, 1], [entry(2, 2, 'a'), entry(3, 2, 'lost'), entry(4, 2, 'lost')]))
  const writing = node.ready()
  node.step('n3', append(3, [1, 1], [entry(2, 2, 'a'), entry(3, 3, 'kept'), entry(4, 3, 'kept')]))
  node.advance(writing)
  expect(node.ready()).toMatchObject({
    mustSync: true,
    entries: [
      { index: 2, term: 2 },
      { index: 3, term: 3 },
      { index: 4, term: 3 },
    ],
  })
})

test('a late rejection of what was accepted since changes nothing', () => {
  const single = new Single().lead()
  single.accept('n2', 2)
  single.node.propose(bytes('a'))
  single.work()
  single.accept('n2', 3)
  const late = { type: 'appendAnswer', term: 2, index: 2, rejected: true, hintIndex: 1, hintTerm: 1 } as const
  expect(single.hear('n2', late)).toEqual([])
  expect(single.node.status().progress.get('n2')).toMatchObject({ state: 'replicate', match: 3, next: 4 })
})

test('every node applies every committed entry once and in order, through an election, too', () => {
  const cluster = new Cluster({ seed: 3 })
  const first = cluster.elect('n1')
  for (let i = 0; i < 20; i++) first.node.propose(bytes(`a${i}`))
  cluster.settle()
  cluster.kill('n1')
  const second = cluster.elect()
  for (let i = 0; i < 20; i++) second.node.propose(bytes(`b${i}`))
  cluster.settle()
  cluster.revive('n1')
  cluster.run(500)
  const expected = [...Array.from({ length: 20 }, (_, i) => `a${i}`), ...Array.from({ length: 20 }, (_, i) => `b${i}`)]
  for (const id of cluster.hosts.keys()) expect(cluster.lines(id)).toEqual(expected)
})
