import { type ChildGroup, Table } from '@vsmcp/consensus'
import { isoTime } from '@vsmcp/kernel'
import { FILTER_BITS, type GroupRecord, type ParentRecord, ToolFilter } from '@vsmcp/vsm'
import { expect, test } from 'vitest'
import { BELOW_SHOWN, recursionView } from '../src/recursion/recursion-view.ts'
import { toldView } from '../src/recursion/told-view.ts'

const NOW = 1_800_000_000_000
const PARENT = { id: 'root', path: '/', reached: true, since: isoTime(NOW) }

const child = (name: string, more: Partial<ChildGroup> = {}): ChildGroup => ({
  name,
  founder: 'a',
  charterDigest: 'd'.repeat(64),
  createdAtMs: 0,
  createdAtIndex: 2,
  ...more,
})

/** What of a record the view reads. */
function record(actuality: number, alertsOpen = 0): GroupRecord {
  const figures = { windowMs: 5_000, actuality, capability: 8, potentiality: 16 }
  return { atMs: NOW, members: 4, groups: 2, depth: 1, alertsOpen, figures } as unknown as GroupRecord
}

const heard = (records: Record<string, GroupRecord>, parent?: Pick<ParentRecord, 'atMs'>) => ({
  parent: parent as ParentRecord | undefined,
  child: (group: string) => records[group],
})

test('a group without any above or below says just that', () => {
  const view = recursionView({ path: '/', parent: null }, { groups: Table.empty() }, heard({}))
  expect(view).toEqual({ above: null, below: [], belowMore: 0 })
})

test('what is above is told with when it was heard last, and what is below with its figures, those that hurt first', () => {
  const groups = Table.from([
    ['g1', child('idle')],
    ['g2', child('busy')],
    ['g3', child('hurt')],
    ['g4', child('silent')],
    ['g5', child('coming', { move: 1, awaited: true })],
  ])
  const records = heard({ g1: record(0), g2: record(4), g3: record(1, 2) }, { atMs: NOW - 5_000 })
  const { above, below, belowMore } = recursionView({ path: '/eu', parent: PARENT }, { groups }, records)
  expect(above).toEqual({ ...PARENT, heard: isoTime(NOW - 5_000) })
  expect(below.map(({ path }) => path)).toEqual(['/eu/hurt', '/eu/busy', '/eu/idle', '/eu/coming', '/eu/silent'])
  expect(below[1]).toEqual({
    id: 'g2',
    path: '/eu/busy',
    awaited: false,
    told: {
      at: isoTime(NOW),
      members: 4,
      groups: 2,
      levels: 1,
      alertsOpen: 0,
      actuality: 4,
      capability: 8,
      potentiality: 16,
      productivity: 0.5,
      latency: 0.5,
      performance: 0.25,
    },
  })
  expect(below.slice(3).map(({ awaited, told }) => [awaited, told])).toEqual([
    [true, null],
    [false, null],
  ])
  expect(belowMore).toBe(0)
})

test('however many groups are below, few are told of', () => {
  const groups = Table.from(Array.from({ length: 64 }, (_, at) => [`g${at}`, child(`n${at}`)] as const))
  const view = recursionView({ path: '/', parent: null }, { groups }, heard({ g63: record(9) }))
  expect([view.below.length, view.belowMore]).toEqual([BELOW_SHOWN, 64 - BELOW_SHOWN])
  expect(view.below[0]?.path).toBe('/n63')
})

test('a filter in which every bit is set has so many names as can be told, and no infinite number', () => {
  const told = (tools: string): number =>
    toldView({ ...record(0), tools, variety: {}, alerts: [], followed: [] } as unknown as GroupRecord).toolNames
  expect(told(`b${'_'.repeat(FILTER_BITS / 6)}`)).toBe(100_000)
  expect(told(ToolFilter.of(['one', 'two']).toText())).toBe(2)
})
