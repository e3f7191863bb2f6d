import { seededRandom } from '@vsmcp/kernel'
import { expect, test } from 'vitest'
import { decodeGroupState, encodeGroupState, foundGroup, StateCorruptError } from '../src/index.ts'
import { canonicalText } from '../src/json/json.ts'
import { bytes, text } from './support/cluster.ts'
import { CHARTER, Group } from './support/group.ts'

function busy(): Group {
  const group = new Group().join('b').join('c')
  group.ask({ op: 'unit:claim', unit: 'files', peer: 'b' }, { author: 'b' })
  group.ask({ op: 'name:grant', bareName: 'read', unit: 'files' })
  group.ask({ op: 'name:grant', bareName: '__proto__', unit: 'files' })
  group.ask({ op: 'link:add', index: 7, certificate: 'AAAA' })
  group.change(['voter', 'b'], ['voter', 'c'])
  return group
}

test('a snapshot is read back as it was: the same state, the same bytes, the same count of bytes', () => {
  const { state } = busy()
  const read = decodeGroupState(encodeGroupState(state))
  expect(encodeGroupState(read)).toEqual(encodeGroupState(state))
  expect(read.bytes).toBe(state.bytes)
  expect(read.namesOfUnit.entries()).toEqual(state.namesOfUnit.entries())
  expect(read.configuration).toEqual(state.configuration)
})

test('the count of bytes is what the records take in the snapshot, after any history', () => {
  const random = seededRandom(3)
  const group = new Group()
  for (let i = 0; i < 600; i++) {
    const peer = `p${Math.floor(random.next() * 20)}`
    const unit = `u${Math.floor(random.next() * 20)}`
    const dice = Math.floor(random.next() * 6)
    if (dice === 0) group.join(peer)
    if (dice === 1) group.ask({ op: 'member:remove', peer }, { author: peer })
    if (dice === 2) group.ask({ op: 'unit:claim', unit, peer }, { author: peer })
    if (dice === 3) group.ask({ op: 'unit:release', unit }, { author: peer })
    if (dice === 4) group.ask({ op: 'name:grant', bareName: `n${i % 30}`, unit })
    if (dice === 5) group.ask({ op: 'member:describe', peer, addresses: ['/é'.repeat(i % 9)].filter(Boolean) }, { author: peer })
    const read = decodeGroupState(encodeGroupState(group.state))
    expect(read.bytes).toBe(group.state.bytes)
    expect(read.namesOfUnit.entries()).toEqual(group.state.namesOfUnit.entries())
  }
})

test('unknown fields survive at every level', () => {
  const value = JSON.parse(text(encodeGroupState(busy().state))) as { members: [string, object][]; charter: object }
  const later = {
    ...value,
    moods: [1],
    charter: { ...value.charter, motto: 'x' },
    members: value.members.map(([key, member]) => [key, { ...member, hat: { size: 3 } }]),
  }
  const read = decodeGroupState(bytes(JSON.stringify(later)))
  expect(JSON.parse(text(encodeGroupState(read)))).toEqual(later)
})

test.for<[string, (value: Record<string, unknown>) => unknown]>([
  ['another format', (value) => ({ ...value, format: 2 })],
  ['no charter', (value) => ({ ...value, charter: undefined })],
  ['a charter without voters', (value) => ({ ...value, charter: { ...CHARTER, voters: [] } })],
  [
    'a member twice',
    (value) => ({ ...value, members: [...(value['members'] as unknown[]), (value['members'] as unknown[])[0]] }),
  ],
  ['a record that is none', (value) => ({ ...value, units: [['files', 3]] })],
  ['a pair that is none', (value) => ({ ...value, units: [['files']] })],
  [
    'a configuration without voters',
    (value) => ({ ...value, configuration: { voters: [], outgoing: [], learners: [], learnersNext: [], autoLeave: false } }),
  ],
  ['no object', () => []],
])('a snapshot that no node wrote is refused: %s', ([, damage]) => {
  const value = JSON.parse(text(encodeGroupState(busy().state))) as Record<string, unknown>
  expect(() => decodeGroupState(bytes(JSON.stringify(damage(value))))).toThrow(StateCorruptError)
})

test('a snapshot cut short at any place is refused', () => {
  const whole = encodeGroupState(busy().state)
  for (let length = 0; length < whole.length; length += 7) {
    expect(() => decodeGroupState(whole.subarray(0, length))).toThrow(StateCorruptError)
  }
})

test.for<[string, object]>([
  ['another founder than the voter', { voters: ['b'] }],
  ['two voters', { voters: ['a', 'b'] }],
  ['no name', { meshName: '' }],
  ['epoch 0', { epoch: 0 }],
  ['a path that is none', { path: 'eu' }],
  ['policies that are none', { policies: [] }],
  ['operators that are none', { operators: ['a'] }],
  ['what is no JSON', { policies: { a: () => 1 } }],
  ['too much', { policies: { a: 'x'.repeat(300_000) } }],
])('a first charter out of bounds is refused: %s', ([, changes]) => {
  const founder = { peer: 'a', name: 'Ada', role: 'member', zone: '', addresses: [], joinedAtMs: 1 } as const
  expect(() => foundGroup({ ...CHARTER, ...changes }, founder)).toThrow(
    expect.objectContaining({ code: 'VSMCP_INVALID_ARGUMENT' }),
  )
})

test('canonical JSON sorts keys, leaves out what is undefined, and refuses what JSON cannot carry', () => {
  expect(canonicalText({ b: [1, 'é', null], a: { d: true, c: undefined } })).toBe('{"a":{"d":true},"b":[1,"é",null]}')
  for (const value of [Number.NaN, Infinity, 1n, undefined, () => 1, Symbol('x')])
    expect(() => canonicalText(value)).toThrow(TypeError)
})
