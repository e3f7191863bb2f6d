import { expect, test } from 'vitest'
import { applyEntry, MESH_KEY_SIGNER, operatorsVersionOf, policyVersionOf } from '../src/index.ts'
import { decidingGroup, DECIDING, signedBy } from './support/decided.ts'
import { AUTHORITY, CHARTER, Group } from './support/group.ts'

const policies = { egress: { allow: ['eu'] } }

test('an operator named in the charter sets all policies at once; version, author, reason, time and digest are kept', () => {
  const group = decidingGroup()
  const asked = signedBy(
    group,
    { op: 'policy:set', policies, expects: 1 },
    { operator: 'omar', reason: 'audit 7', signedAtMs: 77 },
  )
  expect(group.give(asked)).toBe('changed')
  const { charter } = group.state
  expect(charter.policies).toEqual(policies)
  expect(policyVersionOf(charter)).toBe(2)
  expect(charter.policyHistory).toEqual([
    { version: 2, digest: expect.stringMatching(/^[0-9a-f]{8}$/), by: 'omar', reason: 'audit 7', atMs: 77, index: group.index },
  ])
  expect(group.effects).toEqual([
    { type: 'policy:changed', version: 2 },
    { type: 'charter:changed', index: group.index },
  ])
})

test('asked again, a decision is made once', () => {
  const group = decidingGroup()
  const asked = signedBy(group, { op: 'policy:set', policies, expects: 1 })
  expect([group.give(asked), group.give(asked)]).toEqual(['changed', 'unchanged'])
  expect(group.state.charter.policyHistory).toHaveLength(1)
  const added = signedBy(group, { op: 'operator:add', name: 'ove', publicKey: 'b3Zl', expects: 1 })
  expect([group.give(added), group.give(added)]).toEqual(['changed', 'unchanged'])
  const removed = signedBy(group, { op: 'operator:remove', name: 'ove', expects: 2 })
  expect([group.give(removed), group.give(removed)]).toEqual(['changed', 'unchanged'])
})

test('policies signed for another version are refused, and the refusal names the one in force', () => {
  const group = decidingGroup()
  group.give(signedBy(group, { op: 'policy:set', policies, expects: 1 }))
  const late = signedBy(group, { op: 'policy:set', policies: { other: true }, expects: 1 }, { operator: 'omar' })
  expect(group.ask({ ...late })).toMatchObject({
    ok: false,
    code: 'version-differs',
    current: 2,
    message: 'the policies are at version 2, and this was signed for 1',
  })
  expect(group.state.charter.policies).toEqual(policies)
})

test.for<[string, Parameters<typeof signedBy>[2], string]>([
  ['an operator that the charter does not name', { operator: 'eve' }, 'operator-unknown'],
  ['the name of an operator and the key of another', { operator: 'olga', key: 'b21hcg' }, 'signature-wrong'],
  ['the name of the mesh key and the key of an operator', { operator: MESH_KEY_SIGNER, key: 'b2xnYQ' }, 'signature-wrong'],
  ['a signature of an earlier epoch', { scope: { ...DECIDING, epoch: 2 } }, 'signature-wrong'],
  ['a signature of another mesh', { scope: { ...DECIDING, meshId: 'ff'.repeat(16) } }, 'signature-wrong'],
  ['a signature of another group', { scope: { ...DECIDING, groupId: 'child' } }, 'signature-wrong'],
])('rule 5: %s changes nothing', ([, as, code]) => {
  const group = decidingGroup()
  const { state } = group
  expect(group.give(signedBy(group, { op: 'policy:set', policies, expects: 1 }, as))).toBe(code)
  expect(group.give(signedBy(group, { op: 'operator:add', name: 'eve', publicKey: 'ZXZl', expects: 1 }, as))).toBe(code)
  expect(group.give(signedBy(group, { op: 'operator:remove', name: 'omar', expects: 1 }, as))).toBe(code)
  const evict = {
    op: 'member:evict',
    peer: 'd',
    joinedAtIndex: group.state.members.get('d')?.joinedAtIndex ?? 0,
    untilMs: 9,
  } as const
  expect(group.give(signedBy(group, evict, as))).toBe(code)
  expect(group.state).toBe(state)
})

test.for(['policies', 'expects', 'reason', 'signedAtMs', 'operator', 'unheardOf'])(
  'the signature covers %s: who carries the operation cannot change it',
  (field) => {
    const group = decidingGroup()
    const asked = signedBy(group, { op: 'policy:set', policies, expects: 1 })
    const other = { policies: {}, expects: 2, reason: 'mine', signedAtMs: 1, operator: 'omar', unheardOf: 1 }[field]
    expect(group.give({ ...asked, [field]: other })).toBe('signature-wrong')
    expect(group.give({ ...asked, author: 'b', atMs: 5 })).toBe('changed')
  },
)

test('without an authority nothing that needs a proof is done', () => {
  const group = decidingGroup()
  const asked = [
    signedBy(group, { op: 'policy:set', policies, expects: 1 }),
    signedBy(group, { op: 'operator:remove', name: 'omar', expects: 1 }, { operator: MESH_KEY_SIGNER }),
  ]
  for (const operation of asked) {
    group.give(operation)
    const entry = group.entries.at(-1)
    if (entry === undefined) throw new Error('no entry')
    const before = decidingGroup().state
    expect(applyEntry(before, entry).result).toMatchObject({ ok: false, code: 'signature-wrong' })
    expect(applyEntry(before, entry, AUTHORITY).result.ok).toBe(true)
  }
})

test('the history keeps the last fifty changes', () => {
  const group = decidingGroup()
  for (let version = 1; version <= 60; version++) {
    expect(group.give(signedBy(group, { op: 'policy:set', policies: { version }, expects: version }))).toBe('changed')
  }
  const { policyHistory = [] } = group.state.charter
  expect(policyHistory.map(({ version }) => version)).toEqual(Array.from({ length: 50 }, (_, i) => i + 12))
})

test('operators come and go by the word of another one; a removed one decides nothing any more', () => {
  const group = decidingGroup()
  expect(group.give(signedBy(group, { op: 'operator:add', name: 'ove', publicKey: 'b3Zl', recovery: true, expects: 1 }))).toBe(
    'changed',
  )
  expect(group.state.charter.operators.at(-1)).toEqual({ name: 'ove', publicKey: 'b3Zl', recovery: true })
  expect(group.give(signedBy(group, { op: 'operator:remove', name: 'olga', expects: 2 }, { operator: 'ove' }))).toBe('changed')
  expect(operatorsVersionOf(group.state.charter)).toBe(3)
  const late = signedBy(group, { op: 'policy:set', policies, expects: 1 }, { operator: 'olga', scope: DECIDING })
  expect(group.give(late)).toBe('operator-unknown')
})

test('an operator that was removed does not come back by the words that once added it', () => {
  const group = decidingGroup()
  const added = signedBy(group, { op: 'operator:add', name: 'ove', publicKey: 'b3Zl', expects: 1 })
  expect(group.give(added)).toBe('changed')
  expect(group.give(signedBy(group, { op: 'operator:remove', name: 'ove', expects: 2 }))).toBe('changed')
  expect(group.give(added)).toBe('version-differs')
})

test.for<[string, string, string]>([
  ['omar', 'bmV3', 'operator-exists'],
  ['new', 'b21hcg', 'operator-exists'],
])('a name and a key belong to one operator: adding %s with key %s is refused', ([name, publicKey, code]) => {
  const group = decidingGroup()
  expect(group.give(signedBy(group, { op: 'operator:add', name, publicKey, expects: 1 }))).toBe(code)
})

test('the last operator goes only by the mesh key, which also adds the first again', () => {
  const group = decidingGroup({ ...DECIDING, operators: [{ name: 'olga', publicKey: 'b2xnYQ' }] })
  expect(group.give(signedBy(group, { op: 'operator:remove', name: 'olga', expects: 1 }))).toBe('operator-last')
  const byMesh = { operator: MESH_KEY_SIGNER }
  expect(group.give(signedBy(group, { op: 'operator:remove', name: 'eve', expects: 1 }, byMesh))).toBe('operator-unknown')
  expect(group.give(signedBy(group, { op: 'operator:remove', name: 'olga', expects: 4 }, byMesh))).toBe('version-differs')
  expect(group.give(signedBy(group, { op: 'operator:remove', name: 'olga', expects: 1 }, byMesh))).toBe('changed')
  expect(group.state.charter.operators).toEqual([])
  expect(group.give(signedBy(group, { op: 'operator:add', name: 'omar', publicKey: 'b21hcg', expects: 2 }, byMesh))).toBe(
    'changed',
  )
})

test('no more operators than may be, and none called as the mesh key is', () => {
  const operators = Array.from({ length: 64 }, (_, i) => ({ name: `o${i}`, publicKey: `key${i}` }))
  const group = decidingGroup({ ...DECIDING, operators })
  const add = { op: 'operator:add', name: 'one-more', publicKey: 'b3Zl', expects: 1 } as const
  expect(group.give(signedBy(group, add, { operator: 'o1' }))).toBe('operators-full')
  expect(() => group.give(signedBy(group, { ...add, name: MESH_KEY_SIGNER }, { operator: 'o1' }))).toThrow(/cannot be called/)
  expect(() => new Group({ ...CHARTER, operators: [{ name: MESH_KEY_SIGNER, publicKey: 'AAAA' }] })).toThrow(/cannot be called/)
  expect(() => new Group({ ...CHARTER, operators: [...operators.slice(0, 1), ...operators.slice(0, 1)] })).toThrow(/twice/)
})

test('a charter stays small: policies that would make it too large are refused', () => {
  const zones = Array.from({ length: 1_000 }, (_, i) => ({ name: `zone-${i}`, note: 'x'.repeat(200) }))
  const group = decidingGroup({ ...DECIDING, zones })
  const big = { text: 'x'.repeat(50_000) }
  expect(group.give(signedBy(group, { op: 'policy:set', policies: big, expects: 1 }))).toBe('charter-full')
  expect(group.give(signedBy(group, { op: 'policy:set', policies, expects: 1 }))).toBe('changed')
})

test('a group of feature level 1 does none of it: not all its nodes could read it', () => {
  const group = decidingGroup({ ...DECIDING, featureLevel: 1 })
  expect(group.give(signedBy(group, { op: 'policy:set', policies, expects: 1 }))).toBe('feature-level')
  expect(group.give(signedBy(group, { op: 'operator:remove', name: 'omar', expects: 1 }))).toBe('feature-level')
  expect(group.ask({ op: 'charter:certify', index: 1, certificate: 'AAAA' })).toMatchObject({ code: 'feature-level' })
})
