import { InvalidArgumentError } from '@vsmcp/kernel'
import { expect, test } from 'vitest'
import { bootstrap, StateCorruptError, type Snapshot, type StoredRaft, TooLargeError } from '../src/index.ts'
import { COMPACT_AFTER_BYTES, COMPACT_KEEP_BYTES, ENTRY_OVERHEAD_BYTES } from '../src/constants.ts'
import { bytes, Cluster } from './support/cluster.ts'
import { proposeEndorsed } from './support/endorse.ts'
import { append, entry, Single } from './support/single.ts'

const configuration = { voters: ['n1', 'n2', 'n3'], outgoing: [], learners: [], learnersNext: [], autoLeave: false }
const snapshotAt = (index: number, term: number): Snapshot => ({ index, term, configuration, data: bytes('[]') })

test('a snapshot is written, with its acknowledgement, before anything behind it is applied', () => {
  const { node } = new Single()
  node.step('n2', { type: 'snapshot', term: 2, snapshot: snapshotAt(9, 2) })
  node.step('n2', append(2, [9, 2], [entry(10, 2, 'a')], 10))
  const ready = node.ready()
  expect(ready).toMatchObject({ mustSync: true, snapshot: { index: 9 }, entries: [{ index: 10 }], committedEntries: [] })
  expect(ready.messages.map(({ message }) => message)).toMatchObject([{ type: 'appendAnswer', index: 9 }, { index: 10 }])
  node.advance(ready)
  expect(node.ready().committedEntries).toMatchObject([{ index: 10 }])
})

test('a snapshot older than what is committed changes nothing', () => {
  const single = new Single()
  single.hear('n2', append(2, [1, 1], [entry(2, 2, 'a'), entry(3, 2, 'b')], 3))
  expect(single.hear('n2', { type: 'snapshot', term: 2, snapshot: snapshotAt(2, 2) })).toMatchObject([
    { type: 'appendAnswer', index: 3 },
  ])
  expect(single.node.status().firstIndex).toBe(2)
})

test('a snapshot of what the log already holds only commits it', () => {
  const single = new Single()
  single.hear('n2', append(2, [1, 1], [entry(2, 2, 'a'), entry(3, 2, 'b')]))
  single.hear('n2', { type: 'snapshot', term: 2, snapshot: snapshotAt(2, 2) })
  expect(single.node.status()).toMatchObject({ commit: 2, firstIndex: 2, lastIndex: 3 })
  expect(single.last?.snapshot).toBeUndefined()
})

test('a node that waits to install a snapshot does not stand for election', () => {
  const { node } = new Single()
  node.step('n2', { type: 'snapshot', term: 2, snapshot: snapshotAt(9, 2) })
  node.connectionClosed('n2')
  node.tick(30)
  expect(node.status().role).toBe('follower')
})

test('a change of voters handed out before a snapshot was installed does not undo the snapshot’s configuration', () => {
  const { node } = new Single()
  const change = {
    index: 2,
    term: 2,
    type: 'configuration',
    data: bytes('{"changes":[{"peer":"n9","type":"learner"}]}'),
  } as const
  node.step('n2', append(2, [1, 1], [change], 2))
  const ready = node.ready()
  node.step('n2', { type: 'snapshot', term: 2, snapshot: snapshotAt(9, 2) })
  node.advance(ready)
  expect(node.status().configuration).toEqual(configuration)
})

test('a lost snapshot is sent again, after a while or when the connection is back', () => {
  const cluster = new Cluster({ voters: ['n1'], blank: ['n2'] })
  const { node } = cluster.elect('n1')
  let lost = 0
  cluster.filter = ({ message }) => !(message.type === 'snapshot' && lost++ === 0)
  proposeEndorsed(node, { changes: [{ type: 'learner', peer: 'n2' }] })
  cluster.run(5_000)
  expect(lost).toBe(1)
  expect(cluster.host('n2').machine.applied).toBe(0)
  cluster.run(5_000)
  expect(lost).toBe(2)
  expect(cluster.host('n2').machine.applied).toBe(3)
})

test('a snapshot whose answer got lost is not sent twice: the leader goes on behind it', () => {
  const cluster = new Cluster({ voters: ['n1'], blank: ['n2'] })
  const { node } = cluster.elect('n1')
  let snapshots = 0
  cluster.filter = ({ message }) => {
    if (message.type === 'snapshot') snapshots++
    return !(message.type === 'appendAnswer' && message.index === 1 && !message.rejected)
  }
  proposeEndorsed(node, { changes: [{ type: 'learner', peer: 'n2' }] })
  cluster.run(15_000)
  expect(snapshots).toBe(1)
  expect(cluster.host('n2').machine.applied).toBe(3)
})

test('what every newcomer needs first is the beginning: entry 1 comes as a snapshot', () => {
  const cluster = new Cluster({ voters: ['n1'], blank: ['n2'] })
  const { node } = cluster.elect('n1')
  node.propose(bytes('a'))
  proposeEndorsed(node, { changes: [{ type: 'learner', peer: 'n2' }] })
  cluster.run(3_000)
  expect(cluster.host('n2').disk.snapshot?.index).toBe(1)
  expect(cluster.lines('n2')).toEqual(['a'])
})

test('compaction is due after 4,096 applied entries and keeps 1,024 for followers that lag a little', () => {
  const single = new Single({ voters: ['n1'] })
  single.node.campaign()
  single.work()
  for (let i = 0; i < 4_094; i++) single.node.propose(bytes('x'))
  single.work()
  expect(single.node.compactionDue()).toBeUndefined()
  single.node.propose(bytes('x'))
  single.work()
  const index = single.node.compactionDue()
  expect(index).toBe(4_097 - 1_024)
  single.node.compact(index ?? 0, single.node.createSnapshot(bytes('state')))
  expect(single.node.status()).toMatchObject({ firstIndex: 4_097 - 1_023, lastIndex: 4_097 })
  expect(single.node.compactionDue()).toBeUndefined()
})

test('compaction is due by bytes, too, so that large entries do not fill the memory, and not again before it is worth it', () => {
  const single = new Single({ voters: ['n1'] })
  single.node.campaign()
  single.work()
  const large = new Uint8Array(64 * 1_024)
  const fill = (count: number): void => {
    for (let i = 0; i < count; i++) {
      single.node.propose(large)
      single.work()
    }
  }
  const perEntry = large.length + ENTRY_OVERHEAD_BYTES
  const enough = Math.ceil(COMPACT_AFTER_BYTES / perEntry)
  fill(enough - 1)
  expect(single.node.compactionDue()).toBeUndefined()
  fill(1)
  const index = single.node.compactionDue() ?? 0
  single.node.compact(index, single.node.createSnapshot(bytes('state')))
  const { logBytes, lastIndex } = single.node.status()
  expect(logBytes).toBeLessThanOrEqual(COMPACT_KEEP_BYTES)
  expect(lastIndex - index).toBe(Math.floor(COMPACT_KEEP_BYTES / perEntry))
  expect(single.node.compactionDue()).toBeUndefined()
})

test('a snapshot is made of what is advanced, and never in the middle of a Ready', () => {
  const single = new Single({ voters: ['n1'] })
  single.node.campaign()
  const ready = single.node.ready()
  expect(() => single.node.createSnapshot(bytes(''))).toThrow(InvalidArgumentError)
  single.node.advance(ready)
  expect(single.node.createSnapshot(bytes('s'))).toEqual({
    index: 2,
    term: 2,
    configuration: { ...configuration, voters: ['n1'] },
    data: bytes('s'),
  })
  expect(() => single.node.createSnapshot(new Uint8Array(8 * 1024 * 1024 + 1))).toThrow(TooLargeError)
  expect(() => single.node.compact(3, snapshotAt(3, 2))).toThrow(InvalidArgumentError)
})

test('a node restarted after compaction goes on where it was, with the entries kept behind the snapshot', () => {
  const cluster = new Cluster()
  const leader = cluster.elect('n1')
  for (let i = 0; i < 10; i++) leader.node.propose(bytes(`${i}`))
  cluster.settle()
  leader.compact(3)
  cluster.kill('n1')
  cluster.elect()
  cluster.revive('n1')
  cluster.run(500)
  expect(cluster.lines('n1').length).toBe(10)
  const kept = cluster.host('n1').disk.entries[0]?.index ?? 0
  expect(kept).toBeLessThan(cluster.host('n1').disk.snapshot?.index ?? 0)
  expect(cluster.host('n1').node.status().firstIndex).toBe(kept + 1)
})

const good: StoredRaft = {
  ...bootstrap({ voters: ['n1'] }, bytes('[]')),
  hardState: { term: 2, vote: null, commit: 3 },
  entries: [entry(2, 2), entry(3, 2)],
}

test.for<[string, StoredRaft]>([
  ['a gap behind the snapshot', { ...good, entries: [entry(3, 2)] }],
  ['a gap in the log', { ...good, entries: [entry(2, 2), entry(4, 2)] }],
  ['terms that go back', { ...good, entries: [entry(2, 2), entry(3, 1)] }],
  ['a log of a later term than the hard state', { ...good, entries: [entry(2, 2), entry(3, 3)] }],
  ['a commit index behind the log', { ...good, hardState: { term: 2, vote: null, commit: 9 } }],
  ['a snapshot that the log contradicts', { ...good, snapshot: snapshotAt(3, 1) }],
  ['a log that ends before the snapshot', { ...good, snapshot: snapshotAt(9, 2) }],
])('a stored state that contradicts itself is refused at the start: %s', ([, stored]) => {
  expect(() => new Single({ stored })).toThrow(StateCorruptError)
})
