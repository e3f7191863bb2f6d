import { expect, test } from 'vitest'
import { type Message, type RaftComponents, validateMessage, type VoteProof } from '../src/index.ts'
import { encodeConfigurationStep } from '../src/raft/configuration.ts'
import { bytes, Cluster } from './support/cluster.ts'
import { endorsementOf, proposeEndorsed } from './support/endorse.ts'
import { proof, sentence, signing } from './support/signed-votes.ts'
import { append, entry, Single } from './support/single.ts'

const signed = (): Single => new Single({}, signing('n1'))

/** What `n2` leads `n1` to: term 2, with the votes of a majority. */
const led = (): Single => {
  const single = signed()
  single.hear('n2', { ...append(2, [1, 1], [entry(2, 2)]), proof: proof(2, 'n2', ['n2', 'n3']) })
  return single
}

test('rule 4: a term one ahead is adopted and its vote answered', () => {
  const single = signed()
  expect(single.hear('n2', { type: 'vote', term: 2, lastIndex: 1, lastTerm: 1, transfer: true })).toMatchObject([
    { type: 'voteAnswer', term: 2, granted: true },
  ])
  expect(single.node.status()).toMatchObject({ term: 2, leader: undefined })
})

test.for<[string, Message]>([
  ['append', append(2, [1, 1], [entry(2, 2, 'mine')])],
  ['heartbeat', { type: 'heartbeat', term: 2, commit: 1, round: 0 }],
  ['append far ahead', append(50, [1, 1], [entry(2, 50, 'mine')])],
  ['append of the term of now', append(1, [1, 1], [entry(2, 1, 'mine')])],
])('rule 4: a leader without proof of its election is not believed, and asked for it: %s', ([, message]) => {
  const single = signed()
  expect(single.hear('n2', message)).toEqual([{ type: 'stale', term: 1 }])
  expect(single.node.status()).toMatchObject({ term: 1, leader: undefined, lastIndex: 1, refusedMessages: 1 })
})

test('rule 4: a follower that began anew in the leader’s term is shown the proof again', () => {
  const cluster = new Cluster({ components: signing })
  cluster.elect('n1')
  cluster.settle()
  // nobody tells the leader that it was away
  cluster.host('n2').restart()
  cluster.host('n1').node.propose(bytes('a'))
  cluster.run(500)
  expect(cluster.lines('n2')).toEqual(['a'])
  expect(cluster.host('n1').node.status()).toMatchObject({ role: 'leader' })
})

test.for<[string, Message]>([
  ['vote', { type: 'vote', term: 2, lastIndex: 9, lastTerm: 9, transfer: true }],
  ['pre-vote', { type: 'preVote', term: 2, lastIndex: 9, lastTerm: 9 }],
  ['refused pre-vote', { type: 'preVoteAnswer', term: 50, campaign: 2, granted: false, commit: 0, commitTerm: 0 }],
  ['stale', { type: 'stale', term: 50 }],
  ['timeoutNow', { type: 'timeoutNow', term: 50 }],
])('rule 4: who does not vote gets no vote and lifts no term: %s', ([, message]) => {
  const single = new Single({}, { ...signing('n1'), mayStand: (peer) => peer === 'certified' })
  expect(single.hear('outsider', message).filter((sent) => 'granted' in sent && sent.granted)).toEqual([])
  expect(single.node.status()).toMatchObject({ term: 1, leader: undefined })
})

test('rule 4: a voter by certified links that this node does not know yet gets its vote', () => {
  const single = new Single({}, { ...signing('n1'), mayStand: (peer) => peer === 'certified' })
  expect(single.hear('certified', { type: 'vote', term: 2, lastIndex: 9, lastTerm: 9, transfer: true })).toMatchObject([
    { type: 'voteAnswer', term: 2, granted: true },
  ])
})

test.for<[string, Message]>([
  ['vote', { type: 'vote', term: 50, lastIndex: 9, lastTerm: 9, transfer: true }],
  ['stale', { type: 'stale', term: 50 }],
  ['timeoutNow', { type: 'timeoutNow', term: 50 }],
  ['refused pre-vote', { type: 'preVoteAnswer', term: 50, campaign: 2, granted: false, commit: 0, commitTerm: 0 }],
])('rule 4: a term further ahead without proof raises by one at most and is not handled: %s', ([, message]) => {
  const single = signed()
  expect(single.hear('n2', message)).toEqual([])
  expect(single.node.status()).toMatchObject({ term: 2, leader: undefined, lastIndex: 1 })
})

test('rule 4: one member cannot blow up the terms, however often it asks', () => {
  const single = signed()
  for (let i = 0; i < 100; i++) single.hear('n2', { type: 'vote', term: 2 ** 51, lastIndex: 9, lastTerm: 9, transfer: true })
  expect(single.node.status().term).toBeLessThanOrEqual(101)
})

test("rule 4: a majority's signed votes lift to their term at once", () => {
  const single = signed()
  single.hear('n2', { ...append(50, [1, 1], [entry(2, 50)]), proof: proof(50, 'n2', ['n2', 'n3']) })
  expect(single.node.status()).toMatchObject({ term: 50, leader: 'n2', lastIndex: 2 })
})

const forged: readonly [string, VoteProof][] = [
  ['signatures of a minority', proof(50, 'n2', ['n2'])],
  ['one vote counted twice', proof(50, 'n2', ['n2', 'n2'])],
  ['votes for another term', { ...proof(49, 'n2', ['n2', 'n3']), term: 50 }],
  ['votes for another candidate', { ...proof(50, 'n3', ['n2', 'n3']), candidate: 'n2' }],
  ['signatures of strangers', proof(50, 'n2', ['x', 'y'])],
  ['no votes', proof(50, 'n2', [])],
  ['a later term than its message', proof(51, 'n2', ['n2', 'n3'])],
]

test.for(forged)('rule 4: a proof is not believed: %s', ([, false_]) => {
  const single = signed()
  single.hear('n2', { ...append(50, [1, 1], [entry(2, 50)]), proof: false_ })
  expect(single.node.status()).toMatchObject({ term: 1, leader: undefined, lastIndex: 1 })
})

test('rule 4: without verification no proof is believed', () => {
  const single = new Single()
  single.hear('n2', { ...append(50, [1, 1], [entry(2, 50)]), proof: proof(50, 'n2', ['n2', 'n3']) })
  expect(single.node.status().term).toBe(2)
})

test('rule 4: signers that are no majority of the known voters count only if the shell has verified them', () => {
  const message = { ...append(50, [1, 1], [entry(2, 50)]), proof: proof(50, 'x', ['x', 'y']) }
  const asked: string[][] = []
  const trusting = new Single(
    {},
    {
      ...signing('n1'),
      trustsVoters: (signers) => {
        asked.push([...signers])
        return true
      },
    },
  )
  trusting.hear('x', message)
  expect(trusting.node.status().term).toBe(50)
  expect(asked).toEqual([['x', 'y']])
})

test('rule 4: a newcomer without configuration takes the proof of whoever it joined by', () => {
  const blank = { hardState: { term: 0, vote: null, commit: 0 }, entries: [] } as const
  const newcomer = new Single({ stored: blank }, signing('n1'))
  newcomer.hear('x', { type: 'heartbeat', term: 50, commit: 0, round: 0, proof: proof(50, 'x', ['x']) })
  expect(newcomer.node.status()).toMatchObject({ term: 50, leader: 'x' })
})

test('rule 4: not even a newcomer takes a proof without votes', () => {
  const blank = { hardState: { term: 0, vote: null, commit: 0 }, entries: [] } as const
  const newcomer = new Single({ stored: blank }, signing('n1'))
  newcomer.hear('x', { type: 'heartbeat', term: 50, commit: 0, round: 0, proof: proof(50, 'x', []) })
  expect(newcomer.node.status()).toMatchObject({ term: 0, leader: undefined })
})

test('rule 4: a pre-vote and its grant raise no term', () => {
  const single = signed()
  single.hear('n2', { type: 'preVote', term: 2, lastIndex: 1, lastTerm: 1, proof: proof(50, 'n2', ['n2', 'n3']) })
  single.hear('n2', {
    type: 'preVoteAnswer',
    term: 50,
    campaign: 9,
    granted: true,
    commit: 0,
    commitTerm: 0,
    proof: proof(50, 'n2', ['n2', 'n3']),
  })
  expect(single.node.status().term).toBe(1)
})

test('rule 4: answers to questions never asked raise no term', () => {
  const single = signed()
  single.hear('n2', { type: 'voteAnswer', term: 2, granted: false, commit: 0, commitTerm: 0 })
  single.hear('n2', { type: 'appendAnswer', term: 2, index: 1, rejected: false, hintIndex: 0, hintTerm: 0 })
  single.hear('n2', { type: 'heartbeatAnswer', term: 2, round: 0 })
  expect(single.node.status()).toMatchObject({ term: 1, refusedMessages: 3 })
})

test("rule 4: a leader's messages carry the proof of its election until the receiver has answered", () => {
  const cluster = new Cluster({ components: signing })
  const sent: boolean[] = []
  cluster.onMessage = ({ to, message }) => {
    if (to === 'n2' && (message.type === 'append' || message.type === 'heartbeat')) sent.push(message.proof !== undefined)
  }
  cluster.elect('n1')
  cluster.run(300)
  expect(sent[0]).toBe(true)
  expect(sent.slice(1)).not.toContain(true)
})

test('rule 4: a vote without a good signature does not count', () => {
  const single = signed()
  single.node.campaign()
  single.work()
  single.hear('n2', { type: 'preVoteAnswer', term: 1, campaign: 2, granted: true, commit: 0, commitTerm: 0 })
  single.hear('n2', { type: 'voteAnswer', term: 2, granted: true, commit: 0, commitTerm: 0, signature: bytes('forged') })
  single.hear('n3', { type: 'voteAnswer', term: 2, granted: true, commit: 0, commitTerm: 0 })
  expect(single.node.status()).toMatchObject({ role: 'candidate', refusedMessages: 2 })
})

test.for([true, false])(
  'rule 4: a node 40 terms behind catches up, with proof (%s) at once, without it by the heartbeats',
  (withProof) => {
    const cluster = new Cluster(withProof ? { components: signing } : {})
    for (const id of ['n1', 'n2']) {
      cluster.host(id).disk.hardState = { term: 40, vote: null, commit: 1 }
      cluster.host(id).restart()
    }
    cluster.host('n3').up = false
    cluster.elect('n1')
    cluster.host('n1').node.propose(bytes('a'))
    cluster.settle()
    cluster.revive('n3')
    cluster.run(withProof ? 10 : 4_500)
    expect(cluster.lines('n3')).toEqual(['a'])
  },
)

test('rule 4: a voter many terms behind whose vote is needed gets there by repeated votes', () => {
  const cluster = new Cluster()
  cluster.host('n1').disk.hardState = { term: 20, vote: null, commit: 1 }
  cluster.host('n1').disk.entries = [entry(2, 20, 'kept')]
  cluster.host('n1').restart()
  cluster.kill('n3')
  cluster.runUntil(() => cluster.leader !== undefined, 30_000)
  expect(cluster.leader?.id).toBe('n1')
})

test('a message of an earlier term is answered with the term it has to catch up with, and not handled', () => {
  const single = led()
  single.hear('n3', { type: 'vote', term: 3, lastIndex: 2, lastTerm: 2, transfer: true })
  expect(single.hear('n2', append(2, [2, 2], [entry(3, 2, 'late')]))).toEqual([{ type: 'stale', term: 3 }])
  expect(single.node.status().lastIndex).toBe(2)
})

test('a term has one leader: a second one is refused and counted', () => {
  const single = led()
  expect(single.hear('n3', append(2, [2, 2], [entry(3, 2, 'rival')]))).toEqual([])
  expect(single.node.status()).toMatchObject({ lastIndex: 2, leader: 'n2', refusedMessages: 1 })
})

test('rule 4: who knows the voters of now only believes a leader that was elected before them, since they vote for it still', () => {
  const now = ['n1', 'n2', 'n3']
  const trustsVoters = (signers: readonly string[]): boolean =>
    2 * now.filter((voter) => signers.includes(voter)).length > now.length
  const components = (id: string): Partial<RaftComponents> => ({ ...signing(id), ...(id === 'n4' ? { trustsVoters } : {}) })
  const cluster = new Cluster({ voters: ['n1'], blank: ['n2', 'n3', 'n4'], components })
  const { node } = cluster.elect('n1')
  const changes = (type: 'voter' | 'learner', ...peers: string[]): { changes: { type: typeof type; peer: string }[] } => ({
    changes: peers.map((peer) => ({ type, peer })),
  })
  proposeEndorsed(node, changes('voter', 'n2', 'n3'))
  cluster.run(3_000)
  proposeEndorsed(node, changes('learner', 'n4'))
  cluster.run(3_000)
  expect(node.status()).toMatchObject({ role: 'leader', term: 2 })
  expect(cluster.host('n4').node.status()).toMatchObject({ leader: 'n1', term: 2, commit: node.status().commit })
})

test('rule 4: nobody confirms a leader that it does not follow, nor one beside whom it voted for', () => {
  const single = led()
  const vote = { type: 'vote', term: 2, lastIndex: 9, lastTerm: 9, transfer: false } as const
  expect(single.hear('n3', vote)).toMatchObject([{ granted: false }])
  expect(single.hear('n2', vote)).toMatchObject([{ granted: true, signature: bytes(sentence('n1', 2, 'n2')) }])
  const voted = signed()
  voted.hear('n3', vote)
  voted.hear('n2', { ...append(2, [1, 1], []), proof: proof(2, 'n2', ['n2', 'n3']) })
  expect(voted.node.status()).toMatchObject({ leader: 'n2' })
  expect(voted.hear('n2', vote)).toMatchObject([{ granted: false }])
})

test.for<
  [
    string,
    { base: readonly string[]; knows?: readonly string[]; changes?: false; signers?: readonly string[]; believed: boolean },
  ]
>([
  ['its own', { base: ['n1', 'n2', 'n3'], believed: true }],
  ['those it knows to be certified', { base: ['n3', 'n7', 'n8'], knows: ['n3', 'n7', 'n8'], believed: true }],
  ['others', { base: ['n3', 'n7', 'n8'], believed: false }],
  ['its own, and is told no change', { base: ['n1', 'n2', 'n3'], changes: false, believed: false }],
  ['its own, which did not endorse the change', { base: ['n1', 'n2', 'n3'], signers: ['n3'], believed: false }],
])(
  'rule 4: who lacks what brought the voters that elected a leader believes it by a snapshot of voters it knows and the changes behind: %s',
  ([, { base, knows = [], changes: isTold, signers = base, believed }]) => {
    const areVoters = (voters: readonly string[]): boolean => voters.join() === knows.join()
    const single = new Single({}, { ...signing('n1'), trustsVoters: () => false, areVoters })
    const configuration = { voters: base, outgoing: [], learners: [], learnersNext: [], autoLeave: false }
    const changes = ['n4', 'n5'].map((peer) => ({ type: 'voter' as const, peer }))
    const statement = { term: 3, version: 0, voters: base, changes }
    const data = encodeConfigurationStep({ changes, endorsements: signers.map((voter) => endorsementOf(voter, statement)) })
    const joint = { index: 12, term: 3, type: 'configuration', data } as const
    const left = { index: 13, term: 3, type: 'configuration', data: encodeConfigurationStep('leave') } as const
    const message: Message = {
      type: 'snapshot',
      term: 4,
      snapshot: { index: 9, term: 3, configuration, data: bytes('[]') },
      ...(isTold === false ? {} : { changes: [joint, left] }),
      proof: proof(4, 'n4', ['n3', 'n4', 'n5']),
    }
    single.hear('n4', validateMessage(message))
    expect(single.node.status()).toMatchObject(
      believed ? { leader: 'n4', term: 4, lastIndex: 9 } : { leader: undefined, lastIndex: 1 },
    )
  },
)

test('rule 4: a leader of a later term that cannot be verified is told where the logs part, and sends what is lacking', () => {
  const single = signed()
  const hint = { index: 8, rejected: true, unproven: true, hintIndex: 1, hintTerm: 1 }
  expect(single.hear('n2', append(3, [8, 2], []))).toMatchObject([{ type: 'appendAnswer', term: 3, ...hint }, { type: 'stale' }])
  expect(single.node.status()).toMatchObject({ term: 1, leader: undefined })
})
