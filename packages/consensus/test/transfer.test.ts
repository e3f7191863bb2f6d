import { expect, test } from 'vitest'
import { ConsensusBusyError, TransferRefusedError } from '../src/index.ts'
import { bytes, Cluster } from './support/cluster.ts'
import { proposeEndorsed } from './support/endorse.ts'
import { Single } from './support/single.ts'

test('rule 2: leadership goes to a voter whose log is complete, at once and although all still hear the leader', () => {
  const cluster = new Cluster()
  cluster.elect('n1').node.transferLeadership('n3')
  cluster.settle()
  expect(cluster.nowMs).toBe(0)
  expect(cluster.leader?.id).toBe('n3')
})

test('a voter that lags first gets what it lacks', () => {
  const single = new Single().lead()
  single.accept('n2', 2)
  single.node.propose(bytes('a'))
  single.work()
  single.node.transferLeadership('n2')
  expect(single.work().map(({ message }) => message.type)).toEqual(['append'])
  expect(single.accept('n2', 3).map(({ type }) => type)).toContain('timeoutNow')
})

test('while leadership is handed over nothing is proposed; when it does not go over within a timeout, the leader goes on', () => {
  const single = new Single().lead()
  single.accept('n2', 2)
  single.node.transferLeadership('n2')
  expect(() => single.node.propose(bytes('a'))).toThrow(ConsensusBusyError)
  single.hear('n2', { type: 'heartbeatAnswer', term: 2, round: 0 })
  single.pass(1_000)
  expect(single.node.status().transferringTo).toBeUndefined()
  single.node.propose(bytes('a'))
})

test.for<[string, string]>([
  ['itself', 'n1'],
  ['a stranger', 'x'],
  ['a learner', 'n4'],
  ['a voter without connection', 'n3'],
])('leadership is not handed to %s', ([, to]) => {
  const single = new Single().lead()
  single.accept('n2', 2)
  proposeEndorsed(single.node, { changes: [{ type: 'learner', peer: 'n4' }] })
  single.work()
  single.accept('n2', 3)
  single.node.connectionClosed('n3')
  expect(() => single.node.transferLeadership(to)).toThrow(TransferRefusedError)
})

test('a transfer ends when the connection to its target closes', () => {
  const single = new Single().lead()
  single.accept('n2', 2)
  single.node.transferLeadership('n2')
  single.node.connectionClosed('n2')
  expect(single.node.status().transferringTo).toBeUndefined()
})

test('nobody but the leader makes a node campaign by transfer', () => {
  const cluster = new Cluster()
  cluster.elect('n1')
  const { node } = cluster.host('n3')
  node.step('n2', { type: 'timeoutNow', term: 2 })
  expect(node.status()).toMatchObject({ role: 'follower', refusedMessages: 1 })
})

test('the best successor is connected, answers, and has the longest log', () => {
  const single = new Single().lead()
  expect(single.node.bestSuccessor()).toBeUndefined()
  single.accept('n3', 1)
  expect(single.node.bestSuccessor()).toBe('n3')
  single.accept('n2', 2)
  expect(single.node.bestSuccessor()).toBe('n2')
  single.node.connectionClosed('n2')
  expect(single.node.bestSuccessor()).toBe('n3')
  single.pass(999)
  single.hear('n2', { type: 'heartbeatAnswer', term: 2, round: 0 })
  single.pass(2_000)
  expect(single.node.bestSuccessor()).toBeUndefined()
})
