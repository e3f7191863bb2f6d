import { seededRandom } from '@vsmcp/kernel'
import { describe, expect, test } from 'vitest'
import * as constants from '../src/constants.ts'
import {
  type Charter,
  decodeGroupState,
  delegatesOf,
  encodeGroupState,
  type GroupMove,
  MOVES_LEVEL,
  operationStatement,
} from '../src/index.ts'
import { text } from './support/cluster.ts'
import { endorsedBy } from './support/decided.ts'
import { CHARTER, Group, sign } from './support/group.ts'

const DIGEST = 'd'.repeat(64)
const KEY = 'ops-key'

/** Founder and only voter `a`, learners `b` and `c`; one operator. */
function group(groupId = 'root', path = '/', change: Partial<Charter> = {}): Group {
  const operators = [{ name: 'ops', publicKey: KEY }]
  return new Group({ ...CHARTER, featureLevel: MOVES_LEVEL, groupId, path, operators, ...change }).join('b').join('c')
}

const create = (id: string, name = id) => ({ op: 'group:create' as const, id, name, charterDigest: DIGEST })
const awaiting = (id: string, move = 1, change: { name?: string; charterDigest?: string; levels?: number } = {}) => ({
  op: 'group:await' as const,
  id,
  name: id,
  charterDigest: DIGEST,
  move,
  levels: 0,
  asDelegate: false,
  ...change,
})
const placed = (id: string, parent: string, move = 1) => ({ op: 'group:placed' as const, id, parent, move })

type Wanted = Pick<GroupMove, 'parent' | 'path' | 'former' | 'lineage' | 'move'>

/** As the operator signs it for the group asked. */
function moving({ state }: Group, wanted: Wanted, { operator = 'ops', publicKey = KEY } = {}) {
  const order = { op: 'group:move' as const, ...wanted, operator, reason: 'it belongs there', signedAtMs: 7 }
  return { ...order, signature: sign({ publicKey }, operationStatement(state.charter, order)) }
}

const below = (parent: string, move = 1, lineage = ['root', parent]): Wanted => ({
  parent,
  path: `/${parent}/g`,
  former: '/g',
  lineage,
  move,
})

function withDelegate(asked: Group, id: string, peer: string, author = 'a'): void {
  const invitation = { id: `to-${peer}`, verifier: 'AAAA', role: 'member' as const, zone: 'z', uses: 1, expiresAtMs: 9_000 }
  asked.ask({ op: 'invitation:create', ...invitation, createdBy: author, delegateOf: id }, { author })
  asked.ask({ op: 'invitation:redeem', id: `to-${peer}`, peer, name: peer })
}

describe('the group that moves', () => {
  test('stands where an operator has signed that it stands; that is in its snapshot, and one that never moved reads as it always did', () => {
    const asked = group('g', '/eu/g')
    expect(text(encodeGroupState(asked.state))).not.toMatch(/place|departed/)
    expect(asked.outcome(moving(asked, below('us')))).toBe('changed')
    expect(asked.effects).toEqual([{ type: 'group:moved', parent: 'us' }])
    const { index } = asked
    const place = { ...below('us'), by: 'ops', reason: 'it belongs there', atMs: 7, index }
    expect(asked.state.place).toEqual(place)
    const read = decodeGroupState(encodeGroupState(asked.state))
    expect([read.place, encodeGroupState(read)]).toEqual([place, encodeGroupState(asked.state)])
    expect(asked.outcome(moving(asked, below('us')))).toBe('unchanged')
    expect(asked.outcome(moving(asked, below('eu', 2)))).toBe('changed')
    expect(asked.state.place).toMatchObject({ parent: 'eu', move: 2 })
  })

  test('is moved by nobody else, by no signature for another place, and once by each', () => {
    const asked = group('g', '/eu/g')
    const order = moving(asked, below('us'))
    expect(asked.outcome({ ...order, parent: 'cn', lineage: ['root', 'cn'] })).toBe('signature-wrong')
    expect(asked.outcome(moving(asked, below('us'), { publicKey: 'another' }))).toBe('signature-wrong')
    expect(asked.outcome(moving(asked, below('us'), { operator: 'nobody' }))).toBe('operator-unknown')
    expect(asked.outcome(moving(group('h', '/eu/h'), below('us')))).toBe('signature-wrong')
    expect(asked.ask(moving(asked, below('us', 2)))).toMatchObject({ code: 'version-differs', current: 0 })
    expect(asked.outcome(order, { author: 'b' })).toBe('changed')
    asked.ask(moving(asked, below('eu', 2)))
    expect(asked.ask(order)).toMatchObject({ code: 'version-differs', current: 2 })
    expect(asked.state.place).toMatchObject({ parent: 'eu', move: 2 })
  })

  test('does not stand below itself, or below what is below it; the root stands below nobody', () => {
    const asked = group('g', '/eu/g')
    asked.ask(create('child'))
    for (const lineage of [
      ['root', 'g'],
      ['root', 'g', 'x'],
      ['root', 'eu', 'g', 'child'],
      ['root', 'child', 'x'],
    ]) {
      expect(asked.outcome(moving(asked, below(lineage.at(-1) ?? '', 1, lineage)))).toBe('group-below-itself')
    }
    expect(asked.outcome(moving(asked, below('us', 1, ['root', 'eu'])))).toBe('operation-invalid')
    const root = group()
    expect(root.outcome(moving(root, below('us')))).toBe('group-outermost')
    expect([asked.state.place, root.state.place]).toEqual([undefined, undefined])
  })

  test('two groups that go below each other at once: whichever keeps a place first does not go', () => {
    const [one, other] = [group('one', '/one'), group('other', '/other')]
    one.ask(awaiting('other'))
    other.ask(awaiting('one'))
    expect(one.outcome(moving(one, below('other')))).toBe('group-below-itself')
    expect(other.outcome(moving(other, below('one')))).toBe('group-below-itself')
  })

  test('is no deeper than groups go, with what is below it', () => {
    const lineage = Array.from({ length: constants.GROUP_DEPTH_MAX }, (_, at) => `l${at}`)
    const wanted = { parent: 'l7', path: '/1/2/3/4/5/6/7/8', former: '/g', lineage, move: 1 }
    const asked = group('g', '/g')
    asked.ask(create('child'))
    expect(asked.outcome(moving(asked, wanted))).toBe('group-too-deep')
    asked.ask({ op: 'group:remove', id: 'child' })
    expect(asked.outcome(moving(asked, wanted))).toBe('changed')
    expect(asked.outcome(create('deeper'))).toBe('group-too-deep')
    expect(asked.outcome(awaiting('deeper'))).toBe('group-too-deep')
  })
})

describe('the group above that is to be', () => {
  test('keeps the name free and lets delegates in, and has no unit of it before it says that it is here', () => {
    const asked = group()
    expect(asked.outcome(awaiting('g'), { author: 'b' })).toBe('changed')
    expect(asked.effects).toEqual([{ type: 'group:awaited', id: 'g' }])
    const record = { name: 'g', founder: 'b', charterDigest: DIGEST, createdAtMs: 1_000, createdAtIndex: asked.index, move: 1 }
    expect(asked.state.groups.get('g')).toEqual({ ...record, awaited: true })
    expect(decodeGroupState(encodeGroupState(asked.state)).groups.get('g')).toEqual({ ...record, awaited: true })
    expect(asked.outcome(awaiting('g'), { author: 'b' })).toBe('unchanged')
    expect(asked.outcome(create('other', 'g'))).toBe('group-name-taken')
    withDelegate(asked, 'g', 'd', 'b')
    expect(delegatesOf(asked.state, 'g')).toEqual(['b', 'd'])
    const claim = { op: 'unit:claim', unit: 'g', peer: 'd' } as const
    expect(asked.outcome(claim, { author: 'd' })).toBe('unit-taken')
    expect(asked.outcome(placed('g', 'root'), { author: 'd' })).toBe('changed')
    expect(asked.effects).toEqual([{ type: 'group:arrived', id: 'g' }])
    expect(asked.state.groups.get('g')).toEqual(record)
    expect(asked.outcome(placed('g', 'root'), { author: 'b' })).toBe('unchanged')
    expect(asked.outcome(claim, { author: 'd' })).toBe('changed')
  })

  test('takes who comes from within the group for its delegate from then on', () => {
    const asked = group()
    asked.ask({ ...awaiting('g'), asDelegate: true }, { author: 'c' })
    expect(asked.state.members.get('c')).toMatchObject({ delegateOf: 'g' })
    expect(delegatesOf(asked.state, 'g')).toEqual(['c'])
    expect(decodeGroupState(encodeGroupState(asked.state)).bytes).toBe(asked.state.bytes)
  })

  test('keeps no place for what is above it, is there, was removed, has a name that is taken, is too deep, or one too many', () => {
    const asked = group('eu', '/eu')
    asked.ask(moving(asked, below('us')))
    expect(['eu', 'us', 'root'].map((id) => asked.outcome(awaiting(id)))).toEqual(Array(3).fill('group-below-itself'))
    asked.ask({ op: 'unit:claim', unit: 'files', peer: 'a' })
    expect(asked.outcome(awaiting('g', 1, { name: 'files' }))).toBe('group-name-taken')
    asked.ask(create('gone'))
    asked.ask({ op: 'group:remove', id: 'gone' })
    expect(asked.outcome(awaiting('gone'))).toBe('group-removed')
    const levels = constants.GROUP_DEPTH_MAX - 3
    expect(asked.outcome(awaiting('deep', 1, { levels: levels + 1 }))).toBe('group-too-deep')
    expect(asked.outcome(awaiting('deep', 1, { levels }))).toBe('changed')
    expect(asked.outcome(awaiting('deep', 1, { charterDigest: 'e'.repeat(64) }))).toBe('group-exists')
    expect(asked.outcome(awaiting('deep', 2), { author: 'c' })).toBe('not-yours')
    expect(asked.outcome(awaiting('deep', 2, { name: 'deeper' }))).toBe('changed')
    expect(asked.state.groups.get('deep')).toMatchObject({ name: 'deeper', move: 2, awaited: true })
    expect(asked.outcome(awaiting('deep', 1))).toBe('group-exists')
    const found = (count: number): string[] => Array.from({ length: count }, (_, at) => asked.outcome(awaiting(`n${at}`)))
    expect(found(constants.GROUPS_PER_FOUNDER_MAX).slice(-2)).toEqual(['changed', 'groups-full'])
  })

  test('gives up a place that nobody came to, and may keep it once more', () => {
    const asked = group()
    asked.ask(awaiting('g'))
    withDelegate(asked, 'g', 'd')
    expect(asked.outcome({ op: 'group:remove', id: 'g' }, { author: 'c' })).toBe('not-yours')
    expect(asked.outcome({ op: 'group:remove', id: 'g' })).toBe('changed')
    expect(asked.outcome(awaiting('g'))).toBe('changed')
    // It went elsewhere instead.
    expect(asked.outcome(placed('g', 'other', 1))).toBe('changed')
    expect(asked.state.groups.has('g')).toBe(false)
    expect([asked.outcome(awaiting('g', 1)), asked.outcome(awaiting('g', 2))]).toEqual(['group-removed', 'changed'])
  })
})

describe('the group above that was', () => {
  test('lets go at the word of whoever speaks for the child: its unit, its names and its pain with it', () => {
    const asked = group()
    asked.ask(create('g', 'plant'), { author: 'b' })
    withDelegate(asked, 'g', 'd', 'b')
    asked.ask({ op: 'unit:claim', unit: 'plant', peer: 'd', digest: DIGEST }, { author: 'd' })
    asked.ask({ op: 'unit:replicate', unit: 'plant', peer: 'b', digest: DIGEST }, { author: 'b' })
    asked.ask({ op: 'name:grant', bareName: 'move', unit: 'plant' })
    const pain = { feeling: 'pain', severity: 'high', origin: 'organ', system: 'system1', unit: 'plant' } as const
    asked.ask({ op: 'alert:raise', id: 'p', ...pain, subject: 'hot', text: '', count: 1, onsetMs: 1, lastMs: 1 }, { author: 'd' })
    expect(asked.outcome(placed('g', 'us'), { author: 'c' })).toBe('not-yours')
    expect(asked.outcome(placed('g', 'us'), { author: 'd' })).toBe('changed')
    expect(asked.effects.map(({ type }) => type)).toEqual([
      'unit:released',
      'name:released',
      'unit:released',
      'alert:resolved',
      'group:departed',
    ])
    const { groups, units, names, alerts, departedGroups, members } = asked.state
    expect([groups.size, units.size, names.size]).toEqual([0, 0, 0])
    expect(alerts.get('p')?.closed).toMatchObject({ by: 'd' })
    expect(departedGroups).toEqual([{ id: 'g', move: 0 }])
    // They leave in order, by themselves.
    expect(members.has('d')).toBe(true)
    expect(asked.outcome(placed('g', 'us'), { author: 'd' })).toBe('unchanged')
    expect(asked.outcome(create('g', 'plant'), { author: 'b' })).toBe('group-removed')
    const read = decodeGroupState(encodeGroupState(asked.state))
    expect([read.bytes, read.departedGroups]).toEqual([asked.state.bytes, departedGroups])
  })

  test('forgets a delegate that is away for an hour: nobody is left to take it along', () => {
    const asked = group()
    asked.ask(create('g'), { author: 'b' })
    withDelegate(asked, 'g', 'd', 'b')
    const joinedAtIndex = asked.state.members.get('d')?.joinedAtIndex ?? 0
    const forget = (asOfMs: number): string =>
      asked.give(endorsedBy(asked, { op: 'member:forget', peer: 'd', joinedAtIndex, absentSinceMs: 0, asOfMs }, ['a']))
    expect(forget(1e12)).toBe('not-absent')
    asked.ask(placed('g', 'us'), { author: 'b' })
    expect(forget(constants.DELEGATE_ABSENCE_MS - 1)).toBe('not-absent')
    expect(forget(constants.DELEGATE_ABSENCE_MS)).toBe('changed')
  })

  test('takes it back by a later move, also when it never heard that it had gone, and by no earlier word', () => {
    const asked = group()
    asked.ask(create('g'))
    asked.ask({ op: 'unit:claim', unit: 'g', peer: 'a', digest: DIGEST })
    expect(asked.outcome(awaiting('g', 2))).toBe('changed')
    expect(asked.state.units.size).toBe(0)
    expect(asked.ask(placed('g', 'us', 1))).toMatchObject({ code: 'version-differs', current: 2 })
    expect(asked.outcome(placed('g', 'root', 1))).toBe('version-differs')
    expect(asked.outcome(placed('g', 'root', 2))).toBe('changed')
    expect(asked.outcome(placed('g', 'us', 2))).toBe('version-differs')
    expect(asked.outcome(placed('nobody', 'us', 2))).toBe('group-unknown')
    expect(asked.outcome(placed('g', 'us', 3))).toBe('changed')
    expect([asked.outcome(awaiting('g', 2)), asked.outcome(awaiting('g', 4))]).toEqual(['group-removed', 'changed'])
  })

  test('what is remembered of groups that left is bounded, the oldest forgotten', () => {
    const asked = group()
    for (let at = 0; at <= constants.GROUPS_DEPARTED_MAX; at++) {
      asked.ask(create(`g${at}`))
      asked.ask(placed(`g${at}`, 'us'))
    }
    expect(asked.state.departedGroups).toHaveLength(constants.GROUPS_DEPARTED_MAX)
    expect(asked.state.departedGroups[0]).toEqual({ id: 'g1', move: 0 })
  })
})

test('below feature level 4 no group moves', () => {
  const asked = group('g', '/eu/g', { featureLevel: MOVES_LEVEL - 1 })
  const all = [awaiting('x'), placed('x', 'us'), moving(asked, below('us'))]
  expect(all.map((each) => asked.outcome(each))).toEqual(Array(3).fill('feature-level'))
})

test.each([
  ['no move at all', awaiting('g', 0)],
  ['a name with a slash', awaiting('g', 1, { name: 'a/b' })],
  ['more levels than there are', awaiting('g', 1, { levels: constants.GROUP_DEPTH_MAX + 1 })],
  ['a digest that is none', awaiting('g', 1, { charterDigest: 'x' })],
  ['a parent that is no id', placed('g', 'a/b')],
  ['more above it than there may be', moving(group('g', '/g'), below('us', 1, Array(9).fill('x')))],
  ['no signature', { ...moving(group('g', '/g'), below('us')), signature: '' }],
])('%s is no operation that anybody can read', (_what, operation) => {
  expect(() => group().ask(operation)).toThrow()
})

test('any interleaving of moves between three groups, with words lost, late and doubled: one of them at most takes it for its own, and in the end the one that it decided', () => {
  for (let seed = 1; seed <= 200; seed++) {
    const random = seededRandom(seed)
    const pick = <T>(from: readonly T[]): T => from[Math.floor(random.next() * from.length)] as T
    const child = group('g', '/p0/g')
    const parents = ['p0', 'p1', 'p2'].map((id) => group(id, `/${id}`))
    parents[0]?.ask(create('g'))
    const isOwn = ({ state }: Group): boolean => state.groups.has('g') && state.groups.get('g')?.awaited !== true
    const placeOf = () => child.state.place ?? { parent: 'p0', move: 0 }
    const idOf = ({ state }: Group): string => state.charter.groupId
    /** Told, but not by all in time. */
    const said: { parent: string; move: number }[] = []
    const tell = (to: Group, what: { parent: string; move: number }): unknown =>
      what.move > 0 && to.ask(placed('g', what.parent, what.move))
    for (let step = 0; step < 60; step++) {
      const { move } = placeOf()
      const to = pick(parents)
      const what = pick(['await', 'await', 'move', 'move', 'told', 'late', 'withdraw'])
      if (what === 'await') to.ask(awaiting('g', move + 1))
      // As the command does: it goes only where a place is kept for this very move.
      if (what === 'move' && to.state.groups.get('g')?.awaited === true && to.state.groups.get('g')?.move === move + 1) {
        child.ask(moving(child, below(idOf(to), move + 1)))
        said.push(placeOf())
      }
      if (what === 'told') tell(to, placeOf())
      if (what === 'late' && said.length > 0) tell(to, pick(said))
      if (what === 'withdraw' && !isOwn(to) && to.state.groups.has('g')) to.ask({ op: 'group:remove', id: 'g' })
      for (const parent of parents.filter(isOwn)) {
        // Who was told nothing since takes it for its own still; who takes it by a later word is right.
        const by = parent.state.groups.get('g')?.move ?? 0
        expect([seed, by <= placeOf().move]).toEqual([seed, true])
        if (by === placeOf().move) expect([seed, idOf(parent)]).toEqual([seed, placeOf().parent])
      }
    }
    // Now everybody is told. Where no place is kept any more, the command asks for one.
    const { parent, move } = placeOf()
    for (const each of parents) if (idOf(each) === parent && !each.state.groups.has('g')) each.ask(awaiting('g', move + 1))
    const home = parents.find((each) => idOf(each) === parent)
    if (home !== undefined && home.state.groups.get('g')?.move === move + 1) child.ask(moving(child, below(parent, move + 1)))
    for (const each of parents) tell(each, placeOf())
    expect([seed, parents.filter(isOwn).map(idOf)]).toEqual([seed, [placeOf().parent]])
  }
})
