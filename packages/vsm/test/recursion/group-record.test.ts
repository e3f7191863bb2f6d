import { describe, expect, it } from 'vitest'
import {
  compareOrder,
  foldFigures,
  foldGroup,
  foldVariety,
  type GroupRecord,
  groupRecords,
  indicesOf,
  judgeDirectives,
  type ParentRecord,
  parentRecords,
  RECORD_BYTES_MAX,
  ToolFilter,
  VarietyMeter,
} from '../../src/index.ts'
import { carriedDirectives } from '../../src/recursion/parent-record.ts'
import { FILTER_TEXT_MAX } from '../../src/recursion/tool-filter.ts'
import { carriedRevocations } from '../../src/recursion/revocation.ts'
import { alert, BYTES_OF, figures, groupRecord, JSON_OF, NOW, variety } from '../support/group-record.ts'

const own = {
  path: '/',
  members: 5,
  exports: 'c'.repeat(64),
  revocations: [],
  followed: [],
  alerts: [],
  tools: ToolFilter.of(['own']),
}
const head = { group: 'root', voice: 'leader', epoch: 1, term: 2, sequence: 0, atMs: NOW }

describe('the record of a group', () => {
  it('survives being written and read; what a later version adds is left out', () => {
    const bytes = groupRecords.encode(groupRecord({ alerts: [alert('1')], alertsOpen: 3 }))
    expect(groupRecords.decode(BYTES_OF({ ...JSON_OF(bytes), later: 1 }))).toEqual(
      groupRecord({ alerts: [alert('1')], alertsOpen: 3 }),
    )
  })

  it.each<[string, (record: Record<string, unknown>) => unknown]>([
    ['NaN', (record) => ({ ...record, figures: { ...figures(), actuality: null } })],
    ['a negative count', (record) => ({ ...record, figures: { ...figures(), calls: -1 } })],
    ['half a call', (record) => ({ ...record, figures: { ...figures(), calls: 1.5 } })],
    ['more errors than calls', (record) => ({ ...record, figures: { ...figures(), errors: 11 } })],
    ['more turned away than errors', (record) => ({ ...record, figures: { ...figures(), turnedAway: 2 } })],
    ['more calls than there can be', (record) => ({ ...record, figures: { ...figures(), calls: 2 ** 50 } })],
    ['a rate beyond any bound', (record) => ({ ...record, figures: { ...figures(), potentiality: 1e300 } })],
    ['doing more than it could', (record) => ({ ...record, figures: { ...figures(), actuality: 5 } })],
    ['no window', (record) => ({ ...record, figures: { ...figures(), windowMs: 0 } })],
    ['a window of two days', (record) => ({ ...record, figures: { ...figures(), windowMs: 2 * 86_400_000 } })],
    ['outcomes that do not sum up', (record) => ({ ...record, variety: { ...variety(), calls: 11 } })],
    ['more variety than any source has', (record) => ({ ...record, variety: { ...variety(), demandBits: 65 } })],
    ['more left over than there was', (record) => ({ ...record, variety: { ...variety(), residualBits: 0.6 } })],
    ['nobody in it', (record) => ({ ...record, members: 0 })],
    ['more nodes than there are people', (record) => ({ ...record, members: 2e9 })],
    ['levels without groups', (record) => ({ ...record, depth: 1 })],
    ['groups without levels', (record) => ({ ...record, groups: 1 })],
    ['more levels than there may be', (record) => ({ ...record, groups: 20, depth: 9 })],
    ['a path that is none', (record) => ({ ...record, path: '/../x' })],
    ['a group id that could be part of a file name', (record) => ({ ...record, group: '../x' })],
    ['more alerts than it has', (record) => ({ ...record, alerts: [alert('1')], alertsOpen: 0 })],
    ['one alert twice', (record) => ({ ...record, alerts: [alert('1'), alert('1')], alertsOpen: 2 })],
    [
      'seventeen alerts',
      (record) => ({ ...record, alerts: Array.from({ length: 17 }, (_, at) => alert(`${at}`)), alertsOpen: 17 }),
    ],
    ['an alert at an impossible time', (record) => ({ ...record, alerts: [alert('1', { onsetMs: 9e15 })], alertsOpen: 1 })],
    ['no filter', (record) => ({ ...record, tools: 'd!' })],
    ['a filter of twice as many bits', (record) => ({ ...record, tools: `b${'A'.repeat(2 * FILTER_TEXT_MAX)}` })],
    ['a filter of one bit too many', (record) => ({ ...record, tools: `b${'A'.repeat(FILTER_TEXT_MAX)}` })],
    [
      'a revocation that ends before it begins',
      (record) => ({ ...record, revocations: [{ peer: 'p', group: 'g', atMs: 2, untilMs: 1 }] }),
    ],
    ['no end', (record) => ({ ...record, untilMs: NOW })],
    ['an end far away', (record) => ({ ...record, untilMs: NOW + 60_001 })],
    ['another version', (record) => ({ ...record, v: 2 })],
    ['a channel that is none', (record) => ({ ...record, channel: { kind: 'report', from: 'system1', to: 'system5' } })],
    ['a channel of others', (record) => ({ ...record, channel: { kind: 'command', from: 'system3', to: 'system1' } })],
    ['no object', () => [1]],
    ['nothing', () => null],
    ['more bytes than a record has', (record) => ({ ...record, later: 'x'.repeat(RECORD_BYTES_MAX) })],
  ])('with %s is refused with a reason', (_what, spoil) => {
    const bytes = BYTES_OF(spoil(JSON_OF(groupRecords.encode(groupRecord()))))
    expect(() => groupRecords.decode(bytes)).toThrow(expect.objectContaining({ code: 'VSMCP_VSM_MESSAGE_MALFORMED' }))
  })

  it('with a filter that is too large is refused for just that', () => {
    const large = { ...JSON_OF(groupRecords.encode(groupRecord())), tools: `b${'A'.repeat(FILTER_TEXT_MAX)}` }
    expect(() => groupRecords.decode(BYTES_OF(large))).toThrow(/^the record of a group, tools: .*8193/)
  })

  it('that is no JSON, or no UTF-8, is refused likewise', () => {
    for (const bytes of [new Uint8Array([0xff, 0xfe]), new Uint8Array(), new TextEncoder().encode('{')]) {
      expect(() => groupRecords.decode(bytes)).toThrow(expect.objectContaining({ code: 'VSMCP_VSM_MESSAGE_MALFORMED' }))
    }
  })

  it('is ordered by epoch, then term, then sequence', () => {
    const orders = [
      [2, 1, 1],
      [1, 9, 0],
      [1, 3, 8],
      [1, 3, 7],
    ].map(([epoch = 0, term = 0, sequence = 0]) => ({ epoch, term, sequence }))
    expect(orders.toSorted((a, b) => compareOrder(b, a))).toEqual(orders)
  })

  it('never outgrows its bound, whatever is below and however long the words are', () => {
    const wide = '\u{1F525}"\\'.repeat(40)
    const peer = 'p'.repeat(128)
    const group = 'g'.repeat(64)
    const child = (at: number): GroupRecord =>
      groupRecord({
        group: `${at}${group}`.slice(0, 64),
        alerts: Array.from({ length: 16 }, (_, each) =>
          alert(`${at}-${each}-${'i'.repeat(20)}`, { group, subject: wide.slice(0, 120) }),
        ),
        alertsOpen: 1e9,
        members: 1e7,
        groups: 1e6,
        depth: 6,
        tools: ToolFilter.of(Array.from({ length: 3_000 }, (_, each) => `tool-${at}-${each}`)).toText(),
      })
    const revocations = carriedRevocations(
      Array.from({ length: 500 }, (_, at) => ({ peer: `${at}${peer}`.slice(0, 128), group, atMs: NOW - at, untilMs: NOW * 2 })),
    )
    const path = `/${Array.from({ length: 8 }, () => 'p'.repeat(24)).join('/')}`
    const folded = foldGroup(
      { ...head, group, voice: peer, epoch: 2 ** 52, term: 2 ** 52, sequence: 2 ** 52 },
      {
        ...own,
        path,
        figures: figures({ latencyMs: 1 / 3, actuality: 1 / 3 }),
        variety: variety({ demandBits: 1 / 3 }),
        revocations,
      },
      Array.from({ length: 64 }, (_, at) => child(at)).map((each) => ({ ...each, members: 1e6, groups: 1e6, alertsOpen: 1e6 })),
    )
    const { length } = groupRecords.encode(folded)
    expect(length).toBeLessThanOrEqual(RECORD_BYTES_MAX)
    expect(length).toBeGreaterThan(RECORD_BYTES_MAX * 0.7)
  })
})

describe('a group is made of its own and its children', () => {
  const children = [
    groupRecord({ alerts: [alert('1'), alert('2', { severity: 'critical' })], alertsOpen: 5 }),
    groupRecord({
      group: 'g-2',
      path: '/two',
      members: 4,
      groups: 2,
      depth: 1,
      alerts: [alert('3', { group: 'g-2', onsetMs: NOW - 5_000 })],
      alertsOpen: 1,
    }),
  ]
  const folded = foldGroup(
    head,
    { ...own, figures: figures(), variety: variety(), alerts: [alert('4', { group: 'root', severity: 'low' })] },
    children,
  )

  it('counts all that is at home below', () => {
    expect(folded).toMatchObject({ members: 12, groups: 4, depth: 2, alertsOpen: 7 })
    expect(folded.figures).toMatchObject({ calls: 30, errors: 3, inFlight: 6, queued: 3 })
    expect(folded.figures.latencyMs).toBeCloseTo(20)
    expect(folded.figures.actuality).toBeCloseTo(5.4)
    expect(indicesOf(folded.figures).productivity).toBeCloseTo(5.4 / 12)
  })

  it('tells of the worst alerts first, each with its group', () => {
    expect(folded.alerts.map(({ id, group }) => `${id} of ${group}`)).toEqual([
      '2 of g-child',
      '3 of g-2',
      '1 of g-child',
      '4 of root',
    ])
  })

  it('may have every tool that is below', () => {
    const filter = ToolFilter.fromText(folded.tools)
    expect(['own', 'read', 'write'].map((tool) => filter?.mayHave(tool))).toEqual([true, true, true])
    expect(filter?.mayHave('nobody-has-this')).toBe(false)
  })

  it('is a record itself, no larger for a hundred children than for one', () => {
    const many = foldGroup(
      head,
      { ...own, figures: figures(), variety: variety() },
      Array.from({ length: 64 }, (_, at) => groupRecord({ group: `g${at}` })),
    )
    const one = foldGroup(head, { ...own, figures: figures(), variety: variety() }, [groupRecord()])
    expect(groupRecords.encode(many).length - groupRecords.encode(one).length).toBeLessThan(128)
  })

  it('however much its children boast, is one that can be said', () => {
    const most = 10_000_000
    const calls = most * 5
    const boast = groupRecord({
      members: 1e9,
      groups: 1e9,
      depth: 8,
      alertsOpen: 1e9,
      figures: figures({
        calls,
        errors: calls,
        turnedAway: calls,
        inFlight: Number.MAX_SAFE_INTEGER,
        queued: Number.MAX_SAFE_INTEGER,
        actuality: most,
        capability: most,
        potentiality: most,
      }),
      variety: variety({
        calls: Number.MAX_SAFE_INTEGER,
        outcomes: { ok: Number.MAX_SAFE_INTEGER },
        demandBits: 64,
        responseBits: 64,
        outcomeBits: 64,
        residualBits: 64,
      }),
    })
    const boasters = [boast, { ...boast, group: 'g-other' }]
    for (const child of boasters) expect(groupRecords.decode(groupRecords.encode(child))).toEqual(child)
    const all = foldGroup(head, { ...own, figures: figures(), variety: variety() }, boasters)
    expect(groupRecords.decode(groupRecords.encode(all))).toEqual(all)
    expect(all).toMatchObject({ members: 1e9, groups: 1e9, depth: 8, alertsOpen: 1e9, figures: { actuality: most } })
  })

  it('scales counts of other windows to its own', () => {
    expect(foldFigures([figures(), figures({ windowMs: 10_000, calls: 30, errors: 30, turnedAway: 30 })])).toMatchObject({
      windowMs: 5_000,
      calls: 25,
      errors: 16,
      turnedAway: 15,
    })
  })

  it('knows nothing of what was never measured, and of nothing nothing', () => {
    const idle = figures({ calls: 0, errors: 0, latencyMs: null, actuality: 0, capability: null, potentiality: null })
    expect(foldFigures([idle, idle])).toMatchObject({ latencyMs: null, capability: null, potentiality: null })
    expect(foldFigures([idle, figures()])).toMatchObject({ latencyMs: 20, capability: 4 })
    expect(foldVariety([])).toEqual({ calls: 0, outcomes: {}, demandBits: 0, responseBits: 0, outcomeBits: 0, residualBits: 0 })
  })

  it('has the variety that one meter of all calls would have measured, where no tool is in two groups', () => {
    const [a, b, whole] = [new VarietyMeter(), new VarietyMeter(), new VarietyMeter()]
    const call = (meter: VarietyMeter, tool: string, outcome: 'ok' | 'error', times: number): void => {
      for (let at = 0; at < times; at++) {
        for (const each of [meter, whole]) each.step({ demand: tool, response: tool, outcome, unit: 'u' }, 0)
      }
    }
    call(a, 'a1', 'ok', 4_000)
    call(a, 'a2', 'ok', 2_000)
    call(a, 'a2', 'error', 1_000)
    call(b, 'b1', 'ok', 3_000)
    call(b, 'b2', 'error', 500)
    const joined = foldVariety([a.figures(0), b.figures(0)])
    const direct = whole.figures(0)
    expect(joined.calls).toBe(direct.calls)
    expect(joined.outcomeBits).toBeCloseTo(direct.outcomeBits, 10)
    for (const bits of ['demandBits', 'responseBits', 'residualBits'] as const) expect(joined[bits]).toBeCloseTo(direct[bits], 3)
  })
})

describe('the record of a parent', () => {
  const directive = (id: string, more = {}) => ({
    id,
    by: 'root',
    order: { kind: 'concurrency' as const, most: 4 },
    reason: 'half',
    atMs: NOW,
    untilMs: NOW + 9e9,
    ...more,
  })
  const NEVER_A_LOT = {
    order: { kind: 'never' as const, tools: Array.from({ length: 16 }, (_, at) => `${'x'.repeat(40)}${at}`) },
  }
  const parent = (more: Partial<ParentRecord> = {}): ParentRecord => ({
    group: 'g-child',
    voice: 'leader',
    epoch: 1,
    term: 2,
    sequence: 0,
    atMs: NOW,
    untilMs: NOW + 60_000,
    parent: 'root',
    path: '/child',
    lineage: ['root'],
    charter: { version: 1, digest: 'b'.repeat(64) },
    directives: [],
    revocations: [],
    ...more,
  })

  it('survives being written and read', () => {
    const record = parent({ directives: [directive('d1')], revocations: [{ peer: 'p', group: 'root', atMs: 1, untilMs: 2 }] })
    expect(parentRecords.decode(parentRecords.encode(record))).toEqual(record)
  })

  it.each<[string, Partial<ParentRecord>]>([
    ['names another parent than its lineage', { lineage: ['root', 'other'] }],
    ['goes in a circle', { lineage: ['root', 'a', 'root'] }],
    ['has no root', { lineage: [] }],
    ['is too deep', { lineage: ['1', '2', '3', '4', '5', '6', '7', '8', 'root'] }],
    [
      'has more directives than there is room for',
      { directives: Array.from({ length: 16 }, (_, at) => directive(`d${at}`, NEVER_A_LOT)) },
    ],
  ])('that %s is refused', (_what, more) => {
    expect(() => parentRecords.encode(parent(more))).toThrow(expect.objectContaining({ code: 'VSMCP_VSM_MESSAGE_MALFORMED' }))
  })

  it('is heard without the directives of a kind that this version does not know', () => {
    const known = directive('known')
    const bytes = parentRecords.encode(parent({ directives: [known] }))
    const later = JSON_OF(bytes)
    const directives = [{ ...known, id: 'later', order: { kind: 'moonlight' } }, known]
    expect(parentRecords.decode(BYTES_OF({ ...later, directives })).directives).toEqual([known])
    const wrong = [{ ...known, order: { kind: 'concurrency', most: 'much' } }]
    expect(() => parentRecords.decode(BYTES_OF({ ...later, directives: wrong }))).toThrow('directives')
  })

  it('carries as many directives as there is room for', () => {
    const directives = carriedDirectives(
      Array.from({ length: 40 }, (_, at) => directive(`d${at}`, { reason: '\u{1F525}'.repeat(100) })),
    )
    expect(directives.length).toBeGreaterThan(3)
    expect(parentRecords.encode(parent({ directives })).length).toBeLessThanOrEqual(RECORD_BYTES_MAX)
  })

  it('is followed where nothing forbids it, and else not, for a reason that can be told', () => {
    const directives = [
      directive('fine'),
      directive('over', { untilMs: NOW }),
      directive('stranger', { by: 'g-sibling' }),
      directive('against', { order: { kind: 'quarantine', units: ['eraser'] } }),
    ]
    const { held, refused } = judgeDirectives(
      { directives, lineage: ['root'] },
      ({ order }) => (order.kind === 'quarantine' ? 'the group never erases measurements' : undefined),
      NOW,
    )
    expect(held.map(({ id }) => id)).toEqual(['fine'])
    expect(refused.map((each) => `${each.directive.id}: ${each.reason}`)).toEqual([
      'over: its time is over',
      'stranger: g-sibling is no group above this one',
      'against: the group never erases measurements',
    ])
  })
})
