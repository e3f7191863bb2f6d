import { InvalidArgumentError } from '@vsmcp/kernel'
import { describe, expect, it } from 'vitest'
import { timetableOf } from '../src/system2/timetable.ts'

const at = (iso: string): number => Date.parse(iso)
const iso = (times: readonly number[]): string[] => times.map((timeMs) => new Date(timeMs).toISOString())

describe('a timetable', () => {
  it('has its occurrences after one time and up to another, to the millisecond', () => {
    const table = timetableOf('*/10 * * * * *', 'UTC', 0)
    const t = at('2027-01-15T08:00:00Z')
    expect(table.next(t)).toBe(t + 10_000)
    expect(table.next(t - 1)).toBe(t)
    expect(table.last(t, t - 1, 9)).toEqual([t])
    expect(table.last(t - 1, t - 10_000, 9)).toEqual([])
    expect(table.last(t, t - 30_000, 9)).toEqual([t - 20_000, t - 10_000, t])
  })

  it('gives the last of very many without going through them all', () => {
    const table = timetableOf('* * * * *', 'UTC', 0)
    const t = at('2027-01-15T08:00:30Z')
    expect(iso(table.last(t, at('2001-01-01T00:00:00Z'), 3))).toEqual([
      '2027-01-15T07:58:00.000Z',
      '2027-01-15T07:59:00.000Z',
      '2027-01-15T08:00:00.000Z',
    ])
  })

  it('goes through each day once where clocks are put back and forward', () => {
    const table = timetableOf('30 2 * * *', 'Europe/Berlin', 0)
    expect(iso(table.last(at('2026-10-26T12:00:00Z'), at('2026-10-24T00:00:00Z'), 9))).toEqual([
      '2026-10-24T00:30:00.000Z',
      '2026-10-25T00:30:00.000Z',
      '2026-10-26T01:30:00.000Z',
    ])
    expect(iso(table.last(at('2026-03-30T12:00:00Z'), at('2026-03-28T00:00:00Z'), 9))).toHaveLength(3)
  })

  it.each([
    ['* * * *', 'UTC'],
    ['99 * * * *', 'UTC'],
    ['* * * * *', 'Mars/Olympus'],
    ['', 'UTC'],
  ])('refuses "%s" in %s and says what is wrong', (pattern, zone) => {
    expect(() => timetableOf(pattern, zone, 0)).toThrow(InvalidArgumentError)
  })

  it.each([8.64e15, 8.64e15 + 1, Number.MAX_SAFE_INTEGER])('has nothing after %d, the end of all calendars', (endMs) => {
    const table = timetableOf('* * * * *', 'Europe/Berlin', 0)
    expect(table.next(endMs)).toBeUndefined()
    expect(table.last(at('2027-01-15T08:00:00Z'), endMs, 9)).toEqual([])
  })

  it('refuses occurrences that are too close, also where only some are', () => {
    for (const pattern of ['* * * * * *', '0,2 * * * * *']) expect(() => timetableOf(pattern, 'UTC', 0)).toThrow('apart')
    expect(timetableOf('*/5 * * * * *', 'UTC', 0)).toBeDefined()
  })
})
