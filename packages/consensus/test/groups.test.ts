import { seededRandom } from '@vsmcp/kernel'
import { expect, test } from 'vitest'
import * as constants from '../src/constants.ts'
import {
  decodeGroupState,
  delegatesOf,
  encodeGroupState,
  groupNamed,
  GROUPS_LEVEL,
  nextEpoch,
  operationStatement,
} from '../src/index.ts'
import { text } from './support/cluster.ts'
import { endorsedBy } from './support/decided.ts'
import { AUTHORITY, CHARTER, Group, sign } from './support/group.ts'

const DIGEST = 'd'.repeat(64)
const create = (id: string, name = id, charterDigest = DIGEST) => ({ op: 'group:create' as const, id, name, charterDigest })
const remove = (id: string) => ({ op: 'group:remove' as const, id })
const rename = (id: string, name: string) => ({ op: 'group:rename' as const, id, name })
const redeem = (id: string, peer: string) => ({ op: 'invitation:redeem' as const, id, peer, name: peer })
const invite = (id: string, delegateOf: unknown) => ({
  op: 'invitation:create' as const,
  id,
  verifier: 'AAAA',
  role: 'member' as const,
  zone: '',
  uses: 1,
  expiresAtMs: 9_000,
  createdBy: 'a',
  delegateOf: delegateOf as string,
})

/** Founder and only voter `a`, learners `b` and `c`. */
const group = (featureLevel = GROUPS_LEVEL, path = '/'): Group =>
  new Group({ ...CHARTER, featureLevel, path }).join('b').join('c')

/** By its own signature. */
function leave(asked: Group, peer: string): void {
  const operation = { op: 'member:remove', peer, joinedAtIndex: asked.state.members.get(peer)?.joinedAtIndex ?? 0 } as const
  const signature = sign({ peer }, operationStatement(asked.state.charter, operation))
  expect(asked.outcome({ ...operation, signature }, { author: peer })).toBe('changed')
}

test('a member founds a group below: its name, its founder and the digest of its first charter stand in the docket', () => {
  const asked = group()
  expect(asked.outcome(create('g1', 'plant-7'), { author: 'b' })).toBe('changed')
  expect(asked.effects).toEqual([{ type: 'group:created', id: 'g1' }])
  const record = { name: 'plant-7', founder: 'b', charterDigest: DIGEST, createdAtMs: 1_000, createdAtIndex: asked.index }
  expect(asked.state.groups.entries()).toEqual([['g1', record]])
  expect(groupNamed(asked.state, 'plant-7')).toEqual(['g1', record])
  expect(asked.outcome(create('g1', 'plant-7'), { author: 'b' })).toBe('unchanged')
  expect(asked.outcome(create('g1', 'plant-7'))).toBe('group-exists')
  expect(asked.outcome(create('g1', 'plant-7', 'e'.repeat(64)), { author: 'b' })).toBe('group-exists')
  expect(asked.outcome(create('root', 'other'))).toBe('group-exists')
  expect(asked.outcome(create('g2'), { author: 'x' })).toBe('author-unknown')
})

test.each([
  ['a name with a slash', create('g1', 'a/b')],
  ['a name in capitals', create('g1', 'Plant')],
  ['a name too long', create('g1', 'p'.repeat(25))],
  ['no name', create('g1', '')],
  ['an id with a slash', create('../g', 'g')],
  ['an id too long', create('g'.repeat(65), 'g')],
  ['a digest that is none', create('g1', 'g', 'D'.repeat(64))],
])('%s is no operation that anybody can read', (_what, operation) => {
  expect(() => group().ask(operation)).toThrow()
})

test('no two units here have one name, be they attached servers or groups; the unit that a group is only its delegates run', () => {
  const asked = group()
  asked.ask({ op: 'unit:claim', unit: 'files', peer: 'a' })
  expect(asked.ask(create('g1', 'files'))).toMatchObject({ code: 'group-name-taken', holder: 'a' })
  asked.ask(create('g1', 'plant'))
  expect(asked.ask(create('g2', 'plant'))).toMatchObject({ code: 'group-name-taken', holder: 'g1' })
  expect(asked.outcome({ op: 'unit:claim', unit: 'plant', peer: 'b' }, { author: 'b' })).toBe('unit-taken')
  expect(asked.outcome({ op: 'unit:claim', unit: 'plant', peer: 'a', digest: DIGEST })).toBe('changed')
  // Whoever knows what it offers does not stand for it either.
  const replicate = { op: 'unit:replicate', unit: 'plant', peer: 'b', digest: DIGEST } as const
  expect(asked.outcome(replicate, { author: 'b' })).toBe('unit-taken')
  asked.ask(create('g2', 'shop'))
  expect(asked.outcome(rename('g2', 'plant'))).toBe('group-name-taken')
  expect(asked.outcome(rename('g2', 'files'))).toBe('group-name-taken')
  asked.ask({ op: 'unit:release', unit: 'files' })
  expect(asked.outcome(rename('g2', 'files'))).toBe('changed')
})

test('a renamed group keeps its id; its old name is free', () => {
  const asked = group()
  asked.ask(create('g1', 'plant'), { author: 'b' })
  const record = asked.state.groups.get('g1')
  expect(asked.outcome(rename('g1', 'works'), { author: 'b' })).toBe('changed')
  expect(asked.effects).toEqual([{ type: 'group:renamed', id: 'g1' }])
  expect(asked.state.groups.get('g1')).toEqual({ ...record, name: 'works' })
  expect(asked.outcome(rename('g1', 'works'), { author: 'b' })).toBe('unchanged')
  expect(asked.outcome(create('g1', 'plant'), { author: 'b' })).toBe('unchanged')
  expect(asked.outcome(create('g2', 'plant'))).toBe('changed')
  expect(asked.outcome(rename('nope', 'x'))).toBe('group-unknown')
})

test('only its founder, its delegates and voters rename or remove a group, or name who speaks for it', () => {
  const asked = group()
  asked.ask(create('g1'), { author: 'b' })
  asked.ask(invite('i', 'g1'))
  asked.ask(redeem('i', 'd'))
  expect(asked.ask(rename('g1', 'x'), { author: 'c' })).toMatchObject({ code: 'not-yours', holder: 'b' })
  const inviting = (author: string): string => asked.outcome({ ...invite(`by-${author}`, 'g1'), createdBy: author }, { author })
  expect(['a', 'b', 'c', 'd'].map(inviting)).toEqual(['changed', 'changed', 'not-yours', 'changed'])
  expect(asked.outcome(rename('g1', 'x'), { author: 'd' })).toBe('changed')
  expect(asked.outcome(rename('g1', 'y'), { author: 'a' })).toBe('changed')
  leave(asked, 'd')
  expect(asked.outcome(remove('g1'), { author: 'c' })).toBe('not-yours')
  expect(asked.outcome(remove('g1'), { author: 'b' })).toBe('changed')
})

test('a group with delegates is not removed; a removed one does not come back, however late its founding is asked for again', () => {
  const asked = group()
  asked.ask(create('g1'), { author: 'b' })
  asked.ask(invite('i', 'g1'))
  asked.ask(invite('late', 'g1'))
  asked.ask(redeem('i', 'd'))
  for (const author of ['a', 'b', 'd']) {
    expect(asked.ask(remove('g1'), { author })).toMatchObject({ code: 'group-has-delegates', holder: author === 'b' ? 'd' : 'b' })
  }
  leave(asked, 'd')
  // Its founder speaks for it as long as nobody else does, and lets nobody else take it away.
  expect(asked.ask(remove('g1'))).toMatchObject({ code: 'group-has-delegates', holder: 'b' })
  expect(asked.outcome(remove('g1'), { author: 'b' })).toBe('changed')
  expect(asked.effects).toEqual([{ type: 'group:removed', id: 'g1' }])
  expect(asked.outcome(remove('g1'))).toBe('unchanged')
  expect(asked.outcome(create('g1'), { author: 'b' })).toBe('group-removed')
  expect(asked.outcome(redeem('late', 'e'))).toBe('group-unknown')
  expect(asked.state.invitations.get('late')).toMatchObject({ used: 0 })
  expect(asked.outcome(create('g2', 'g1'), { author: 'b' })).toBe('changed')
})

test('there are at most 64 groups below one, half of them by one founder, and at most eight levels', () => {
  const asked = group()
  const found = (count: number, author: string): string[] =>
    Array.from({ length: count }, (_, at) => asked.outcome(create(`${author}${at}`), { author })).slice(-2)
  expect(found(constants.GROUPS_PER_FOUNDER_MAX + 1, 'b')).toEqual(['changed', 'groups-full'])
  expect(found(constants.GROUPS_MAX - constants.GROUPS_PER_FOUNDER_MAX + 1, 'c')).toEqual(['changed', 'groups-full'])
  expect(asked.outcome(create('a0'))).toBe('groups-full')
  asked.ask(remove('b0'), { author: 'b' })
  expect(asked.outcome(create('a0'))).toBe('changed')
  expect(group(GROUPS_LEVEL, '/1/2/3/4/5/6/7').outcome(create('g'))).toBe('changed')
  expect(group(GROUPS_LEVEL, '/1/2/3/4/5/6/7/8').outcome(create('g'))).toBe('group-too-deep')
})

test('what is remembered of removed groups is bounded, the oldest forgotten', () => {
  const asked = group()
  for (let at = 0; at <= constants.GROUPS_REMOVED_MAX; at++) {
    asked.ask(create(`g${at}`))
    asked.ask(remove(`g${at}`))
  }
  expect(asked.state.removedGroups).toHaveLength(constants.GROUPS_REMOVED_MAX)
  expect([asked.state.removedGroups[0], asked.outcome(create('g1'))]).toEqual(['g1', 'group-removed'])
  expect(decodeGroupState(encodeGroupState(asked.state)).removedGroups).toEqual(asked.state.removedGroups)
})

test('who joins by an invitation for delegates is one, and nobody makes itself one', () => {
  const asked = group()
  expect(asked.outcome(invite('i', 'g1'))).toBe('group-unknown')
  expect(asked.outcome(invite('i', 7))).toBe('group-unknown')
  asked.ask(create('g1'), { author: 'b' })
  expect(asked.outcome(invite('i', 'g1'))).toBe('changed')
  expect(asked.outcome(invite('i', 'g1'))).toBe('unchanged')
  expect(delegatesOf(asked.state, 'g1')).toEqual(['b'])
  asked.ask(redeem('i', 'd'))
  expect(asked.state.members.get('d')).toMatchObject({ delegateOf: 'g1', role: 'member' })
  expect(delegatesOf(asked.state, 'g1')).toEqual(['b', 'd'])
  asked.invite('plain')
  asked.ask({ ...redeem('plain', 'e'), delegateOf: 'g1' })
  expect(asked.state.members.get('e')?.delegateOf).toBeUndefined()
  asked.ask(invite('j', 'g1'))
  asked.ask(redeem('j', 'f'))
  // The founder spoke for it until there were two.
  expect(delegatesOf(asked.state, 'g1')).toEqual(['d', 'f'])
})

test('a delegate that is away is forgotten where two others stand in for it; a group that is away as a whole keeps its delegates', () => {
  const asked = group()
  asked.ask(create('g1'), { author: 'b' })
  for (const peer of ['d', 'e', 'f']) {
    asked.ask(invite(peer, 'g1'))
    asked.ask(redeem(peer, peer))
  }
  const forget = (peer: string, awayMs: number): string => {
    const joinedAtIndex = asked.state.members.get(peer)?.joinedAtIndex ?? 0
    return asked.give(endorsedBy(asked, { op: 'member:forget', peer, joinedAtIndex, absentSinceMs: 0, asOfMs: awayMs }, ['a']))
  }
  expect(forget('d', constants.DELEGATE_ABSENCE_MS - 1)).toBe('not-absent')
  expect(forget('d', constants.DELEGATE_ABSENCE_MS)).toBe('changed')
  expect(forget('e', 1e12)).toBe('not-absent')
  expect(delegatesOf(asked.state, 'g1')).toEqual(['e', 'f'])
})

test('below feature level 4 no group is founded, and what later versions say of delegates is carried along unread', () => {
  const asked = group(GROUPS_LEVEL - 1)
  expect([create('g1'), rename('g1', 'x'), remove('g1')].map((each) => asked.outcome(each))).toEqual(
    Array.from({ length: 3 }, () => 'feature-level'),
  )
  for (const [id, peer, delegateOf] of [
    ['i', 'd', 'g1'],
    ['j', 'e', { not: ['an', 'id'] }],
  ] as const) {
    expect(asked.outcome(invite(id, delegateOf))).toBe('changed')
    expect(asked.state.invitations.get(id)).toMatchObject({ delegateOf })
    expect(asked.outcome(redeem(id, peer))).toBe('changed')
    expect(asked.state.members.get(peer)?.delegateOf).toBeUndefined()
  }
  asked.ask(invite('k', { not: 'an id' }))
  const read = decodeGroupState(encodeGroupState(asked.state))
  expect(encodeGroupState(read)).toEqual(encodeGroupState(asked.state))
  asked.state = { ...read, charter: { ...read.charter, featureLevel: GROUPS_LEVEL } }
  expect(asked.outcome(redeem('k', 'f'))).toBe('group-unknown')
})

test('groups are in the snapshot, come through a recovery, and a group without any reads as it always did', () => {
  const asked = group()
  expect(text(encodeGroupState(asked.state))).not.toMatch(/groups|removedGroups/i)
  asked.ask(create('g1', 'plant'), { author: 'b' })
  asked.ask(create('g2'))
  asked.ask(remove('g2'))
  const read = decodeGroupState(encodeGroupState(asked.state))
  expect(read.groups.entries()).toEqual(asked.state.groups.entries())
  expect(read.bytes).toBe(asked.state.bytes)
  const recovered = { epoch: 2, index: 99, voter: 'b', certificate: 'AAAA', atMs: 5 }
  const { state } = nextEpoch({ state: read, term: 3 }, recovered, AUTHORITY)
  expect(state.groups.entries()).toEqual(asked.state.groups.entries())
  expect(state.removedGroups).toEqual(['g2'])
})

test('any history: names are of one unit each, that of a group of one that its delegates run, ids come once, the count of bytes holds, a snapshot continues it alike', () => {
  const random = seededRandom(11)
  const pick = <T>(from: readonly T[]): T => from[Math.floor(random.next() * from.length)] as T
  const asked = group()
  const removed = new Set<string>()
  const [names, peers] = [Array.from({ length: 8 }, (_, at) => `n${at}`), ['a', 'b', 'c']]
  for (let at = 0; at < 1_500; at++) {
    const [id, name, author] = [`g${Math.floor(at / 50) + pick([-1, 0, 0, 1])}`, pick(names), pick(peers)]
    const before = asked.state
    const what = pick([
      create(id, name, pick([DIGEST, 'e'.repeat(64)])),
      create(id, name),
      rename(id, name),
      remove(id),
      { op: 'unit:claim' as const, unit: pick(names.slice(0, 3)), peer: author },
      { op: 'unit:release' as const, unit: name },
      invite(`i${at % 50}`, id),
    ])
    asked.ask(what, { author })
    for (const [gone] of before.groups) if (!asked.state.groups.has(gone)) removed.add(gone)
    const used = asked.state.groups.entries().map(([, each]) => each.name)
    expect(new Set(used).size).toBe(used.length)
    for (const unit of asked.state.units.keys()) {
      const [below] = groupNamed(asked.state, unit) ?? []
      if (below === undefined || before.units.has(unit)) continue
      expect(delegatesOf(before, below)).toContain(author)
    }
    expect(asked.state.groups.keys().filter((each) => removed.has(each))).toEqual([])
    if (at % 100 === 0) {
      const read = decodeGroupState(encodeGroupState(asked.state))
      expect([read.bytes, encodeGroupState(read)]).toEqual([asked.state.bytes, encodeGroupState(asked.state)])
      asked.state = read
    }
  }
  expect(removed.size).toBeGreaterThan(10)
})

test('a group that nobody speaks for any more is removed by a voter', () => {
  const asked = group()
  asked.ask(create('g1'), { author: 'b' })
  leave(asked, 'b')
  expect(delegatesOf(asked.state, 'g1')).toEqual([])
  expect(asked.outcome(remove('g1'), { author: 'c' })).toBe('not-yours')
  expect(asked.outcome(remove('g1'))).toBe('changed')
})
