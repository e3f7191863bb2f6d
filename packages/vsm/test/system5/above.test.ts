import { describe, expect, it } from 'vitest'
import {
  directivesBelow,
  Following,
  governedFromAbove,
  type GroupDirective,
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

describe('what policies hold the groups below to', () => {
  const below = [
    { group: '*', never: ['shell', 'exec*'] },
    { group: 'plant-7', concurrencyMax: 16, weightMax: 2, quarantine: ['old-plc'], reason: 'until it is mended' },
  ]
  const { below: rules, flaws } = readGovernance({ below })
  const told = { by: 'eu', version: 7, atMs: NOW, nowMs: NOW + 5 }

  it('becomes directives for those that are meant', () => {
    expect(flaws).toEqual([])
    expect(directivesBelow('plant-8', rules, told).map(({ id, order }) => [id, order])).toEqual([
      ['7-0-never', { kind: 'never', tools: ['shell', 'exec*'] }],
    ])
    expect(directivesBelow('plant-7', rules, told).map(({ id, reason }) => [id, reason])).toEqual([
      ['7-0-never', ''],
      ['7-1-concurrency', 'until it is mended'],
      ['7-1-weight', 'until it is mended'],
      ['7-1-quarantine', 'until it is mended'],
    ])
  })

  it('ends a day after it was said last, in whole hours: within an hour it is no news', () => {
    const ends = [0, 1, HOUR - 1, HOUR].map(
      (later) => directivesBelow('x', rules, { ...told, nowMs: NOW + later })[0]?.untilMs ?? 0,
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
    ['allows no call at all', [{ group: '*', concurrencyMax: 0 }], 'below.0.concurrencyMax'],
    ['is too much', Array.from({ length: 9 }, () => ({ group: '*', concurrencyMax: 1, weightMax: 1 })), 'more than 16'],
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

  it('never loosens what the group holds itself to', () => {
    const { governance } = held({ identity: { name: 'n', purpose: 'p', concurrencyMax: 8 }, system5: { concurrencyMax: 8 } }, [
      directive({ kind: 'concurrency', most: 64 }),
    ])
    expect(objectionTo({ kind: 'concurrency', subject: 'files', value: 9 }, governance)?.clause).toBe('identity.concurrencyMax')
  })

  it.each<[string, Record<string, unknown>, GroupDirective, string]>([
    ['takes from a unit that the identity keeps', keeping(), directive({ kind: 'quarantine', units: ['a', 'plc'] }), 'keeps plc'],
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
  })
})

describe('how directives are followed', () => {
  const seen = (more: Partial<SeenOfBounds> = {}): SeenOfBounds => ({ inFlight: [], weights: [], sought: [], ...more })
  const states = (following: Following, all: GroupDirective[], what: SeenOfBounds, nowMs: number) =>
    following.look(all, [], what, nowMs).map(({ state, reason }) => `${state} ${reason}`.trim())

  it('is read from what is measured, against them only after a while', () => {
    const following = new Following()
    const most = [directive({ kind: 'concurrency', most: 2 })]
    const busy = seen({
      inFlight: [
        { unit: 'a', inFlight: 1 },
        { unit: 'b', inFlight: 3 },
      ],
    })
    expect(states(following, most, seen(), NOW)).toEqual(['held'])
    expect(states(following, most, busy, NOW + 59_999)).toEqual(['held'])
    expect(states(following, most, busy, NOW + 60_000)).toEqual(['unmet b has 3 in work'])
    expect(states(following, most, seen({ inFlight: [{ unit: 'b', inFlight: 2 }] }), NOW + 60_001)).toEqual([
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
    const calm = seen({ inFlight: [{ unit: 'new', inFlight: 9 }], weights: [{ unit: 'new', weight: 2 }], sought: ['read'] })
    expect(states(following, all, calm, NOW)).toEqual(['held', 'met the most that was ordered is 2', 'met none is sought'])
    const wild = seen({ inFlight: [{ unit: 'old', inFlight: 2 }], weights: [{ unit: 'new', weight: 3 }], sought: ['exec_sql'] })
    expect(states(following, all, wild, NOW + 60_000)).toEqual([
      'unmet old has 2 in work',
      'unmet the most that was ordered is 3',
      'unmet exec_sql is sought',
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
