import { expect, test } from 'vitest'
import { bytes } from './support/cluster.ts'
import { proposeEndorsed } from './support/endorse.ts'
import { Transcript } from './support/transcript.ts'

function sign(voter: string): { signVote: (term: number, candidate: string) => Uint8Array; verifyVote: () => boolean } {
  return { signVote: (term, candidate) => bytes(`${voter}:${term}:${candidate}`), verifyVote: () => true }
}

test('transcript: three voters elect a leader, commit one entry, and confirm a read', () => {
  const transcript = new Transcript('Three voters elect a leader, commit one entry, and confirm a read', { components: sign })
  const { cluster } = transcript
  transcript.say('Nobody leads; the first timeout passes')
  cluster.runUntil(() => cluster.leader !== undefined)
  const leader = cluster.elect()
  transcript.say(`${leader.id} proposes "a" and "b" in one turn`)
  leader.node.propose(bytes('a'))
  leader.node.propose(bytes('b'))
  cluster.settle()
  transcript.say(`${leader.id} is asked for a current read`)
  leader.node.readIndex('r1')
  cluster.settle()
  transcript.check('election-of-three')
})

test('transcript: the leader is killed; its closed connections start the next election at once', () => {
  const transcript = new Transcript('The leader is killed; its closed connections start the next election at once')
  const { cluster } = transcript
  transcript.quietly(() => cluster.elect('n1'))
  transcript.say('n1, which leads term 2, dies; n2 and n3 see their connections to it close')
  cluster.kill('n1')
  cluster.runUntil(() => cluster.leader !== undefined)
  transcript.say('n1 comes back')
  cluster.revive('n1')
  cluster.run(20)
  expect(cluster.host('n1').role).toBe('follower')
  transcript.check('leader-killed')
})

test('transcript: one voter becomes three in one joint change, once both newcomers are in sync', () => {
  const transcript = new Transcript('One voter becomes three in one joint change', {
    voters: ['n1'],
    blank: ['n2', 'n3'],
    components: sign,
  })
  const { cluster } = transcript
  transcript.say('n1 is alone: its own quorum')
  cluster.elect('n1')
  const { node } = cluster.host('n1')
  transcript.say('n2 and n3 become learners')
  proposeEndorsed(node, {
    changes: [
      { type: 'learner', peer: 'n2' },
      { type: 'learner', peer: 'n3' },
    ],
  })
  cluster.settle()
  cluster.run(10)
  expect([...node.status().progress.values()].map(({ inSync }) => inSync)).toEqual([true, true])
  transcript.say('Both are in sync: they become voters')
  proposeEndorsed(node, {
    changes: [
      { type: 'voter', peer: 'n2' },
      { type: 'voter', peer: 'n3' },
    ],
  })
  cluster.settle()
  expect(cluster.host('n3').node.status().configuration).toEqual({
    voters: ['n1', 'n2', 'n3'],
    outgoing: [],
    learners: [],
    learnersNext: [],
    autoLeave: false,
    version: 1,
  })
  transcript.check('one-to-three')
})

test('transcript: a follower that was away longer than the log reaches gets a snapshot', () => {
  const transcript = new Transcript('A follower that was away longer than the log reaches gets a snapshot')
  const { cluster } = transcript
  const { node } = transcript.quietly(() => cluster.elect('n1'))
  transcript.say('n3 is cut off; three entries are committed without it, and the log is compacted')
  cluster.disconnect('n1', 'n3')
  cluster.disconnect('n2', 'n3')
  for (const line of ['a', 'b', 'c']) node.propose(bytes(line))
  cluster.settle()
  cluster.host('n1').compact()
  transcript.say('n3 is back')
  cluster.connect('n1', 'n3')
  cluster.connect('n2', 'n3')
  cluster.settle()
  transcript.say('"d" is proposed')
  node.propose(bytes('d'))
  cluster.settle()
  expect(cluster.lines('n3')).toEqual(['a', 'b', 'c', 'd'])
  transcript.check('lagging-follower')
})

test('transcript: a leader cut off with a minority steps down; its entries give way', () => {
  const transcript = new Transcript('A leader cut off with a minority steps down; its entries give way')
  const { cluster } = transcript
  transcript.quietly(() => cluster.elect('n1'))
  transcript.hidesHeartbeats = true
  transcript.say('n1, which leads term 2, is cut off silently; "lost" is proposed to it')
  cluster.disconnect('n1', 'n2', false)
  cluster.disconnect('n1', 'n3', false)
  cluster.host('n1').node.propose(bytes('lost'))
  cluster.settle()
  transcript.say('The others wait for their timeouts')
  cluster.runUntil(() => cluster.leader !== undefined && cluster.leader.id !== 'n1')
  cluster.leader?.node.propose(bytes('kept'))
  cluster.settle()
  cluster.runUntil(() => cluster.host('n1').role !== 'leader')
  transcript.hidesHeartbeats = false
  transcript.say('The network heals')
  cluster.connect('n1', 'n2', false)
  cluster.connect('n1', 'n3', false)
  cluster.runUntil(() => cluster.lines('n1').length > 0)
  expect(cluster.lines('n1')).toEqual(['kept'])
  transcript.check('minority-partition')
})

test('transcript: leadership is transferred to a voter that first has to catch up', () => {
  const transcript = new Transcript('Leadership is transferred to a voter that first has to catch up')
  const { cluster } = transcript
  const { node } = transcript.quietly(() => cluster.elect('n1'))
  transcript.say('An append to n2 is lost')
  cluster.filter = ({ to, message }) => !(to === 'n2' && message.type === 'append')
  node.propose(bytes('a'))
  cluster.settle()
  cluster.filter = () => true
  transcript.say('n1 hands over to n2')
  node.transferLeadership('n2')
  cluster.settle()
  cluster.run(100)
  expect(cluster.leader?.id).toBe('n2')
  transcript.check('transfer')
})
