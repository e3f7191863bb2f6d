import { expect, test } from 'vitest'
import { decodeGroupState, encodeGroupState, ORGANS_LEVEL } from '../src/index.ts'
import * as constants from '../src/constants.ts'
import { CHARTER, Group } from './support/group.ts'

const raise = (id: string, change: object = {}) => ({
  op: 'alert:raise' as const,
  id,
  feeling: 'pain' as const,
  severity: 'high' as const,
  origin: 'organ' as const,
  system: 'system1',
  subject: `trouble ${id}`,
  text: '',
  count: 1,
  onsetMs: 900,
  lastMs: 900,
  ...change,
})

const group = (featureLevel = ORGANS_LEVEL): Group => new Group({ ...CHARTER, featureLevel }).join('b').join('c')
const open = ({ state }: Group): string[] =>
  state.alerts.entries().flatMap(([id, { closed }]) => (closed === undefined ? [id] : []))

test('an alert is kept with its source until somebody resolves it, with author and reason, and is remembered then', () => {
  const asked = group()
  expect(asked.outcome(raise('x', { unit: 'files', mood: 1 }), { author: 'b' })).toBe('changed')
  expect(asked.effects).toEqual([{ type: 'alert:raised', id: 'x' }])
  expect(asked.state.alerts.get('x')).toMatchObject({ peer: 'b', unit: 'files', raisedAtMs: 1_000, onsetMs: 900, mood: 1 })
  expect(asked.outcome({ op: 'alert:acknowledge', id: 'x', reason: 'on it' }, { author: 'c', atMs: 2_000 })).toBe('changed')
  expect(asked.outcome({ op: 'alert:acknowledge', id: 'x', reason: 'me too' })).toBe('unchanged')
  expect(open(asked)).toEqual(['x'])
  expect(asked.outcome({ op: 'alert:resolve', id: 'x', reason: 'new disk' }, { author: 'c', atMs: 3_000 })).toBe('changed')
  expect(asked.outcome({ op: 'alert:resolve', id: 'x', reason: 'again' })).toBe('unchanged')
  expect(asked.state.alerts.get('x')).toMatchObject({
    acknowledged: { by: 'c', reason: 'on it', atMs: 2_000 },
    closed: { by: 'c', reason: 'new disk', atMs: 3_000 },
  })
  expect(asked.outcome({ op: 'alert:acknowledge', id: 'nope', reason: '' })).toBe('alert-unknown')
})

test('one that carries more than an alert takes is refused, so that a few members cannot fill the docket', () => {
  const asked = group()
  const widest = { subject: '漢'.repeat(constants.ALERT_SUBJECT_MAX), text: '漢'.repeat(constants.ALERT_TEXT_MAX) }
  expect(asked.outcome(raise('x', { ...widest, unit: 'a'.repeat(24), mood: '漢'.repeat(200) }), { author: 'b' })).toBe('changed')
  expect(asked.outcome(raise('y', { mood: 'x'.repeat(constants.ALERT_BYTES_MAX) }), { author: 'b' })).toBe('operation-invalid')
  expect(asked.outcome(raise('z', { feeling: 'pleasure', mood: 'x'.repeat(constants.ALERT_BYTES_MAX) }))).toBe(
    'operation-invalid',
  )
})

test('felt again it is the same alert: the count grows, the severity rises and never falls, an older word changes nothing', () => {
  const asked = group()
  asked.ask(raise('x'), { author: 'b' })
  expect(asked.outcome(raise('x'), { author: 'b' })).toBe('unchanged')
  expect(asked.outcome(raise('x', { count: 7, lastMs: 950, severity: 'critical', text: 'worse' }), { author: 'b' })).toBe(
    'changed',
  )
  expect(asked.outcome(raise('x', { count: 3, lastMs: 920, text: 'old' }), { author: 'b' })).toBe('unchanged')
  expect(asked.outcome(raise('x', { count: 8, lastMs: 990, severity: 'low' }), { author: 'b' })).toBe('changed')
  expect(asked.state.alerts.get('x')).toMatchObject({ count: 8, severity: 'critical', onsetMs: 900, lastMs: 990 })
  expect(asked.state.alerts.size).toBe(1)
})

test('the same pain of the same source under another id is refused, naming the one that is open; once that is over it is new', () => {
  const asked = group()
  asked.ask(raise('x', { subject: 'disk' }), { author: 'b' })
  expect(asked.ask(raise('y', { subject: 'disk' }), { author: 'b' })).toMatchObject({ code: 'alert-exists', holder: 'x' })
  expect(asked.outcome(raise('z', { subject: 'disk' }), { author: 'c' })).toBe('changed')
  asked.ask({ op: 'alert:resolve', id: 'x', reason: 'ok' })
  expect(asked.outcome(raise('y', { subject: 'disk' }), { author: 'b' })).toBe('changed')
  expect(asked.outcome(raise('x', { subject: 'disk', count: 9 }), { author: 'b' })).toBe('unchanged')
})

test('nobody raises in the name of another, changes another’s alert, or speaks for a unit that runs elsewhere', () => {
  const asked = group()
  asked.ask({ op: 'unit:claim', unit: 'files', peer: 'c' }, { author: 'c' })
  expect(asked.ask(raise('x', { unit: 'files' }), { author: 'b' })).toMatchObject({ code: 'not-yours', holder: 'c' })
  expect(asked.outcome(raise('x', { unit: 'files' }), { author: 'c' })).toBe('changed')
  expect(asked.outcome(raise('x', { count: 9 }), { author: 'b' })).toBe('alert-exists')
  // An auditor and a client may be about anything.
  expect(asked.outcome(raise('y', { unit: 'files', system: 'system3*' }), { author: 'b' })).toBe('changed')
  expect(asked.outcome(raise('z', { unit: 'files', origin: 'client' }), { author: 'b' })).toBe('changed')
  expect(asked.outcome(raise('w'), { author: 'stranger' })).toBe('author-unknown')
})

test('only a voter says that the group is overdue, once', () => {
  const asked = group()
  asked.ask(raise('x'), { author: 'b' })
  expect(asked.outcome({ op: 'alert:climb', id: 'x' }, { author: 'b' })).toBe('not-yours')
  expect(asked.outcome({ op: 'alert:climb', id: 'x' }, { atMs: 5_000 })).toBe('changed')
  expect(asked.effects).toEqual([{ type: 'alert:climbed', id: 'x' }])
  expect(asked.outcome({ op: 'alert:climb', id: 'x' }, { atMs: 6_000 })).toBe('unchanged')
  expect(asked.state.alerts.get('x')?.climbedAtMs).toBe(5_000)
  asked.ask({ op: 'alert:resolve', id: 'x', reason: 'ok' })
  expect(asked.outcome({ op: 'alert:climb', id: 'x' })).toBe('alert-closed')
})

test('pleasure needs no remedy: it is noted and over', () => {
  const asked = group()
  expect(asked.outcome(raise('x', { feeling: 'pleasure' }), { author: 'b' })).toBe('changed')
  expect(asked.effects.map(({ type }) => type)).toEqual(['alert:raised', 'alert:resolved'])
  expect(open(asked)).toEqual([])
})

test('one member’s places are bounded: the oldest of the least severe gives way to worse, the rest is refused', () => {
  const asked = group()
  for (let i = 0; i < constants.ALERTS_OPEN_PER_MEMBER_MAX; i++) {
    expect(asked.outcome(raise(`b${i}`, { severity: i === 3 ? 'low' : 'high' }), { author: 'b' })).toBe('changed')
  }
  expect(asked.outcome(raise('more', { severity: 'low' }), { author: 'b' })).toBe('alerts-full')
  expect(asked.outcome(raise('worse'), { author: 'b' })).toBe('changed')
  expect(asked.effects).toEqual([
    { type: 'alert:displaced', id: 'b3' },
    { type: 'alert:raised', id: 'worse' },
  ])
  expect(asked.outcome(raise('more'), { author: 'b' })).toBe('alerts-full')
  expect(asked.outcome(raise('other'), { author: 'c' })).toBe('changed')
  expect(open(asked)).toHaveLength(constants.ALERTS_OPEN_PER_MEMBER_MAX + 1)
})

test('the group’s places are bounded, and so is what is over: the one that ended first is forgotten', () => {
  const asked = group()
  const members = Math.ceil(constants.ALERTS_OPEN_MAX / constants.ALERTS_OPEN_PER_MEMBER_MAX)
  for (let m = 0; m < members; m++) {
    asked.join(`m${m}`)
    for (let i = 0; i < constants.ALERTS_OPEN_PER_MEMBER_MAX; i++) asked.ask(raise(`m${m}-${i}`), { author: `m${m}` })
  }
  expect(open(asked)).toHaveLength(constants.ALERTS_OPEN_MAX)
  expect(asked.outcome(raise('late'), { author: 'b' })).toBe('alerts-full')
  expect(asked.outcome(raise('late', { severity: 'critical' }), { author: 'b' })).toBe('changed')
  expect(asked.state.alerts.has('m0-0')).toBe(false)
  for (const id of open(asked)) asked.ask({ op: 'alert:resolve', id, reason: 'done' })
  expect(asked.state.alerts.size).toBe(constants.ALERTS_CLOSED_MAX)
  const read = decodeGroupState(encodeGroupState(asked.state))
  expect(read.bytes).toBe(asked.state.bytes)
  expect(read.alerts.entries()).toEqual(asked.state.alerts.entries())
})

test.for<[string, object]>([
  ['a count of zero', { count: 0 }],
  ['a count that is none', { count: Number.MAX_VALUE }],
  ['felt last before first', { lastMs: 899 }],
  ['an unknown severity', { severity: 'fatal' }],
  ['an unknown feeling', { feeling: 'envy' }],
  ['no subject', { subject: '' }],
  ['a subject that moves the cursor', { subject: '\u001b[2J' }],
  ['a text that is too long', { text: 'x'.repeat(501) }],
  ['a unit that is none', { unit: 'Not A Unit' }],
])('an alert out of bounds is no operation: %s', ([, change]) => {
  expect(() => group().ask(raise('x', change))).toThrow(expect.objectContaining({ code: 'VSMCP_INVALID_ARGUMENT' }))
})

test('a group of a lower feature level knows no alerts, and its snapshot reads as it always did', () => {
  const asked = group(ORGANS_LEVEL - 1)
  expect(asked.outcome(raise('x'), { author: 'b' })).toBe('feature-level')
  expect(new TextDecoder().decode(encodeGroupState(asked.state))).not.toContain('alerts')
})
