import { type Random, randomInteger, seededRandom } from '@vsmcp/kernel'
import { expect, test } from 'vitest'
import { InvalidMessageError, type Message, validateMessage } from '../src/index.ts'
import { bytes, Cluster } from './support/cluster.ts'
import { append, entry, Single } from './support/single.ts'

const signature = bytes('s')
const proof = { term: 2, candidate: 'n1', votes: [{ voter: 'n1', signature }] }
const configuration = { voters: ['n1'], outgoing: ['n2'], learners: ['n3'], learnersNext: ['n2'], autoLeave: true }
const GOOD: readonly Message[] = [
  { type: 'preVote', term: 2, lastIndex: 1, lastTerm: 1 },
  { type: 'preVoteAnswer', term: 2, campaign: 3, granted: true, commit: 1, commitTerm: 1 },
  { type: 'vote', term: 2, lastIndex: 1, lastTerm: 1, transfer: false, proof },
  { type: 'voteAnswer', term: 2, granted: true, commit: 1, commitTerm: 1, signature },
  { type: 'voteAnswer', term: 2, granted: false, commit: 1, commitTerm: 1 },
  { ...append(2, [1, 1], [entry(2, 2), entry(3, 2, 'a')], 1), proof },
  append(2, [1, 1], [{ index: 2, term: 1, type: 'configuration', data: bytes('{"leave":true}') }]),
  { type: 'appendAnswer', term: 2, index: 1, rejected: true, hintIndex: 1, hintTerm: 1 },
  { type: 'heartbeat', term: 2, commit: 1, round: 3 },
  { type: 'heartbeatAnswer', term: 2, round: 3 },
  { type: 'snapshot', term: 2, snapshot: { index: 5, term: 2, configuration, data: bytes('x') } },
  { type: 'timeoutNow', term: 2 },
  { type: 'stale', term: 2, proof },
]

test('every message a node sends is valid and comes through unchanged', () => {
  for (const message of GOOD) expect(validateMessage(message)).toEqual(message)
})

test('unknown fields are left out, and bytes are copied', () => {
  const data = bytes('a')
  const message = { ...append(2, [1, 1], [{ index: 2, term: 2, type: 'normal', data }]), later: 1 }
  const checked = validateMessage(message)
  data[0] = 0
  expect(checked).toEqual(append(2, [1, 1], [entry(2, 2, 'a')]))
  const pooled = Buffer.from('xax').subarray(1, 2)
  const fromPool = validateMessage(append(2, [1, 1], [{ index: 2, term: 2, type: 'normal', data: pooled }]))
  expect(fromPool.type === 'append' && fromPool.entries[0]?.data.buffer.byteLength).toBe(1)
})

const many = (count: number): string[] => Array.from({ length: count }, (_, i) => `p${i}`)
const snapshotWith = (changes: object): unknown => ({
  type: 'snapshot',
  term: 2,
  snapshot: { index: 5, term: 2, configuration, data: bytes(''), ...changes },
})

test.for<[string, unknown]>([
  ['nothing', undefined],
  ['null', null],
  ['a list', [GOOD[0]]],
  ['no type', { term: 1 }],
  ['a type from the prototype', { type: 'constructor', term: 1 }],
  ['a negative term', { type: 'stale', term: -1 }],
  ['half a term', { type: 'stale', term: 1.5 }],
  ['no number', { type: 'stale', term: Number.NaN }],
  ['a term as text', { type: 'stale', term: '1' }],
  ['a term as bigint', { type: 'stale', term: 1n }],
  ['a term beyond counting', { type: 'stale', term: 2 ** 52 }],
  ['entries of later terms than their leader', append(2, [1, 1], [entry(2, 3)])],
  ['entries with a gap', append(2, [1, 1], [entry(3, 2)])],
  ['entries whose terms go back', append(3, [1, 2], [entry(2, 1)])],
  ['a log of a later term than its leader', append(2, [1, 3], [])],
  ['entries that are none', { ...append(2, [1, 1], []), entries: [1] }],
  ['an entry of unknown type', { ...append(2, [1, 1], []), entries: [{ ...entry(2, 2), type: 'x' }] }],
  ['a no-op with data', { ...append(2, [1, 1], []), entries: [{ ...entry(2, 2, 'a'), type: 'noop' }] }],
  [
    'a configuration entry that says nothing',
    { ...append(2, [1, 1], []), entries: [{ ...entry(2, 2, 'a'), type: 'configuration' }] },
  ],
  ['data that is text', { ...append(2, [1, 1], []), entries: [{ ...entry(2, 2), type: 'normal', data: 'a' }] }],
  ['an entry too large', append(2, [1, 1], [{ index: 2, term: 2, type: 'normal', data: new Uint8Array(256 * 1024 + 1) }])],
  [
    'too many entries',
    append(
      2,
      [1, 1],
      Array.from({ length: 513 }, (_, i) => entry(i + 2, 2)),
    ),
  ],
  [
    'too many bytes',
    append(
      2,
      [1, 1],
      Array.from({ length: 6 }, (_, i) => ({ ...entry(i + 2, 2), type: 'normal' as const, data: new Uint8Array(256 * 1024) })),
    ),
  ],
  ['a list with holes', { ...append(2, [1, 1], []), entries: [, entry(2, 2)] }], // oxlint-disable-line no-sparse-arrays
  ['too many votes', { type: 'stale', term: 2, proof: { ...proof, votes: many(15).map((voter) => ({ voter, signature })) } }],
  [
    'a signature too long',
    { type: 'stale', term: 2, proof: { ...proof, votes: [{ voter: 'n1', signature: new Uint8Array(513) }] } },
  ],
  ['a candidate without name', { type: 'stale', term: 2, proof: { ...proof, candidate: '' } }],
  ['a snapshot of a later term than its leader', snapshotWith({ term: 3 })],
  ['a snapshot of nothing', snapshotWith({ index: 0 })],
  ['a snapshot too large', snapshotWith({ data: new Uint8Array(8 * 1024 * 1024 + 1) })],
  ['a configuration without voters', snapshotWith({ configuration: { ...configuration, voters: [] } })],
  ['too many voters', snapshotWith({ configuration: { ...configuration, voters: many(8) } })],
  ['too many learners', snapshotWith({ configuration: { ...configuration, learners: many(10_001) } })],
  ['a voter twice', snapshotWith({ configuration: { ...configuration, voters: ['n1', 'n1'] } })],
  ['a voter that learns', snapshotWith({ configuration: { ...configuration, learners: ['n1'] } })],
  ['a next learner that never voted', snapshotWith({ configuration: { ...configuration, learnersNext: ['n9'] } })],
  ['an endless name', snapshotWith({ configuration: { ...configuration, voters: ['x'.repeat(129)] } })],
])('is refused: %s', ([, value]) => {
  expect(() => validateMessage(value)).toThrow(InvalidMessageError)
})

test('objects that throw when they are read are refused by the same error', () => {
  const trap = new Proxy(
    {},
    {
      get() {
        throw new RangeError('boo')
      },
    },
  )
  const getter = {
    type: 'stale',
    get term() {
      throw new Error('boo')
    },
  }
  for (const value of [trap, getter]) expect(() => validateMessage(value)).toThrow(InvalidMessageError)
})

const ODD: readonly unknown[] = [
  undefined,
  null,
  true,
  -1,
  0,
  1,
  2.5,
  2 ** 53,
  Number.NaN,
  Infinity,
  '',
  'n1',
  'x'.repeat(200),
  [],
  {},
  [[]],
  new Uint8Array(3),
  Symbol('s'),
  5n,
  () => 1,
  new Date(0),
]

/** The value with something in it replaced, taken away or added. */
function damaged(value: unknown, random: Random, depth = 0): unknown {
  // A number stays one mostly: what is well-formed and wrong goes deepest.
  if (typeof value === 'number' && random.next() < 0.9) return randomInteger(random, 0, 60)
  if (typeof value === 'boolean' && random.next() < 0.9) return !value
  if (typeof value !== 'object' || value === null || value instanceof Uint8Array || random.next() < 0.2)
    return ODD[randomInteger(random, 0, ODD.length - 1)]
  const keys = Object.keys(value)
  const key = keys[randomInteger(random, 0, Math.max(0, keys.length - 1))]
  if (key === undefined || depth > 6) return ODD[randomInteger(random, 0, ODD.length - 1)]
  const inner = damaged((value as Record<string, unknown>)[key], random, depth + 1)
  if (Array.isArray(value)) return value.map((item: unknown, i) => (String(i) === key ? inner : item))
  return { ...value, [key]: inner }
}

test('20,000 damaged messages either are refused by that one error or do no harm to the node that steps them', () => {
  const random = seededRandom(99)
  const single = new Single().lead()
  const follower = new Single()
  let passed = 0
  for (let i = 0; i < 20_000; i++) {
    let value: unknown = GOOD[randomInteger(random, 0, GOOD.length - 1)]
    for (let n = randomInteger(random, 1, 3); n > 0; n--) value = damaged(value, random)
    let message: Message
    try {
      message = validateMessage(value)
    } catch (error) {
      expect(error).toBeInstanceOf(InvalidMessageError)
      continue
    }
    passed++
    for (const node of [single, follower]) {
      node.node.step('n2', message)
      node.work()
      const { commit, applied, lastIndex } = node.node.status()
      expect(applied <= commit && commit <= lastIndex).toBe(true)
    }
  }
  expect(passed).toBeGreaterThan(1_000)
})

test('a member that says random valid things brings down no node, and the honest majority goes on deciding', () => {
  const random = seededRandom(7)
  const cluster = new Cluster({ seed: 7, voters: ['n1', 'n2', 'n3', 'n4', 'n5'] })
  cluster.elect('n1')
  const upTo = (max: number): number => randomInteger(random, 0, max)
  for (let i = 0; i < 3_000; i++) {
    const to = `n${upTo(3) + 1}`
    const lies: Message[] = [
      { type: 'appendAnswer', term: upTo(5), index: upTo(40), rejected: upTo(1) === 1, hintIndex: upTo(40), hintTerm: upTo(5) },
      { type: 'heartbeatAnswer', term: upTo(5), round: upTo(9) },
      { type: 'preVote', term: upTo(9), lastIndex: upTo(99), lastTerm: upTo(9) },
      { type: 'preVoteAnswer', term: upTo(3), campaign: upTo(5), granted: upTo(1) === 1, commit: 0, commitTerm: 0 },
      { type: 'voteAnswer', term: upTo(5), granted: upTo(1) === 1, commit: 0, commitTerm: 0 },
      { type: 'timeoutNow', term: upTo(5) },
    ]
    const lie = lies[upTo(lies.length - 1)]
    if (lie !== undefined) cluster.host(to).node.step('n5', validateMessage(lie))
    cluster.run(10)
  }
  cluster.host('n5').up = false
  cluster.run(5_000)
  const leader = cluster.elect()
  leader.node.propose(bytes('still here'))
  cluster.run(500)
  for (const id of ['n1', 'n2', 'n3', 'n4']) expect(cluster.lines(id)).toContain('still here')
})
