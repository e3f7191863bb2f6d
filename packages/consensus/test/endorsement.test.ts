import { expect, test } from 'vitest'
import {
  bootstrap,
  type ConfigurationChange,
  type Endorsement,
  type Entry,
  NotEndorsedError,
  type RaftNode,
  raftNode,
  type VoteProof,
  votersStatement,
} from '../src/index.ts'
import { encodeConfigurationStep } from '../src/raft/configuration.ts'
import { bytes, Cluster, text } from './support/cluster.ts'
import { endorsementOf, entryOf, proposeEndorsed } from './support/endorse.ts'
import { append, entry, random, Single } from './support/single.ts'

const removeN3: ConfigurationChange['changes'] = [{ type: 'remove', peer: 'n3' }]

/** Endorsements of removing n3 by these voters, as if the leader were in `term` and had `version` changes behind it. */
function signed(node: RaftNode, voters: readonly string[], { term = node.status().term, version = 0 } = {}): Endorsement[] {
  const statement = { ...votersStatement(node.status().configuration, term, { changes: removeN3 }), version }
  return voters.map((voter) => endorsementOf(voter, statement))
}

const configuration = (index: number, data: Uint8Array, term = 2): Entry => ({ index, term, type: 'configuration', data })

test('rule 5: a leader proposes a change of voters only with the endorsement of a majority of the voters', () => {
  const single = new Single().lead()
  single.accept('n2', 2)
  const propose = (endorsements?: readonly Endorsement[]): unknown =>
    single.node.proposeConfiguration({ changes: removeN3 }, endorsements)
  const { node } = single
  expect(() => propose()).toThrow(NotEndorsedError)
  expect(() => propose(signed(node, ['n1']))).toThrow(/1 of its voters signed, no majority/)
  expect(() => propose([...signed(node, ['n1']), ...signed(node, ['n1'])])).toThrow(/there twice/)
  expect(() => propose(signed(node, ['n1', 'n9']))).toThrow(/n9 signed it, and is no voter/)
  expect(() => propose(signed(node, ['n1', 'n2'], { term: 1 }))).toThrow(/signature of n1 is wrong/)
  expect(() => propose(signed(node, ['n1', 'n2'], { version: 1 }))).toThrow(/signature of n1 is wrong/)
  expect(() => propose([{ peer: 'n1', signature: '!' }])).toThrow(/signature of n1 is wrong/)
  expect(node.status().lastIndex).toBe(2)
  expect(propose(signed(node, ['n2', 'n3']))).toEqual({ index: 3, term: 2 })
})

test('rule 5: without something to check endorsements with, no voters are changed, learners are', () => {
  const node = raftNode({ id: 'n1', stored: bootstrap({ voters: ['n1'] }, bytes('[]')) })({ random: random() })
  node.campaign()
  while (node.hasReady()) node.advance(node.ready())
  expect(() => proposeEndorsed(node, { changes: [{ type: 'voter', peer: 'n2' }] })).toThrow(NotEndorsedError)
  expect(node.proposeConfiguration({ changes: [{ type: 'learner', peer: 'n2' }] })).toEqual({ index: 3, term: 2 })
})

test('a sole voter endorses its own change', () => {
  const cluster = new Cluster({ voters: ['n1'], blank: ['n2'] })
  const { node } = cluster.elect('n1')
  proposeEndorsed(node, { changes: [{ type: 'voter', peer: 'n2' }] })
  cluster.run(5_000)
  expect(cluster.host('n2').node.status().configuration.voters).toEqual(['n1', 'n2'])
})

test.for<[string, (node: RaftNode) => Uint8Array]>([
  ['no endorsement', () => encodeConfigurationStep({ changes: removeN3 })],
  ['the leader alone', (node) => entryOf(node, 2, removeN3, ['n2'])],
  ['a stranger', (node) => entryOf(node, 2, removeN3, ['n2', 'n9'])],
  [
    'signatures for another change',
    (node) =>
      encodeConfigurationStep({
        changes: [{ type: 'remove', peer: 'n1' }],
        endorsements: signed(node, ['n2', 'n3'], { term: 2 }),
      }),
  ],
  [
    'signatures of an earlier term',
    (node) =>
      encodeConfigurationStep({
        changes: removeN3,
        endorsements: signed(node, ['n2', 'n3'], { term: 1 }),
      }),
  ],
  [
    'signatures spent on an earlier change of the same voters',
    (node) =>
      encodeConfigurationStep({
        changes: removeN3,
        endorsements: signed(node, ['n2', 'n3'], { term: 2, version: 4 }),
      }),
  ],
  [
    'a step that cannot be taken',
    (node) =>
      entryOf(
        node,
        2,
        ['n1', 'n2', 'n3'].map((peer) => ({ type: 'remove', peer })),
      ),
  ],
])('rule 5: a follower does not append a change of voters with %s, nor anything of that message', ([, forge]) => {
  const single = new Single()
  const before = single.node.status()
  const said = single.hear('n2', append(2, [1, 1], [entry(2, 2, 'a'), configuration(3, forge(single.node))], 1))
  expect(said).toEqual([])
  expect(single.node.status()).toMatchObject({ lastIndex: before.lastIndex, refusedMessages: 1 })
  expect(single.node.status().lastRefusal).toContain('n2: entry 3 is a change of voters without endorsement')
  expect(single.hear('n2', append(2, [1, 1], [entry(2, 2, 'a')], 2))).toMatchObject([{ index: 2, rejected: false }])
})

test('a follower judges each change by the voters that the entries before it make, applied or not', () => {
  const single = new Single()
  const first = entryOf(single.node, 2, [{ type: 'remove', peer: 'n3' }])
  const after = { ...single.node.status().configuration, voters: ['n1', 'n2'], version: 1 }
  const changes = [{ type: 'voter', peer: 'n4' }] as const
  const second = (voters: readonly string[]): Uint8Array => {
    const statement = votersStatement(after, 2, { changes })
    return encodeConfigurationStep({ changes, endorsements: voters.map((voter) => endorsementOf(voter, statement)) })
  }
  single.hear('n2', append(2, [1, 1], [configuration(2, first), configuration(3, second(['n1', 'n3']))], 1))
  expect(single.node.status()).toMatchObject({ lastIndex: 1, refusedMessages: 1 })
  single.hear('n2', append(2, [1, 1], [configuration(2, first), configuration(3, second(['n1', 'n2']))], 1))
  expect(single.node.status()).toMatchObject({ lastIndex: 3, commit: 1, refusedMessages: 1 })
})

test('an endorsement is good once: not again when the voters are the same as before', () => {
  const cluster = new Cluster()
  const { node } = cluster.elect('n1')
  const changes = [{ type: 'remove', peer: 'n3' }] as const
  const once = signed(node, ['n1', 'n2'])
  node.proposeConfiguration({ changes }, once)
  cluster.run(1_000)
  proposeEndorsed(node, { changes: [{ type: 'voter', peer: 'n3' }] })
  cluster.run(1_000)
  expect(node.status()).toMatchObject({ term: 2, configuration: { voters: ['n1', 'n2', 'n3'], version: 2 } })
  expect(() => node.proposeConfiguration({ changes }, once)).toThrow(NotEndorsedError)
  expect(node.proposeConfiguration({ changes }, signed(node, ['n1', 'n2'], { version: 2 }))).toMatchObject({ term: 2 })
})

test('learners come and go, and a joint configuration ends, without endorsement', () => {
  const single = new Single()
  const learner = encodeConfigurationStep({ changes: [{ type: 'learner', peer: 'n9' }] })
  const joint = entryOf(single.node, 2, [
    { type: 'remove', peer: 'n3' },
    { type: 'voter', peer: 'n4' },
  ])
  const leave = encodeConfigurationStep('leave')
  const entries = [configuration(2, learner), configuration(3, joint), configuration(4, leave)]
  expect(single.hear('n2', append(2, [1, 1], entries, 4))).toMatchObject([{ index: 4, rejected: false }])
  expect(single.node.status().configuration).toMatchObject({ voters: ['n1', 'n2', 'n4'], outgoing: [], learners: ['n9'] })
})

test('what stands on the own disk is not judged again after a restart', () => {
  const cluster = new Cluster()
  const { node } = cluster.elect('n1')
  proposeEndorsed(node, { changes: removeN3 })
  cluster.run(1_000)
  cluster.host('n2').restart()
  cluster.run(3_000)
  node.propose(bytes('x'))
  cluster.run(1_000)
  expect(cluster.host('n2').machine.lines).toEqual(['x'])
  expect(cluster.host('n2').node.status().refusedMessages).toBe(0)
})

/** Five voters become three, and two of those three elect n2: no majority of the five that n1 still knows. */
function elected(): { single: Single; entries: readonly Entry[]; proof: VoteProof } {
  const sentence = (voter: string, term: number, candidate: string): string => `${voter} for ${candidate} in ${term}`
  const single = new Single(
    { voters: ['n1', 'n2', 'n3', 'n4', 'n5'] },
    {
      signVote: (term, candidate) => bytes(sentence('n1', term, candidate)),
      verifyVote: (voter, term, candidate, signature) => text(signature) === sentence(voter, term, candidate),
      trustsVoters: () => false,
    },
  )
  const changes = ['n4', 'n5'].map((peer) => ({ type: 'learner', peer }) as const)
  const entries = [
    configuration(2, entryOf(single.node, 2, changes)),
    configuration(3, encodeConfigurationStep('leave')),
    entry(4, 4, 'new'),
  ]
  const votes = ['n2', 'n3'].map((voter) => ({ voter, signature: bytes(sentence(voter, 4, 'n2')) }))
  single.hear('n2', {
    type: 'vote',
    term: 4,
    lastIndex: 3,
    lastTerm: 2,
    transfer: true,
    proof: { term: 3, candidate: 'n2', votes: [] },
  })
  while (single.node.status().term < 4) single.hear('n2', { type: 'stale', term: 4 })
  return { single, entries, proof: { term: 4, candidate: 'n2', votes } }
}

test('rule 4: a leader elected by voters of a change that this node lacks is believed with the endorsed change', () => {
  const { single, entries, proof } = elected()
  expect(single.hear('n2', { type: 'heartbeat', term: 4, commit: 1, round: 0, proof })).toMatchObject([{ type: 'stale' }])
  expect(single.hear('n2', { ...append(4, [3, 2], [entry(4, 4, 'new')]), proof })).toMatchObject([
    { type: 'appendAnswer', rejected: true, unproven: true, hintIndex: 1 },
    { type: 'stale' },
  ])
  expect(single.node.status()).toMatchObject({ leader: undefined, lastIndex: 1 })
  expect(single.hear('n2', { ...append(4, [1, 1], entries), proof })).toMatchObject([
    { type: 'appendAnswer', index: 4, rejected: false },
  ])
  expect(single.node.status()).toMatchObject({ leader: 'n2', lastIndex: 4 })
})

test('rule 4: an unendorsed change makes nobody a leader', () => {
  const { single, entries, proof } = elected()
  const [, ...rest] = entries
  const forged = configuration(
    2,
    encodeConfigurationStep({
      changes: [
        { type: 'remove', peer: 'n5' },
        { type: 'remove', peer: 'n4' },
      ],
    }),
  )
  expect(single.hear('n2', { ...append(4, [1, 1], [forged, ...rest]), proof })).toMatchObject([{ type: 'stale' }])
  expect(single.node.status()).toMatchObject({ leader: undefined, lastIndex: 1 })
})

test('a leader shows a follower that cannot verify its election what it lacks, at each heartbeat', () => {
  const leader = new Single().lead()
  leader.hear('n3', { type: 'stale', term: 2 })
  const sent = leader.pass(100).filter(({ to }) => to === 'n3')
  expect(sent.map(({ message }) => message.type)).toEqual(['heartbeat', 'append'])
})
