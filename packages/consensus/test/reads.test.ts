import { expect, test } from 'vitest'
import { bytes, Cluster } from './support/cluster.ts'
import { proposeEndorsed } from './support/endorse.ts'
import { Single } from './support/single.ts'

test('rule 3: a read is answered only after a quorum has answered a heartbeat sent after it', () => {
  const single = new Single().lead()
  single.accept('n2', 2)
  single.hear('n2', { type: 'heartbeatAnswer', term: 2, round: 0 })
  single.node.readIndex('r')
  single.work()
  expect(single.last?.readStates).toEqual([])
  single.hear('n2', { type: 'heartbeatAnswer', term: 2, round: 0 })
  expect(single.last?.readStates).toEqual([])
  single.hear('n2', { type: 'heartbeatAnswer', term: 2, round: 1 })
  expect(single.last?.readStates).toEqual([{ context: 'r', index: 2 }])
})

test('rule 3: a leader that has committed nothing in its term does not know what is current, and waits', () => {
  const single = new Single().lead()
  single.node.readIndex('r')
  expect(single.work().filter(({ message }) => message.type === 'heartbeat')).toEqual([])
  single.accept('n2', 2)
  single.hear('n2', { type: 'heartbeatAnswer', term: 2, round: 1 })
  expect(single.last?.readStates).toEqual([{ context: 'r', index: 2 }])
})

test('rule 3: no lease: a leader that is cut off answers no read, however lately it led', () => {
  const cluster = new Cluster()
  const leader = cluster.elect('n1')
  cluster.disconnect('n1', 'n2', false)
  cluster.disconnect('n1', 'n3', false)
  leader.node.readIndex('r')
  cluster.run(3_000)
  expect(leader.reads).toEqual([])
  expect(leader.abandoned).toEqual(['r'])
})

test('reads of one turn share a round of heartbeats', () => {
  const single = new Single().lead()
  single.accept('n2', 2)
  for (let i = 0; i < 100; i++) single.node.readIndex(`r${i}`)
  expect(single.work().map(({ to, message }) => `${to} ${message.type}`)).toEqual(['n2 heartbeat', 'n3 heartbeat'])
  single.hear('n3', { type: 'heartbeatAnswer', term: 2, round: 1 })
  expect(single.last?.readStates.length).toBe(100)
})

test('a lost round is confirmed by the next heartbeat', () => {
  const cluster = new Cluster()
  const leader = cluster.elect('n1')
  cluster.filter = ({ message }) => message.type !== 'heartbeat'
  leader.node.readIndex('r')
  cluster.settle()
  cluster.filter = () => true
  cluster.run(110)
  expect(leader.reads).toEqual([{ context: 'r', index: 2 }])
})

test('one voter answers a read in one Ready', () => {
  const single = new Single({ voters: ['n1'] })
  single.node.campaign()
  single.node.readIndex('r')
  expect(single.node.ready().readStates).toEqual([{ context: 'r', index: 2 }])
})

test('in a joint configuration a read needs both halves', () => {
  const single = new Single().lead()
  single.accept('n2', 2)
  proposeEndorsed(single.node, { changes: ['n4', 'n5'].map((peer) => ({ type: 'voter', peer })) })
  single.work()
  single.accept('n2', 3)
  single.node.readIndex('r')
  single.work()
  single.hear('n2', { type: 'heartbeatAnswer', term: 2, round: 1 })
  expect(single.last?.readStates).toEqual([])
  single.hear('n4', { type: 'heartbeatAnswer', term: 2, round: 1 })
  expect(single.last?.readStates).toEqual([{ context: 'r', index: 3 }])
})

test('an answer to a round that was never begun confirms nothing', () => {
  const single = new Single().lead()
  single.accept('n2', 2)
  single.hear('n2', { type: 'heartbeatAnswer', term: 2, round: 99 })
  single.node.readIndex('r')
  single.work()
  expect(single.last?.readStates).toEqual([])
  single.node.propose(bytes('a'))
})
