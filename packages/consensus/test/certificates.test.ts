import { randomInteger, seededRandom } from '@vsmcp/kernel'
import { expect, test } from 'vitest'
import {
  applyEntry,
  type Authority,
  canonicalBytes,
  type CertificateFacts,
  decodeGroupState,
  encodeGroupState,
  encodeOperation,
  type Operation,
  operatorsVersionOf,
  policyVersionOf,
} from '../src/index.ts'
import { decidingGroup, endorsedBy, signedBy } from './support/decided.ts'
import { AUTHORITY, type Group } from './support/group.ts'

function set(group: Group, policies: object = { n: group.index }): number {
  const expects = policyVersionOf(group.state.charter)
  expect(group.give(signedBy(group, { op: 'policy:set', policies: policies as never, expects }))).toBe('changed')
  return group.index
}

/** What the authority is asked about an operation. */
function factsAsked({ state }: Group, operation: Operation): CertificateFacts | undefined {
  let asked: CertificateFacts | undefined
  const authority: Authority = { ...AUTHORITY, verifyCertificate: (_, facts) => ((asked = facts), true) }
  applyEntry(state, { index: 99, term: 2, type: 'normal', data: encodeOperation(operation) }, authority)
  return asked
}

const link = (group: Group, index = group.state.pendingChanges[0]?.index ?? 0, certificate = 'AAAA'): string =>
  group.outcome({ op: 'link:add', index, certificate })
const certify = (group: Group, index: number, certificate = 'AABB'): string =>
  group.outcome({ op: 'charter:certify', index, certificate })

test('rule 6: what is to be certified follows from the log alone, on every node alike', () => {
  const group = decidingGroup()
  link(group)
  const before = canonicalBytes(group.state.charter)
  const index = set(group)
  expect(group.state.charterMark).toEqual({
    index,
    epoch: 1,
    digestBefore: AUTHORITY.digest(before),
    digestNow: AUTHORITY.digest(canonicalBytes(group.state.charter)),
  })
  const asked = factsAsked(group, { op: 'charter:certify', index, certificate: 'AABB', author: 'a', atMs: 1 })
  expect(asked).toEqual({
    kind: 'charter',
    mesh: group.state.charter.meshId,
    group: 'root',
    epoch: 1,
    index,
    previous: 'AAAA',
    digestBefore: AUTHORITY.digest(before),
    digestNow: AUTHORITY.digest(canonicalBytes(group.state.charter)),
    votersBefore: ['a', 'b', 'c'],
    votersNow: ['a', 'b', 'c'],
  })
})

test('rule 6: the certificate of the newest charter is kept, and goes with the next change', () => {
  const group = decidingGroup()
  link(group)
  const first = set(group)
  expect([
    certify(group, first, 'BBBB'),
    certify(group, first + 1),
    certify(group, first),
    certify(group, first, 'AACC'),
  ]).toEqual(['certificate-forged', 'certificate-forged', 'changed', 'unchanged'])
  expect(group.state.charterMark?.certificate).toBe('AABB')
  const second = set(group)
  expect(group.state.charterMark?.certificate).toBeUndefined()
  expect([certify(group, first), certify(group, second)]).toEqual(['certificate-forged', 'changed'])
})

test('rule 6: a change of voters is certified by its link, before any charter of after it', () => {
  const group = decidingGroup()
  const change = group.state.pendingChanges[0]?.index ?? 0
  const later = set(group)
  expect(certify(group, later)).toBe('certificate-forged')
  expect(link(group, change)).toBe('changed')
  expect(certify(group, later)).toBe('changed')
  group.change(['learner', 'c'])
  const index = group.index
  expect(link(group, index, 'AADD')).toBe('changed')
  expect(certify(group, index)).toBe('unchanged')
})

test('a group whose charter was never changed has nothing to certify', () => {
  const group = decidingGroup()
  expect(certify(group, 1)).toBe('certificate-forged')
})

test('a garbage link stops nobody: it is refused, and the true one is kept', () => {
  const group = decidingGroup()
  const index = group.state.pendingChanges[0]?.index ?? 0
  expect(link(group, index, 'ZZZZ')).toBe('link-forged')
  expect(group.state.links).toEqual([])
  expect(link(group, index, 'AAAA')).toBe('changed')
})

test('marks, pending changes, session key and history survive a snapshot', () => {
  const group = decidingGroup()
  set(group)
  group.change(['learner', 'c'])
  const evicted = {
    op: 'member:evict',
    peer: 'd',
    joinedAtIndex: group.state.members.get('d')?.joinedAtIndex ?? 0,
    untilMs: 9,
  } as const
  expect(group.give(signedBy(group, evicted))).toBe('changed')
  const again = decodeGroupState(encodeGroupState(group.state))
  expect(again).toEqual(group.state)
  expect(again.pendingChanges).toHaveLength(2)
  expect(encodeGroupState(again)).toEqual(encodeGroupState(group.state))
})

test('any history of decisions: versions never go back, the charter stays in bounds, a snapshot continues it alike', () => {
  for (let seed = 1; seed <= 20; seed++) {
    const random = seededRandom(seed)
    const pick = <T>(items: readonly T[]): T => items[randomInteger(random, 0, items.length - 1)] as T
    const group = decidingGroup()
    let resumed = group.state
    for (let step = 0; step < 60; step++) {
      const { charter } = group.state
      const before = [policyVersionOf(charter), operatorsVersionOf(charter), charter.featureLevel]
      const as = { operator: pick(['olga', 'omar', 'eve', 'mesh-key']), signedAtMs: step }
      const expects = randomInteger(random, 1, 6)
      const operation = pick<() => Operation>([
        () => signedBy(group, { op: 'policy:set', policies: { step }, expects: pick([expects, before[0] ?? 1]) }, as),
        () => signedBy(group, { op: 'operator:add', name: pick(['x', 'y']), publicKey: pick(['eA', 'eQ']), expects }, as),
        () => signedBy(group, { op: 'operator:remove', name: pick(['x', 'y', 'olga', 'omar']), expects }, as),
        () =>
          signedBy(group, { op: 'member:evict', peer: pick(['b', 'd', 'z']), joinedAtIndex: pick([0, 3, 7]), untilMs: 50 }, as),
        () => endorsedBy(group, { op: 'feature:raise', level: pick([2, 3]) }, pick([['a'], ['a', 'b', 'c']])),
        () => endorsedBy(group, { op: 'revocation:expire', peers: ['d', 'z'], asOfMs: pick([1, 99]) }, pick([['a'], ['a', 'b']])),
      ])()
      group.give(operation)
      const entry = group.entries.at(-1)
      if (entry === undefined) throw new Error('no entry')
      resumed = applyEntry(decodeGroupState(encodeGroupState(resumed)), entry, AUTHORITY).state
      const now = group.state.charter
      const after = [policyVersionOf(now), operatorsVersionOf(now), now.featureLevel]
      expect(
        after.every((version, i) => version - (before[i] ?? 0) >= 0 && version - (before[i] ?? 0) <= 1),
        `seed ${seed}`,
      ).toBe(true)
      const isChanged = group.effects.some(({ type }) => type === 'charter:changed')
      expect(isChanged, `seed ${seed}, step ${step}`).toBe(now !== charter)
      expect(group.state.charterMark?.index === entry.index).toBe(isChanged)
    }
    expect(encodeGroupState(resumed), `seed ${seed}`).toEqual(encodeGroupState(group.state))
  }
})
