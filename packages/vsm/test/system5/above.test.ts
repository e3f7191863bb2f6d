import { describe, expect, it } from 'vitest'
import {
  directivesBelow,
  Following,
  governedFromAbove,
  type GroupDirective,
  owedWithin,
  readGovernance,
  type SeenOfBounds,
  withinBounds,
} from '../../src/index.ts'
import { objectionTo } from '../../src/system5/objection.ts'

const NOW = 1_800_000_000_000
const HOUR = 3_600_000

type Order = GroupDirective['order']
const directive = (order: Order, more: Partial<GroupDirective> = {}): GroupDirective => ({
  id: `1-0-${order.kind}`,
  by: 'root',
  order,
  reason: '',
  atMs: NOW,
  untilMs: NOW + HOUR,
  ...more,
})
const held = (policies: Record<string, unknown>, directives: GroupDirective[], lineage = ['root', 'eu']) =>
  governedFromAbove(readGovernance(policies), { directives, lineage }, NOW)

const child = (name: string) => ({ group: `id of ${name}`, name })

describe('what policies hold the groups below to', () => {
  const below = [
    { group: '*', never: ['shell', 'exec*'] },
    { group: 'plant-7', concurrencyMax: 16, weightMax: 2, quarantine: ['old-plc'], reason: 'until it is mended' },
    { group: 'plant-7', target: { p99: '300ms', errors: 0.02 }, stop: ['older-plc'] },
  ]
  const governance = readGovernance({ below })
  const { flaws } = governance
  const told = { by: 'eu', version: 7, atMs: NOW, nowMs: NOW + 5 }

  it('becomes directives for those that are meant', () => {
    expect(flaws).toEqual([])
    expect(directivesBelow(child('plant-8'), governance, told).map(({ id, order }) => [id, order])).toEqual([
      ['7-0-never', { kind: 'never', tools: ['shell', 'exec*'] }],
    ])
    expect(directivesBelow(child('plant-7'), governance, told).map(({ id, reason }) => [id, reason])).toEqual([
      ['7-0-never', ''],
      ['7-1-concurrency', 'until it is mended'],
      ['7-1-weight', 'until it is mended'],
      ['7-1-quarantine', 'until it is mended'],
      ['7-2-target', ''],
      ['7-2-stop', ''],
    ])
    expect(directivesBelow(child('plant-7'), governance, told).slice(-2)).toMatchObject([
      { order: { p99Ms: 300, errors: 0.02 } },
      { order: { units: ['older-plc'] } },
    ])
  })

  it('is said to a group by its id whatever it comes to be called, and by a name to whoever has it', () => {
    const group = 'a0'.repeat(20)
    const rules = readGovernance({
      below: [
        { group, stop: ['press'] },
        { group: 'plant-7', stop: ['oven'] },
      ],
    })
    expect(rules.flaws).toEqual([])
    const stopped = (name: string, id = group) =>
      directivesBelow({ group: id, name }, rules, told).map(({ order }) => (order.kind === 'stop' ? order.units : order.kind))
    expect(stopped('plant-7')).toEqual([['press'], ['oven']])
    // Its delegates, too, may rename a group.
    expect(stopped('plant-8')).toEqual([['press']])
    expect(stopped('plant-7', 'b0'.repeat(20))).toEqual([['oven']])
  })

  it('includes what binds the group itself: its identity, and the ceilings that it names', () => {
    const of = (policies: Record<string, unknown>) =>
      directivesBelow(child('any'), readGovernance(policies), told).map(({ id, order }) => [id, order])
    const identity = { name: 'n', purpose: 'p', never: ['exec*'], concurrencyMax: 64 }
    expect(of({ identity, system5: { concurrencyMax: 32, weightMax: 4 } })).toEqual([
      ['7-identity-never', { kind: 'never', tools: ['exec*'] }],
      ['7-identity-ceiling', { kind: 'ceiling', concurrency: 32, weight: 4 }],
    ])
    expect(of({ identity })).toContainEqual(['7-identity-ceiling', { kind: 'ceiling', concurrency: 64, weight: null }])
    expect(of({ system5: { weightMax: 4 } })).toEqual([['7-identity-ceiling', { kind: 'ceiling', concurrency: null, weight: 4 }]])
    expect(of({ identity: { name: 'n', purpose: 'p' }, system5: { hold: '2h' } })).toEqual([])
  })

  it('ends a day after it was said last, in whole hours: within an hour it is no news', () => {
    const ends = [0, 1, HOUR - 1, HOUR].map(
      (later) => directivesBelow(child('x'), governance, { ...told, nowMs: NOW + later })[0]?.untilMs ?? 0,
    )
    expect(ends.map((end) => (end - NOW) / HOUR)).toEqual([24, 25, 25, 25])
    expect(NOW % HOUR).toBe(0)
  })

  it.each<[string, unknown, string]>([
    ['is no list', { group: '*' }, 'below'],
    ['names a group as none is named', [{ group: 'Plant 7', never: ['x'] }], 'below.0.group'],
    ['orders nothing', [{ group: '*' }], 'below.0: orders nothing'],
    ['knows no such word', [{ group: '*', always: ['x'] }], 'below.0'],
    ['has a pattern with a star within', [{ group: '*', never: ['a*b'] }], 'below.0.never.0'],
    ['asks for no latency', [{ group: '*', target: { p99: '0ms' } }], 'below.0.target.p99'],
    ['lets all calls fail', [{ group: '*', target: { errors: 1 } }], 'below.0.target.errors'],
    ['owes nothing', [{ group: '*', target: {} }], 'below.0: orders nothing'],
    ['allows no call at all', [{ group: '*', concurrencyMax: 0 }], 'below.0.concurrencyMax'],
    [
      'is too many',
      Array.from({ length: 9 }, () => ({ group: '*', concurrencyMax: 1, weightMax: 1 })),
      'these are 18 directives',
    ],
    ['is too long', [1, 2].map(() => ({ group: '*', never: Array.from({ length: 64 }, () => 'x'.repeat(64)) })), '6144 bytes'],
  ])('that %s is refused with the place', (_what, value, flaw) => {
    const read = readGovernance({ below: value })
    expect(read.flaws.join()).toContain(flaw)
    expect(read.below).toEqual([])
  })
})

describe('a directive from above', () => {
  it('bounds what System 5 may give, whoever asks', () => {
    const { governance } = held({}, [
      directive({ kind: 'never', tools: ['exec*'] }),
      directive({ kind: 'concurrency', most: 16 }),
      directive({ kind: 'weight', most: 2 }),
    ])
    const clause = (kind: 'capability' | 'concurrency' | 'weight' | 'quarantine', subject: string, value: number) =>
      objectionTo({ kind, subject, value }, governance)?.clause
    expect(clause('capability', 'exec_sql', 1)).toBe('above.never')
    expect(clause('capability', 'execute', 1)).toBe('above.never')
    expect(clause('capability', 'read', 1)).toBeUndefined()
    expect(clause('concurrency', 'files', 17)).toBe('above.concurrency')
    expect(clause('concurrency', 'files', 16)).toBeUndefined()
    expect(clause('weight', 'files', 2.5)).toBe('above.weight')
    expect(clause('quarantine', 'files', 1)).toBeUndefined()
  })

  it('that is a ceiling bounds what is given, and not what a unit was attached with', () => {
    const above = [directive({ kind: 'ceiling', concurrency: 16, weight: null })]
    const { governance } = held({}, above)
    expect(objectionTo({ kind: 'concurrency', subject: 'files', value: 17 }, governance)?.clause).toBe('above.ceiling')
    expect(objectionTo({ kind: 'concurrency', subject: 'files', value: 16 }, governance)).toBeUndefined()
    expect(objectionTo({ kind: 'weight', subject: 'files', value: 8 }, governance)).toBeUndefined()
    expect(withinBounds('files', undefined, { weight: 1, concurrency: 64 }, above)).toBeUndefined()
  })

  it('never loosens what the group holds itself to', () => {
    const { governance } = held({ identity: { name: 'n', purpose: 'p', concurrencyMax: 8 }, system5: { concurrencyMax: 8 } }, [
      directive({ kind: 'concurrency', most: 64 }),
    ])
    expect(objectionTo({ kind: 'concurrency', subject: 'files', value: 9 }, governance)?.clause).toBe('identity.concurrencyMax')
  })

  it.each<[string, Record<string, unknown>, GroupDirective, string]>([
    ['takes from a unit that the identity keeps', keeping(), directive({ kind: 'quarantine', units: ['a', 'plc'] }), 'keeps plc'],
    ['stops a unit that the identity keeps', keeping(), directive({ kind: 'stop', units: ['plc'] }), 'keeps plc'],
    ['lets kept units weigh less than others', keeping(), directive({ kind: 'weight', most: 0.5 }), 'keeps plc'],
    [
      'comes from a group that is not above',
      {},
      directive({ kind: 'weight', most: 1 }, { by: 'sibling' }),
      'sibling is no group above',
    ],
    ['has ended', {}, directive({ kind: 'weight', most: 1 }, { untilMs: NOW }), 'its time is over'],
    ['finds an identity that cannot be read', { identity: 7 }, directive({ kind: 'weight', most: 1 }), 'cannot be read'],
  ])('that %s is refused, and bounds nothing', (_what, policies, one, reason) => {
    const { governance, refused } = held(policies, [one])
    expect(governance.above).toEqual([])
    expect(refused).toMatchObject([{ directive: one, reason: expect.stringContaining(reason) as string }])
  })

  it('is obeyed at each unit: what it has by itself stays where that is less', () => {
    const above = [
      directive({ kind: 'concurrency', most: 16 }),
      directive({ kind: 'weight', most: 2 }),
      directive({ kind: 'quarantine', units: ['old'] }),
    ]
    const terms = { weight: 1, concurrency: 64 }
    expect(withinBounds('files', undefined, terms, above)).toEqual({ concurrency: 16, by: ['1-0-concurrency'] })
    expect(withinBounds('files', undefined, { weight: 1, concurrency: 8 }, above)).toBeUndefined()
    const own = { weight: 5, concurrency: 4, by: ['p'] }
    expect(withinBounds('files', own, terms, above)).toEqual({ weight: 2, concurrency: 4, by: ['p', '1-0-weight'] })
    expect(withinBounds('old', undefined, { weight: 1, concurrency: 2 }, above)).toEqual({
      isQuarantined: true,
      by: ['1-0-quarantine'],
    })
    expect(withinBounds('files', undefined, terms, [])).toBeUndefined()
    expect(withinBounds('old', undefined, terms, [directive({ kind: 'stop', units: ['old'] })])).toEqual({
      isStopped: true,
      by: ['1-0-stop'],
    })
  })

  it('has each unit owe what is asked of it, or what it owes by itself where that is more', () => {
    const above = [
      directive({ kind: 'target', p99Ms: 300, errors: null }),
      directive({ kind: 'target', p99Ms: 200, errors: 0.1 }),
    ]
    expect(owedWithin({ p99Ms: null, errorShare: null }, above)).toEqual({ p99Ms: 200, errorShare: 0.1 })
    expect(owedWithin({ p99Ms: 100, errorShare: 0.5 }, above)).toEqual({ p99Ms: 100, errorShare: 0.1 })
    expect(owedWithin({ p99Ms: null, errorShare: 0 }, [])).toEqual({ p99Ms: null, errorShare: 0 })
  })
})

describe('how directives are followed', () => {
  const seen = (more: Partial<SeenOfBounds> = {}): SeenOfBounds => ({ windows: [], given: [], sought: [], missed: [], ...more })
  const states = (following: Following, all: GroupDirective[], what: SeenOfBounds, nowMs: number) =>
    following.look(all, [], what, nowMs).map(({ state, reason }) => `${state} ${reason}`.trim())

  it('is read from what is measured, against them only after a while', () => {
    const following = new Following()
    const most = [directive({ kind: 'concurrency', most: 2 })]
    const busy = seen({
      windows: [
        { unit: 'a', calls: 9, inFlight: 1 },
        { unit: 'b', calls: 9, inFlight: 3 },
      ],
    })
    expect(states(following, most, seen(), NOW)).toEqual(['held'])
    expect(states(following, most, busy, NOW + 59_999)).toEqual(['held'])
    expect(states(following, most, busy, NOW + 60_000)).toEqual(['unmet b has 3 in work'])
    expect(states(following, most, seen({ windows: [{ unit: 'b', calls: 0, inFlight: 2 }] }), NOW + 60_001)).toEqual([
      'met b has 2 in work',
    ])
    // Another bound is another directive, and one that was gone begins anew.
    expect(states(following, [directive({ kind: 'concurrency', most: 1 })], busy, NOW + 60_002)).toEqual(['held'])
    expect(states(following, most, busy, NOW + 60_003)).toEqual(['held'])
  })

  it('looks at the unit that is meant, at what was ordered, and at what is sought', () => {
    const following = new Following()
    const all = [
      directive({ kind: 'quarantine', units: ['old'] }),
      directive({ kind: 'weight', most: 2 }),
      directive({ kind: 'never', tools: ['exec*'] }),
    ]
    const calm = seen({
      windows: [{ unit: 'new', calls: 9, inFlight: 9 }],
      given: [{ kind: 'weight', unit: 'new', value: 2 }],
      sought: ['read'],
    })
    expect(states(following, all, calm, NOW)).toEqual(['held', 'met nobody was given more', 'met none is sought'])
    const wild = seen({
      windows: [{ unit: 'old', calls: 9, inFlight: 2 }],
      given: [{ kind: 'weight', unit: 'new', value: 3 }],
      sought: ['exec_sql'],
    })
    expect(states(following, all, wild, NOW + 60_000)).toEqual([
      'unmet old has 2 in work',
      'unmet new was given a weight of 3',
      'unmet exec_sql is sought',
    ])
  })

  it('looks at what is missed of a target, at what is given over a ceiling, and whether what is stopped is called', () => {
    const following = new Following()
    const all = [
      directive({ kind: 'target', p99Ms: 200, errors: 0.1 }),
      directive({ kind: 'ceiling', concurrency: 8, weight: null }),
      directive({ kind: 'stop', units: ['old'] }),
    ]
    const still = { unit: 'old', calls: 0, inFlight: 0 }
    const none = 'met nobody was given more'
    expect(states(following, all, seen(), NOW)).toEqual(['held', none, 'held'])
    // A unit may owe more than those above ask for, and miss that.
    const less = seen({ windows: [still], missed: [{ unit: 'new', metric: 'latency', measured: 150 }] })
    expect(states(following, all, less, NOW)).toEqual(['held', none, 'met none is called'])
    const calm = seen({ windows: [still, { unit: 'new', calls: 9, inFlight: 0 }] })
    expect(states(following, all, calm, NOW)).toEqual(['met no unit misses it', none, 'met none is called'])
    const wild = seen({
      windows: [{ unit: 'old', calls: 1, inFlight: 0 }],
      given: [{ kind: 'concurrency', unit: 'new', value: 9 }],
      missed: [{ unit: 'new', metric: 'errors', measured: 0.25 }],
    })
    expect(states(following, all, wild, NOW + 60_000)).toEqual([
      'unmet new has 25.0 % errors',
      'unmet new was given a concurrency of 9',
      'unmet old is called still',
    ])
  })

  it('tells of those that are refused why, in as much as a record has room for', () => {
    const one = directive({ kind: 'weight', most: 1 })
    expect(new Following().look([], [{ directive: one, reason: 'x'.repeat(200) }], seen(), NOW)).toEqual([
      { id: one.id, by: 'root', state: 'refused', reason: 'x'.repeat(80) },
    ])
  })
})

function keeping(): Record<string, unknown> {
  return { identity: { name: 'n', purpose: 'p', keep: ['plc'] } }
}
