import { expect, test } from 'vitest'
import { ConfigurationRefusedError, type ConfigurationChange, type MemberChange } from '../src/index.ts'
import { bytes, Cluster } from './support/cluster.ts'
import { proposeEndorsed } from './support/endorse.ts'
import { Single } from './support/single.ts'

const change = (...changes: [MemberChange['type'], string][]): ConfigurationChange => ({
  changes: changes.map(([type, peer]) => ({ type, peer })),
})

test('rule 7: one voter becomes three in one step, by joint consensus', () => {
  const cluster = new Cluster({ voters: ['n1'], blank: ['n2', 'n3'] })
  const { node } = cluster.elect('n1')
  const seen: string[] = []
  proposeEndorsed(node, change(['learner', 'n2'], ['learner', 'n3']))
  cluster.run(3_000)
  cluster.onTurn = (host) => {
    const { voters, outgoing } = host.node.status().configuration
    const text = `${voters.join('')}/${outgoing.join('')}`
    if (host.id === 'n1' && seen.at(-1) !== text) seen.push(text)
  }
  proposeEndorsed(node, change(['voter', 'n2'], ['voter', 'n3']))
  cluster.settle()
  expect(seen).toEqual(['n1n2n3/n1', 'n1n2n3/'])
  cluster.kill('n1')
  expect(cluster.elect().id).not.toBe('n1')
})

test('in a joint configuration both halves must agree: a majority of the new voters alone commits nothing', () => {
  const single = new Single().lead()
  single.accept('n2', 2)
  proposeEndorsed(single.node, change(['remove', 'n2'], ['remove', 'n3'], ['voter', 'n4'], ['voter', 'n5']))
  single.work()
  single.accept('n2', 3)
  expect(single.node.status().configuration).toMatchObject({ voters: ['n1', 'n4', 'n5'], outgoing: ['n1', 'n2', 'n3'] })
  single.node.propose(bytes('a'))
  single.work()
  single.accept('n4', 5)
  single.accept('n5', 5)
  expect(single.node.status().commit).toBe(3)
  single.accept('n3', 5)
  expect(single.node.status().commit).toBe(5)
  expect(single.node.status().configuration).toMatchObject({ voters: ['n1', 'n4', 'n5'], outgoing: [] })
})

test('a new leader ends a joint configuration that the one before left behind', () => {
  const cluster = new Cluster({ voters: ['n1', 'n2', 'n3'], blank: ['n4', 'n5'] })
  const { node } = cluster.elect('n1')
  cluster.filter = ({ message }) =>
    !(
      message.type === 'append' &&
      message.entries.some(({ data }) => data.length > 0 && new TextDecoder().decode(data).includes('leave'))
    )
  proposeEndorsed(node, change(['voter', 'n4'], ['voter', 'n5']))
  cluster.run(200)
  expect(cluster.host('n2').node.status().configuration.outgoing).not.toEqual([])
  cluster.kill('n1')
  cluster.filter = () => true
  const next = cluster.elect()
  cluster.run(3_000)
  expect(next.node.status().configuration).toMatchObject({ voters: ['n1', 'n2', 'n3', 'n4', 'n5'], outgoing: [] })
})

test('changes of voters come one at a time', () => {
  const single = new Single().lead()
  single.accept('n2', 2)
  proposeEndorsed(single.node, change(['learner', 'n4']))
  expect(() => proposeEndorsed(single.node, change(['learner', 'n5']))).toThrow(ConfigurationRefusedError)
  single.work()
  single.accept('n2', 3)
  proposeEndorsed(single.node, change(['learner', 'n5']))
})

test('a new leader changes no voters before an entry of its own term is committed', () => {
  const single = new Single().lead()
  expect(() => proposeEndorsed(single.node, change(['learner', 'n4']))).toThrow(ConfigurationRefusedError)
  single.accept('n2', 2)
  expect(proposeEndorsed(single.node, change(['learner', 'n4']))).toEqual({ index: 3, term: 2 })
})

test.for<[string, ConfigurationChange]>([
  ['no voter left', change(['remove', 'n1'], ['remove', 'n2'], ['remove', 'n3'])],
  ['more than seven voters', change(...['a', 'b', 'c', 'd', 'e'].map((peer): ['voter', string] => ['voter', peer]))],
  ['nothing to change', change(['voter', 'n2'])],
  ['no change at all', change()],
  ['a peer twice', change(['learner', 'x'], ['remove', 'x'])],
])('a change that cannot be made is refused and not proposed: %s', ([, refused]) => {
  const single = new Single().lead()
  single.accept('n2', 2)
  expect(() => proposeEndorsed(single.node, refused)).toThrow(ConfigurationRefusedError)
  expect(single.node.status().lastIndex).toBe(2)
})

test('learners get the log and count for nothing', () => {
  const single = new Single().lead()
  single.accept('n2', 2)
  proposeEndorsed(single.node, change(['learner', 'n4']))
  single.work()
  single.accept('n2', 3)
  expect(single.node.status().progress.has('n4')).toBe(true)
  single.node.propose(bytes('a'))
  single.work()
  single.accept('n4', 4)
  expect(single.node.status().commit).toBe(3)
})

test('a voter becomes a learner only when its old half has let go', () => {
  const single = new Single().lead()
  single.accept('n2', 2)
  proposeEndorsed(single.node, change(['learner', 'n2'], ['voter', 'n4']))
  single.work()
  single.accept('n3', 3)
  expect(single.node.status().configuration).toMatchObject({
    voters: ['n1', 'n3', 'n4'],
    outgoing: ['n1', 'n2', 'n3'],
    learners: [],
    learnersNext: ['n2'],
  })
  single.accept('n3', 4)
  single.accept('n4', 4)
  expect(single.node.status().configuration).toMatchObject({
    voters: ['n1', 'n3', 'n4'],
    outgoing: [],
    learners: ['n2'],
    learnersNext: [],
  })
})

test('a leader that is voted out names its successor and steps back; nobody waits for a timeout', () => {
  const cluster = new Cluster({ seed: 2 })
  const { node } = cluster.elect('n1')
  proposeEndorsed(node, change(['remove', 'n1']))
  cluster.settle()
  expect(node.status()).toMatchObject({ role: 'follower' })
  expect(cluster.nowMs).toBe(0)
  expect(cluster.leader?.id).toMatch(/n[23]/)
  cluster.run(5_000)
  expect(node.status().role).toBe('follower')
  expect(cluster.leader?.node.status().configuration.voters).toEqual(['n2', 'n3'])
})

test('removing a voter may commit what the smaller quorum already holds', () => {
  const single = new Single({ voters: ['n1', 'n2', 'n3', 'n4'] })
  single.node.campaign()
  single.work()
  for (const peer of ['n2', 'n3'])
    single.hear(peer, { type: 'preVoteAnswer', term: 1, campaign: 2, granted: true, commit: 0, commitTerm: 0 })
  for (const peer of ['n2', 'n3']) single.hear(peer, { type: 'voteAnswer', term: 2, granted: true, commit: 0, commitTerm: 0 })
  for (const peer of ['n2', 'n3']) single.accept(peer, 2)
  proposeEndorsed(single.node, change(['remove', 'n4']))
  single.node.propose(bytes('a'))
  single.work()
  single.accept('n2', 4)
  expect(single.node.status().commit).toBe(2)
  single.accept('n3', 3)
  expect(single.node.status().commit).toBe(4)
})

test('who was removed and does not know it disturbs nobody', () => {
  const cluster = new Cluster()
  const { node } = cluster.elect('n1')
  cluster.disconnect('n1', 'n3', false)
  proposeEndorsed(node, change(['remove', 'n3']))
  cluster.run(10_000)
  expect(node.status()).toMatchObject({ role: 'leader', term: 2 })
})
