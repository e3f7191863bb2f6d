import { expect, test } from 'vitest'
import { bootstrap, type Message } from '../src/index.ts'
import { bytes, Cluster } from './support/cluster.ts'
import { entryOf } from './support/endorse.ts'
import { append, entry, Single } from './support/single.ts'

const asked = (term: number, lastIndex = 1, lastTerm = 1): Message => ({
  type: 'vote',
  term,
  lastIndex,
  lastTerm,
  transfer: false,
})
const wished = (term: number, lastIndex = 1, lastTerm = 1): Message => ({ type: 'preVote', term, lastIndex, lastTerm })
const granted = (messages: readonly Message[]): boolean | undefined =>
  messages.flatMap((message) => ('granted' in message ? [message.granted] : []))[0]

test('rule 1: term and vote are in the same Ready as the answer, to be synced before it is sent', () => {
  const { node } = new Single()
  node.step('n2', asked(2))
  const ready = node.ready()
  expect(ready.mustSync).toBe(true)
  expect(ready.hardState).toEqual({ term: 2, vote: 'n2', commit: 1 })
  expect(ready.messages.map(({ message }) => message.type)).toEqual(['voteAnswer'])
})

test('rule 1: a candidate asks for votes only in a Ready that syncs its own', () => {
  const { node } = new Single()
  node.campaign()
  node.advance(node.ready())
  node.step('n2', { type: 'preVoteAnswer', term: 1, campaign: 2, granted: true, commit: 1, commitTerm: 1 })
  const ready = node.ready()
  expect(ready.messages.map(({ message }) => message.type)).toEqual(['vote', 'vote'])
  expect(ready).toMatchObject({ mustSync: true, hardState: { term: 2, vote: 'n1' } })
})

test('rule 1: a vote alone, in a term adopted before, is synced as well', () => {
  const single = new Single()
  single.hear('n3', { type: 'stale', term: 2 })
  single.node.step('n2', asked(2))
  expect(single.node.ready()).toMatchObject({ mustSync: true, hardState: { term: 2, vote: 'n2' } })
})

test('a voter votes once in a term, also after it was restarted, and repeats its vote to the same candidate', () => {
  const single = new Single()
  expect(granted(single.hear('n2', asked(2)))).toBe(true)
  expect(granted(single.hear('n3', asked(2)))).toBe(false)
  const again = new Single({
    stored: { ...bootstrap({ voters: ['n1', 'n2', 'n3'] }, bytes('[]')), hardState: { term: 2, vote: 'n2', commit: 1 } },
  })
  expect(granted(again.hear('n3', asked(2)))).toBe(false)
  expect(granted(again.hear('n2', asked(2)))).toBe(true)
})

test.for<[string, number, number, boolean]>([
  ['a later last term wins over a longer log', 3, 2, true],
  ['an earlier last term loses to a shorter log', 99, 1, false],
  ['with equal last terms the longer log wins', 5, 2, true],
  ['with equal last terms the shorter log loses', 3, 2, false],
])(
  'a voter refuses a candidate whose log may lack what is committed (paper, 5.4.1): %s',
  ([, index, term, expected], { expect: check }) => {
    const single = new Single()
    // n1's own log ends at 4/2, or at 2/1 where the candidate is to win by term.
    const entries = expected && index === 3 ? [entry(2, 1, 'x')] : [entry(2, 2), entry(3, 2, 'x'), entry(4, 2, 'y')]
    single.hear('n2', append(2, [1, 1], entries))
    single.node.connectionClosed('n2')
    check(granted(single.hear('n3', asked(3, index, term)))).toBe(expected)
  },
)

test('rule 2: a pre-vote changes neither term nor vote of anybody', () => {
  const single = new Single()
  single.hear('n2', wished(2))
  single.hear('n3', wished(7))
  expect(single.node.status().term).toBe(1)
  expect(granted(single.hear('n3', asked(2)))).toBe(true)
})

test('rule 2: a voter that hears its leader refuses pre-votes and ignores votes, and grants them when its own timeout has passed', () => {
  const single = new Single()
  single.hear('n2', append(2, [1, 1], [entry(2, 2)]))
  expect(granted(single.hear('n3', wished(3, 2, 2)))).toBe(false)
  expect(single.hear('n3', asked(3, 2, 2))).toEqual([])
  expect(single.node.status().term).toBe(2)
  single.pass(999)
  expect(granted(single.hear('n3', wished(3, 2, 2)))).toBe(false)
  single.nowMs = 1_000
  single.node.tick(1_000)
  expect(granted(single.hear('n3', wished(3, 2, 2)))).toBe(true)
})

test('rule 2: a voter grants a pre-vote when its own connection to the leader is closed, too', () => {
  const single = new Single()
  single.hear('n2', append(2, [1, 1], [entry(2, 2)]))
  single.node.connectionClosed('n3')
  expect(granted(single.hear('n3', wished(3, 2, 2)))).toBe(false)
  single.node.connectionClosed('n2')
  expect(granted(single.hear('n3', wished(3, 2, 2)))).toBe(true)
})

test('rule 2: a closed connection from the leader starts a pre-vote within 30 ms, and it stops when the connection is back', () => {
  const single = new Single()
  single.hear('n2', append(2, [1, 1], [entry(2, 2)]))
  single.node.connectionClosed('n2')
  expect(single.node.nextTickAtMs()).toBeLessThanOrEqual(30)
  single.node.connectionOpened('n2')
  expect(single.node.nextTickAtMs()).toBeGreaterThanOrEqual(1_000)
  single.node.connectionClosed('n2')
  expect(single.pass(30).map(({ message }) => message.type)).toContain('preVote')
})

test('rule 2: a voter that alone lost its leader disturbs nobody, and tries ever more rarely', () => {
  const cluster = new Cluster({ seed: 4 })
  const leader = cluster.elect('n1')
  const { term } = leader.node.status()
  let preVotes = 0
  cluster.filter = ({ from, message }) => {
    if (from === 'n3' && message.type === 'preVote') preVotes++
    return true
  }
  cluster.disconnect('n1', 'n3')
  cluster.run(10_000)
  expect(leader.node.status()).toMatchObject({ role: 'leader', term })
  expect(preVotes).toBeGreaterThan(3)
  expect(preVotes).toBeLessThan(150)
})

test('rule 2: a node that was cut off for long does not disturb the group when it is back', () => {
  const cluster = new Cluster()
  cluster.elect('n1')
  cluster.disconnect('n1', 'n3', false)
  cluster.disconnect('n2', 'n3', false)
  cluster.run(30_000)
  expect(cluster.host('n3').node.status().term).toBe(2)
  cluster.connect('n1', 'n3', false)
  cluster.connect('n2', 'n3', false)
  cluster.run(3_000)
  expect(cluster.leader?.id).toBe('n1')
  expect(cluster.host('n1').node.status().term).toBe(2)
})

test('a leader that a quorum does not answer steps down within two election timeouts (check-quorum)', () => {
  const single = new Single().lead()
  single.pass(1_000)
  single.pass(1_000)
  expect(single.node.status()).toMatchObject({ role: 'follower', leader: undefined })
})

test('an election after the leader was killed takes less than 100 ms of waiting, for each of 100 seeds and 3 or 5 voters', () => {
  for (let seed = 1; seed <= 100; seed++) {
    const cluster = new Cluster({ seed, voters: seed % 2 === 0 ? ['n1', 'n2', 'n3'] : ['n1', 'n2', 'n3', 'n4', 'n5'] })
    cluster.elect('n2')
    cluster.run(300)
    const killedAtMs = cluster.nowMs
    cluster.kill('n2')
    cluster.runUntil(() => (cluster.leader?.node.status().commit ?? 0) > 2)
    expect(cluster.nowMs - killedAtMs, `seed ${seed}`).toBeLessThan(100)
  }
})

test('voters that stand for election at the same instant let one go first: nobody waits for a timeout', () => {
  for (let seed = 1; seed <= 50; seed++) {
    const cluster = new Cluster({ seed, voters: ['n1', 'n2', 'n3', 'n4', 'n5'] })
    for (const { node } of cluster.hosts.values()) node.campaign()
    cluster.runUntil(() => cluster.leader !== undefined)
    expect(cluster.nowMs, `seed ${seed}`).toBeLessThanOrEqual(400)
  }
})

test('a candidate that cannot win any more, because the rest is gone, does not wait for it', () => {
  const single = new Single()
  single.node.connectionClosed('n3')
  single.node.campaign()
  single.work()
  single.hear('n2', { type: 'preVoteAnswer', term: 1, campaign: 2, granted: true, commit: 0, commitTerm: 0 })
  single.hear('n2', { type: 'voteAnswer', term: 2, granted: false, commit: 0, commitTerm: 0 })
  expect(single.node.status().role).toBe('follower')
  expect(single.node.nextTickAtMs()).toBeLessThanOrEqual(150)
})

test('an election timeout is drawn anew each time, between 1 and 2 s', () => {
  const single = new Single()
  const waits = new Set<number>()
  for (let i = 0; i < 50; i++) {
    single.hear('n2', append(2, [1, 1], []))
    const wait = single.node.nextTickAtMs() - single.nowMs
    expect(wait).toBeGreaterThanOrEqual(1_000)
    expect(wait).toBeLessThanOrEqual(2_000)
    waits.add(wait)
  }
  expect(waits.size).toBeGreaterThan(30)
})

test('learners and nodes without a configuration never stand for election', () => {
  const blank = new Single({ stored: { hardState: { term: 0, vote: null, commit: 0 }, entries: [] } })
  blank.node.campaign()
  expect(blank.pass(60_000)).toEqual([])
  expect(blank.node.nextTickAtMs()).toBe(Number.POSITIVE_INFINITY)
  const learner = new Single({ voters: ['n2', 'n3'] })
  learner.node.campaign()
  expect(learner.pass(60_000)).toEqual([])
})

test('a learner votes when it is asked: the candidate may know that it was promoted', () => {
  expect(granted(new Single({ voters: ['n2', 'n3'] }).hear('n2', asked(2)))).toBe(true)
})

test('two voters that refuse each other, one for its short log, the other for its early term, still elect one (etcd-io/raft, pre-vote deadlock)', () => {
  const voters = ['n1', 'n2', 'n3']
  const cluster = new Cluster({ voters })
  const { disk } = cluster.host('n1')
  disk.entries = [entry(2, 1, 'x')]
  cluster.host('n1').restart()
  cluster.host('n2').disk.hardState = { term: 6, vote: null, commit: 1 }
  cluster.host('n2').restart()
  cluster.kill('n3')
  cluster.runUntil(() => cluster.leader !== undefined, 10_000)
  expect(cluster.leader?.id).toBe('n1')
})

test('a voter that stopped in the middle of a joint change learns from a refusal that the change is committed', () => {
  const single = new Single({ voters: ['n1', 'n2', 'n3'] })
  const changes = ['n2', 'n3'].map((peer) => ({ type: 'remove' as const, peer }))
  const change = { index: 2, term: 2, type: 'configuration', data: entryOf(single.node, 2, changes) } as const
  const leave = { index: 3, term: 2, type: 'configuration', data: bytes('{"leave":true}') } as const
  single.hear('n2', append(2, [1, 1], [change, leave], 2))
  expect(single.node.status().configuration).toMatchObject({ voters: ['n1'], outgoing: ['n1', 'n2', 'n3'] })
  single.node.connectionClosed('n2')
  single.pass(30)
  expect(single.node.status().role).toBe('pre-candidate')
  single.hear('n3', { type: 'preVoteAnswer', term: 2, campaign: 3, granted: false, commit: 3, commitTerm: 2 })
  expect(single.node.status()).toMatchObject({ role: 'leader', commit: 4, configuration: { voters: ['n1'], outgoing: [] } })
})
