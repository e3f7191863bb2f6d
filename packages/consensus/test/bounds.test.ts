import { InvalidArgumentError } from '@vsmcp/kernel'
import { expect, test } from 'vitest'
import { bootstrap, ConsensusBusyError, NotLeaderError, raftNode, TooLargeError } from '../src/index.ts'
import * as constants from '../src/constants.ts'
import { checkedTimings } from '../src/raft/timings.ts'
import { bytes } from './support/cluster.ts'
import { append, entry, random, Single } from './support/single.ts'

test('a leader without quorum refuses proposals beyond 4,096 entries', () => {
  const single = new Single().lead()
  for (let i = 0; i < 4_095; i++) single.node.propose(bytes('x'))
  expect(() => single.node.propose(bytes('x'))).toThrow(ConsensusBusyError)
  single.work()
  single.accept('n2', 10)
  single.node.propose(bytes('x'))
})

test('a leader without quorum refuses proposals beyond 16 MiB', () => {
  const single = new Single().lead()
  const large = new Uint8Array(constants.ENTRY_BYTES_MAX)
  let count = 0
  expect(() => {
    for (; count < 100; count++) single.node.propose(large)
  }).toThrow(ConsensusBusyError)
  expect(count).toBe(63)
})

test('a log that is not compacted refuses proposals beyond 100,000 entries', () => {
  const stored = bootstrap({ voters: ['n1'] }, bytes(''))
  const entries = Array.from({ length: constants.LOG_ENTRIES_MAX }, (_, i) => entry(i + 2, 1))
  const single = new Single({
    stored: { ...stored, hardState: { term: 1, vote: null, commit: constants.LOG_ENTRIES_MAX + 1 }, entries },
  })
  single.node.campaign()
  single.work()
  expect(() => single.node.propose(bytes('x'))).toThrow(ConsensusBusyError)
  single.node.compact(50_000, single.node.createSnapshot(bytes('')))
  single.node.propose(bytes('x'))
})

test('an entry over 256 KiB is refused', () => {
  const single = new Single({ voters: ['n1'] })
  single.node.campaign()
  expect(() => single.node.propose(new Uint8Array(constants.ENTRY_BYTES_MAX + 1))).toThrow(TooLargeError)
  single.node.propose(new Uint8Array(constants.ENTRY_BYTES_MAX))
})

test('reads beyond 4,096 that wait are refused, and so is a context over 128 characters', () => {
  const single = new Single().lead()
  for (let i = 0; i < constants.READS_PENDING_MAX; i++) single.node.readIndex('r')
  expect(() => single.node.readIndex('r')).toThrow(ConsensusBusyError)
  expect(() => new Single().lead().node.readIndex('x'.repeat(129))).toThrow(TooLargeError)
})

test('one Ready hands out at most 1,024 entries to apply', () => {
  const single = new Single()
  for (let from = 2; from < 3_002; from += 500) {
    single.node.step(
      'n2',
      append(
        2,
        [from - 1, from === 2 ? 1 : 2],
        Array.from({ length: 500 }, (_, i) => entry(from + i, 2)),
        from + 499,
      ),
    )
  }
  const counts: number[] = []
  while (single.node.hasReady()) {
    const ready = single.node.ready()
    counts.push(ready.committedEntries.length)
    single.node.advance(ready)
  }
  expect(counts).toEqual([1_024, 1_024, 952])
})

test('only a leader takes proposals and reads; others name it when they know it', () => {
  const single = new Single()
  const refusal = (act: () => void): unknown => {
    try {
      act()
    } catch (error) {
      return error instanceof NotLeaderError ? (error.leader ?? 'unknown') : error
    }
    return 'accepted'
  }
  const all = [
    () => single.node.propose(bytes('')),
    () => single.node.proposeConfiguration({ changes: [] }),
    () => single.node.readIndex('r'),
    () => single.node.transferLeadership('n2'),
  ]
  expect(all.map(refusal)).toEqual(['unknown', 'unknown', 'unknown', 'unknown'])
  single.hear('n2', append(2, [1, 1], []))
  expect(all.map(refusal)).toEqual(['n2', 'n2', 'n2', 'n2'])
})

test('what was proposed is not changed by its caller afterwards', () => {
  const single = new Single({ voters: ['n1'] })
  single.node.campaign()
  const data = bytes('a')
  single.node.propose(data)
  data[0] = 0
  single.work()
  expect(single.applied.at(-1)?.data).toEqual(bytes('a'))
})

test('a second Ready before the first is advanced, and advancing what was not given out, are refused', () => {
  const { node } = new Single({ voters: ['n1'] })
  node.campaign()
  const ready = node.ready()
  expect(() => node.ready()).toThrow(InvalidArgumentError)
  expect(() => node.advance({ ...ready })).toThrow(InvalidArgumentError)
  node.advance(ready)
  expect(() => node.advance(ready)).toThrow(InvalidArgumentError)
})

test('a missing component or half a signature is named at construction', () => {
  const init = { id: 'n1' }
  expect(() => raftNode(init)({} as never)).toThrow(/random/)
  expect(() => raftNode(init)({ random: random(), signVote: () => bytes('') })).toThrow(/verifyVote/)
  expect(() => raftNode({ id: '' })({ random: random() })).toThrow(InvalidArgumentError)
})

test('the timings hold to their relations, and others are refused', () => {
  expect(checkedTimings({})).toEqual({
    heartbeatMs: 100,
    learnerHeartbeatMs: 1_000,
    electionTimeoutMinMs: 1_000,
    electionTimeoutMaxMs: 2_000,
  })
  expect(() => checkedTimings({ heartbeatMs: 500 })).toThrow(InvalidArgumentError)
  expect(() => checkedTimings({ heartbeatMs: 0 })).toThrow(InvalidArgumentError)
  expect(() => checkedTimings({ electionTimeoutMaxMs: 1_100 })).toThrow(InvalidArgumentError)
  expect(() => checkedTimings({ electionTimeoutMaxMs: Number.NaN })).toThrow(InvalidArgumentError)
  expect(() => raftNode({ id: 'n1', heartbeatMs: 900 })({ random: random() })).toThrow(InvalidArgumentError)
})

test('the constants hold to their relations', () => {
  const c = constants
  expect(c.CLOSED_JITTER_MAX_MS).toBeLessThan(c.CLOSED_RETRY_MS)
  expect(c.CLOSED_RETRY_MS).toBeLessThan(c.ELECTION_TIMEOUT_MIN_MS)
  expect(c.SPLIT_RETRY_MAX_MS).toBeLessThan(c.ELECTION_TIMEOUT_MIN_MS)
  expect(c.LEARNER_HEARTBEAT_MS).toBeGreaterThanOrEqual(c.HEARTBEAT_MS)
  expect(c.ENTRY_BYTES_MAX * 4).toBeLessThanOrEqual(c.APPEND_BYTES_MAX)
  expect(c.OPERATION_BYTES_MAX).toBeLessThanOrEqual(c.ENTRY_BYTES_MAX)
  expect((c.LINK_BYTES_MAX * 4) / 3).toBeLessThan(c.OPERATION_BYTES_MAX)
  expect(c.APPEND_BYTES_MAX).toBeLessThan(c.INFLIGHT_BYTES_MAX)
  expect(c.COMPACT_KEEP_ENTRIES).toBeLessThan(c.COMPACT_AFTER_ENTRIES)
  expect(c.COMPACT_AFTER_ENTRIES + c.UNCOMMITTED_ENTRIES_MAX).toBeLessThan(c.LOG_ENTRIES_MAX)
  expect(c.STATE_BYTES_MAX + c.CHARTER_BYTES_MAX + (c.LEARNERS_MAX + 3 * c.VOTERS_MAX) * 56).toBeLessThan(c.SNAPSHOT_BYTES_MAX)
  expect(c.VOTERS_TARGET % 2).toBe(1)
  expect(c.VOTERS_MAX % 2).toBe(1)
  expect(c.VOTERS_TARGET).toBeLessThanOrEqual(c.VOTERS_MAX)
  expect(c.CONFIGURATION_CHANGES_MAX).toBeGreaterThanOrEqual(4 * c.VOTERS_MAX)
  expect(c.LEARNERS_MAX).toBeGreaterThanOrEqual(c.MEMBERS_MAX)
})
