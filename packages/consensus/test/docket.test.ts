import { expect, test } from 'vitest'
import { applyEntry, encodeGroupState, encodeOperation, type Operation } from '../src/index.ts'
import * as constants from '../src/constants.ts'
import { put } from '../src/group/records.ts'
import { bytes } from './support/cluster.ts'
import { AUTHORITY, CHARTER, Group } from './support/group.ts'

const redeem = (peer: string, id = 'i'): { op: 'invitation:redeem'; id: string; peer: string; name: string } => ({
  op: 'invitation:redeem',
  id,
  peer,
  name: peer,
})

test('an invitation of one use lets one peer in, once', () => {
  const group = new Group()
  expect(group.invite()).toBe('changed')
  expect(group.outcome(redeem('b'))).toBe('changed')
  expect(group.effects).toEqual([{ type: 'member:joined', peer: 'b' }])
  expect(group.state.members.get('b')).toEqual({
    name: 'b',
    role: 'member',
    zone: 'z',
    joinedAtIndex: 3,
    joinedAtMs: 1_000,
    addresses: [],
    invitation: 'i',
  })
  expect(group.outcome(redeem('c'))).toBe('invitation-used-up')
  expect(group.state.members.has('c')).toBe(false)
})

test('asking again with the same PeerId gets the same answer, also when the invitation is revoked, expired or gone', () => {
  const group = new Group()
  group.invite()
  const first = group.ask(redeem('b'))
  expect(group.outcome(redeem('b'))).toBe('unchanged')
  group.ask({ op: 'invitation:revoke', id: 'i' })
  const again = group.ask(redeem('b'), { atMs: 99_999 })
  expect(again).toEqual({ ...first, changed: false })
  expect(group.state.invitations.get('i')?.used).toBe(1)
})

test('an invitation lets in as many as it says', () => {
  const group = new Group()
  group.invite('i', { uses: 3 })
  expect(['b', 'c', 'd', 'e'].map((peer) => group.outcome(redeem(peer)))).toEqual([
    'changed',
    'changed',
    'changed',
    'invitation-used-up',
  ])
})

test('unknown, revoked and expired invitations are refused, by the time of the proposal and no other clock', () => {
  const group = new Group()
  expect(group.outcome(redeem('b', 'nope'))).toBe('invitation-unknown')
  group.invite('old', { expiresAtMs: 5_000 })
  expect(group.outcome(redeem('b', 'old'), { atMs: 5_000 })).toBe('invitation-expired')
  expect(group.outcome(redeem('b', 'old'), { atMs: 4_999 })).toBe('changed')
  group.invite('bad')
  expect(group.outcome({ op: 'invitation:revoke', id: 'bad' })).toBe('changed')
  expect(group.outcome({ op: 'invitation:revoke', id: 'bad' })).toBe('unchanged')
  expect(group.outcome(redeem('c', 'bad'))).toBe('invitation-revoked')
  expect(group.outcome({ op: 'invitation:revoke', id: 'nope' })).toBe('invitation-unknown')
})

test('who left needs another use to come back', () => {
  const group = new Group()
  group.invite()
  group.ask(redeem('b'))
  group.ask({ op: 'member:remove', peer: 'b' }, { author: 'b' })
  expect(group.outcome(redeem('b'))).toBe('invitation-used-up')
})

test('creating an invitation again is harmless, another one under its id is refused, and so is one that is expired already', () => {
  const group = new Group()
  expect([group.invite(), group.invite(), group.invite('i', { uses: 2 })]).toEqual(['changed', 'unchanged', 'invitation-exists'])
  group.ask(redeem('b'))
  expect(group.invite()).toBe('unchanged')
  expect(group.invite('late', { expiresAtMs: 1_000 })).toBe('invitation-expired')
})

test('nobody invites in the name of another', () => {
  const group = new Group().join('b')
  expect(
    group.outcome(
      { op: 'invitation:create', id: 'x', verifier: 'AA', role: 'member', zone: '', uses: 1, expiresAtMs: 9_000, createdBy: 'a' },
      { author: 'b' },
    ),
  ).toBe('not-yours')
})

test('at 1,000 invitations the closed ones are dropped; when all are open, more are refused', () => {
  const group = new Group()
  for (let i = 0; i < constants.INVITATIONS_MAX; i++) group.invite(`i${i}`, { expiresAtMs: i < 2 ? 5_000 : 90_000 })
  expect(group.invite('more', { expiresAtMs: 90_000 })).toBe('invitations-full')
  const late = {
    op: 'invitation:create',
    id: 'more',
    verifier: 'AA',
    role: 'member',
    zone: '',
    uses: 1,
    expiresAtMs: 90_000,
    createdBy: 'a',
  } as const
  expect(group.outcome(late, { atMs: 6_000 })).toBe('changed')
  expect(group.effects.map(({ type }) => type)).toEqual(['invitation:dropped', 'invitation:dropped', 'invitation:created'])
  expect(group.state.invitations.size).toBe(constants.INVITATIONS_MAX - 1)
})

test('only members decide anything', () => {
  const group = new Group()
  expect(group.outcome({ op: 'unit:claim', unit: 'files', peer: 'x' }, { author: 'x' })).toBe('author-unknown')
  expect(group.outcome({ op: 'invitation:revoke', id: 'i' }, { author: 'x' })).toBe('author-unknown')
})

test('a unit belongs to the first that claims it, until it releases it', () => {
  const group = new Group().join('b')
  expect(group.outcome({ op: 'unit:claim', unit: 'files', peer: 'a' })).toBe('changed')
  expect(group.state.units.get('files')).toEqual({ peer: 'a', claimedAtMs: 1_000, term: 2, index: group.index })
  expect(group.outcome({ op: 'unit:claim', unit: 'files', peer: 'a' })).toBe('unchanged')
  expect(group.ask({ op: 'unit:claim', unit: 'files', peer: 'b' }, { author: 'b' })).toMatchObject({
    ok: false,
    code: 'unit-taken',
    holder: 'a',
  })
  expect(group.outcome({ op: 'unit:release', unit: 'files' }, { author: 'b' })).toBe('not-yours')
  expect(group.outcome({ op: 'unit:claim', unit: 'other', peer: 'a' }, { author: 'b' })).toBe('not-yours')
  expect(group.outcome({ op: 'unit:release', unit: 'files' })).toBe('changed')
  expect(group.outcome({ op: 'unit:release', unit: 'files' })).toBe('unchanged')
  expect(group.outcome({ op: 'unit:claim', unit: 'files', peer: 'b' }, { author: 'b' })).toBe('changed')
})

test('a bare name goes to the first unit that brings it and never moves silently; it is free when the unit is released', () => {
  const group = new Group()
  for (const unit of ['one', 'two']) group.ask({ op: 'unit:claim', unit, peer: 'a' })
  const grant = (bareName: string, unit: string): string => group.outcome({ op: 'name:grant', bareName, unit })
  expect(grant('read', 'nope')).toBe('unit-unknown')
  expect([grant('read', 'one'), grant('read', 'one'), grant('read', 'two'), grant('write', 'one')]).toEqual([
    'changed',
    'unchanged',
    'name-taken',
    'changed',
  ])
  expect(group.state.namesOfUnit.get('one')).toEqual(['read', 'write'])
  group.ask({ op: 'unit:release', unit: 'one' })
  expect(group.effects).toEqual([
    { type: 'name:released', bareName: 'read', unit: 'one' },
    { type: 'name:released', bareName: 'write', unit: 'one' },
    { type: 'unit:released', unit: 'one', peer: 'a' },
  ])
  expect(group.state.names.size + group.state.namesOfUnit.size).toBe(0)
  expect(grant('read', 'two')).toBe('changed')
})

test('a bare name is asked for by a voter or by whoever runs the unit', () => {
  const group = new Group().join('b').join('c')
  group.ask({ op: 'unit:claim', unit: 'files', peer: 'b' }, { author: 'b' })
  expect(group.outcome({ op: 'name:grant', bareName: 'x', unit: 'files' }, { author: 'c' })).toBe('not-yours')
  expect(group.outcome({ op: 'name:grant', bareName: 'x', unit: 'files' }, { author: 'b' })).toBe('changed')
  expect(group.outcome({ op: 'name:grant', bareName: 'y', unit: 'files' }, { author: 'a' })).toBe('changed')
})

test('a member that leaves takes its units and their names with it', () => {
  const group = new Group().join('b')
  group.ask({ op: 'unit:claim', unit: 'files', peer: 'b' }, { author: 'b' })
  group.ask({ op: 'name:grant', bareName: 'read', unit: 'files' }, { author: 'b' })
  const before = group.state
  expect(group.outcome({ op: 'member:remove', peer: 'b' }, { author: 'b' })).toBe('changed')
  expect(group.effects.map(({ type }) => type)).toEqual(['name:released', 'unit:released', 'member:left'])
  expect([group.state.members.size, group.state.units.size, group.state.names.size]).toEqual([1, 0, 0])
  expect(before.members.size).toBe(2)
  expect(group.outcome({ op: 'member:remove', peer: 'b' })).toBe('unchanged')
})

test('a member takes out itself, a voter anybody; nobody takes out who still votes', () => {
  const group = new Group().join('b').join('c')
  expect(group.outcome({ op: 'member:remove', peer: 'c' }, { author: 'b' })).toBe('not-yours')
  expect(group.outcome({ op: 'member:remove', peer: 'c' }, { author: 'a' })).toBe('changed')
  expect(group.outcome({ op: 'member:remove', peer: 'a' }, { author: 'a' })).toBe('still-votes')
})

test('a member describes itself and nobody else', () => {
  const group = new Group().join('b')
  expect(group.outcome({ op: 'member:describe', peer: 'b', name: 'Bea', addresses: ['/ip4/1.2.3.4'] }, { author: 'b' })).toBe(
    'changed',
  )
  expect(group.state.members.get('b')).toMatchObject({ name: 'Bea', addresses: ['/ip4/1.2.3.4'], joinedAtIndex: 3 })
  expect(group.outcome({ op: 'member:describe', peer: 'b', name: 'Bea' }, { author: 'b' })).toBe('unchanged')
  expect(group.outcome({ op: 'member:describe', peer: 'b', name: 'Bob' })).toBe('not-yours')
  expect(group.outcome({ op: 'member:describe', peer: 'x', name: 'Xi' })).toBe('member-unknown')
})

test('a link is kept for each committed change of voters, in order, by voters only, and once', () => {
  const group = new Group().join('b').join('c').join('d')
  const add = (index: number, certificate: string, author = 'a'): string =>
    group.outcome({ op: 'link:add', index, certificate }, { author })
  group.change(['voter', 'b'])
  const first = group.index
  group.change(['voter', 'c'])
  const second = group.index
  expect(group.state.pendingChanges.map(({ index, before, now }) => [index, before, now])).toEqual([
    [first, ['a'], ['a', 'b']],
    [second, ['a', 'b'], ['a', 'b', 'c']],
  ])
  expect([add(second, 'AAAA'), add(first, 'BBBB'), add(first + 7, 'AAAA'), add(first, 'AAAA', 'd')]).toEqual([
    'link-forged',
    'link-forged',
    'link-forged',
    'not-yours',
  ])
  expect([add(first, 'AAAA'), add(first, 'AAAA'), add(first, 'AACC'), add(second, 'AABB')]).toEqual([
    'changed',
    'unchanged',
    'link-differs',
    'changed',
  ])
  expect(group.state.links).toEqual([
    { index: first, certificate: 'AAAA' },
    { index: second, certificate: 'AABB' },
  ])
  expect(group.state.pendingChanges).toEqual([])
})

test('the charter names the voters before until a joint change is finished, and then those now', () => {
  const group = new Group()
  expect(group.change(['learner', 'b'], ['learner', 'c'])).toEqual({ ok: true, changed: true })
  expect(group.effects).toEqual([])
  group.change(['voter', 'b'], ['voter', 'c'])
  expect(group.state.configuration.outgoing).toEqual(['a'])
  expect(group.state.charter.voters).toEqual(['a'])
  group.leaveJoint()
  expect(group.state.charter.voters).toEqual(['a', 'b', 'c'])
  expect(group.effects).toEqual([{ type: 'voters:changed', before: ['a'], now: ['a', 'b', 'c'], index: group.index }])
})

test.for<[string, keyof typeof constants, (group: Group) => void, (group: Group) => string]>([
  [
    'members-full',
    'MEMBERS_MAX',
    (group) => fill(group, 'members', constants.MEMBERS_MAX),
    (group) => (group.invite(), group.outcome(redeem('b'))),
  ],
  [
    'units-full',
    'UNITS_MAX',
    (group) => fill(group, 'units', constants.UNITS_MAX),
    (group) => group.outcome({ op: 'unit:claim', unit: 'more', peer: 'a' }),
  ],
  [
    'names-full',
    'NAMES_MAX',
    (group) => {
      group.ask({ op: 'unit:claim', unit: 'files', peer: 'a' })
      fill(group, 'names', constants.NAMES_MAX)
    },
    (group) => group.outcome({ op: 'name:grant', bareName: 'more', unit: 'files' }),
  ],
  [
    'links-full',
    'LINKS_MAX',
    (group) => {
      group.state = {
        ...group.state,
        links: Array.from({ length: constants.LINKS_MAX }, (_, i) => ({ index: i + 2, certificate: 'A' })),
      }
    },
    (group) => group.outcome({ op: 'link:add', index: 99_999, certificate: 'A' }),
  ],
  [
    'state-full',
    'STATE_BYTES_MAX',
    (group) => void (group.state = { ...group.state, bytes: constants.STATE_BYTES_MAX }),
    (group) => group.outcome({ op: 'unit:claim', unit: 'more', peer: 'a' }),
  ],
])('every table is bounded: %s at %s', ([code, , prepare, ask]) => {
  const group = new Group()
  prepare(group)
  const before = group.state
  expect(ask(group)).toBe(code)
  expect(group.state.units).toBe(before.units)
  expect(group.state.names).toBe(before.names)
})

test('what members add leaves room for joins, alerts, and the end of what was begun', () => {
  const group = new Group({ ...CHARTER, featureLevel: constants.ORGANS_LEVEL })
  group.invite()
  group.ask({ op: 'unit:claim', unit: 'files', peer: 'a' })
  group.ask({ op: 'claim:ask', unit: 'files', resources: [{ resource: 'arm', shared: false }] })
  const askedAtIndex = group.index
  group.state = { ...group.state, bytes: constants.STATE_BYTES_MAX - constants.STATE_RESERVED_BYTES }
  expect(group.outcome({ op: 'unit:claim', unit: 'more', peer: 'a' })).toBe('state-full')
  expect(group.invite('more')).toBe('state-full')
  expect(group.outcome(redeem('b'))).toBe('changed')
  expect(group.outcome({ op: 'claim:release', unit: 'files', askedAtIndex, again: true })).toBe('changed')
  // At a lower level, as it always was.
  const before = new Group()
  before.state = { ...before.state, bytes: constants.STATE_BYTES_MAX - constants.STATE_RESERVED_BYTES }
  expect(before.outcome({ op: 'unit:claim', unit: 'more', peer: 'a' })).toBe('changed')
})

test('a full state still gives room back', () => {
  const group = new Group()
  group.ask({ op: 'unit:claim', unit: 'files', peer: 'a' })
  group.state = { ...group.state, bytes: constants.STATE_BYTES_MAX + 10 }
  expect(group.outcome({ op: 'unit:release', unit: 'files' })).toBe('changed')
})

test('entries that are no operation, or of a kind from the future, are refused and change nothing', () => {
  const group = new Group()
  const author = { author: 'a', atMs: 1 }
  const odd: unknown[] = [
    1,
    [],
    {},
    { ...author, op: 'toString' },
    { ...author, op: 'mind:read' },
    { ...author, op: 'unit:claim', unit: 'Not A Name', peer: 'a' },
    { op: 'unit:claim', unit: 'x', peer: 'a' },
  ]
  const before = group.state
  for (const value of odd)
    expect(group.apply('normal', bytes(JSON.stringify(value)))).toMatchObject({ ok: false, code: 'operation-invalid' })
  for (const data of [
    bytes(''),
    bytes('{'),
    new Uint8Array([0xff, 0xfe]),
    bytes('['.repeat(20_000)),
    bytes('{"__proto__":{}}'),
    new Uint8Array(65 * 1024),
  ]) {
    expect(group.apply('normal', data)).toMatchObject({ ok: false, code: 'operation-invalid' })
  }
  expect(group.state).toBe(before)
  expect(group.apply('noop', new Uint8Array())).toEqual({ ok: true, changed: false })
})

test.for<[string, object]>([
  ['a name that moves the cursor', { op: 'member:describe', peer: 'a', name: 'x\u001b[2J' }],
  ['a name of two lines', { op: 'member:describe', peer: 'a', name: 'x\ny' }],
  ['half a character', { op: 'member:describe', peer: 'a', name: '\ud800' }],
  ['a name too long', { op: 'member:describe', peer: 'a', name: 'x'.repeat(65) }],
  ['too many addresses', { op: 'member:describe', peer: 'a', addresses: Array.from({ length: 17 }, () => '/') }],
  [
    'no uses',
    { op: 'invitation:create', id: 'i', verifier: 'A', role: 'member', zone: '', uses: 0, expiresAtMs: 9, createdBy: 'a' },
  ],
  [
    'a verifier that is no base64url',
    { op: 'invitation:create', id: 'i', verifier: 'A+', role: 'member', zone: '', uses: 1, expiresAtMs: 9, createdBy: 'a' },
  ],
  [
    'a role that is none',
    { op: 'invitation:create', id: 'i', verifier: 'A', role: 'king', zone: '', uses: 1, expiresAtMs: 9, createdBy: 'a' },
  ],
  ['a value that is no JSON', { op: 'member:remove', peer: 'a', later: () => 1 }],
  ['a link too long', { op: 'link:add', index: 1, certificate: 'A'.repeat(22_000) }],
])('an operation out of bounds is not even encoded: %s', ([, asked]) => {
  expect(() => encodeOperation({ ...asked, author: 'a', atMs: 1 } as Operation)).toThrow(
    expect.objectContaining({ code: 'VSMCP_INVALID_ARGUMENT' }),
  )
})

test('a bare name may be any text of one line, also one that objects inherit', () => {
  const group = new Group()
  group.ask({ op: 'unit:claim', unit: 'files', peer: 'a' })
  for (const bareName of ['__proto__', 'constructor', 'toString', '日本語', 'a b']) {
    expect(group.outcome({ op: 'name:grant', bareName, unit: 'files' })).toBe('changed')
  }
  expect(group.state.names.keys().length).toBe(5)
})

test('fields of a later version survive in what they describe', () => {
  const group = new Group()
  group.ask({
    op: 'invitation:create',
    id: 'i',
    verifier: 'A',
    role: 'member',
    zone: '',
    uses: 2,
    expiresAtMs: 9_000,
    createdBy: 'a',
    color: 'red',
    used: 7,
  })
  group.ask({ ...redeem('b'), badge: { kind: 'gold' } })
  expect(group.state.invitations.get('i')).toMatchObject({ color: 'red', used: 1 })
  group.ask({ op: 'member:describe', peer: 'b', name: 'Bea' }, { author: 'b' })
  expect(group.state.members.get('b')).toMatchObject({ name: 'Bea', badge: { kind: 'gold' } })
})

test('two nodes that apply the same entries hold the same bytes, whatever was refused on the way', () => {
  const group = new Group().join('b')
  group.ask({ op: 'unit:claim', unit: 'files', peer: 'b' }, { author: 'b' })
  group.ask({ op: 'unit:claim', unit: 'files', peer: 'a' })
  group.ask({ op: 'name:grant', bareName: 'read', unit: 'files' })
  group.change(['learner', 'b'])
  group.apply('normal', bytes('rubbish'))
  let other = new Group().state
  for (const entry of group.entries) other = applyEntry(other, entry, AUTHORITY).state
  expect(encodeGroupState(other)).toEqual(encodeGroupState(group.state))
})

function fill(group: Group, table: 'members' | 'units' | 'names', count: number): void {
  const records = {
    members: { name: 'x', role: 'member', zone: '', joinedAtIndex: 1, joinedAtMs: 1, addresses: [] },
    units: { peer: 'a', claimedAtMs: 1, term: 1, index: 1 },
    names: { unit: 'files', grantedAtIndex: 1 },
  } as const
  for (let i = group.state[table].size; i < count; i++) group.state = put(group.state, table, `k${i}`, records[table] as never)
}
