import { describe, expect, it } from 'vitest'
import { dueNow, type ScheduleState, type Timetable } from '../src/index.ts'

const MINUTE = 60_000

/** On the minute. */
const TABLE: Timetable = {
  next: (afterMs) => (Math.floor(afterMs / MINUTE) + 1) * MINUTE,
  last(untilMs, afterMs, limit) {
    const all: number[] = []
    for (let at = Math.floor(untilMs / MINUTE) * MINUTE; at > afterMs && all.length < limit; at -= MINUTE) all.unshift(at)
    return all
  },
}

const schedule = (missed: ScheduleState['missed'], decidedToMs: number): ScheduleState => ({
  missed,
  addedAtIndex: 1,
  decidedToMs,
  queue: [],
})

describe('what is due', () => {
  it('is the occurrence of now, once', () => {
    expect(dueNow(schedule('skip', 1), TABLE, MINUTE - 1)).toBeUndefined()
    const due = dueNow(schedule('skip', 1), TABLE, MINUTE + 300)
    expect(due).toEqual({ times: [MINUTE], skips: [], decidedToMs: MINUTE + 300 })
    expect(dueNow(schedule('skip', due?.decidedToMs ?? 0), TABLE, MINUTE + 500)).toBeUndefined()
  })

  it('is nothing twice when the clock is set back, and goes on where it was', () => {
    const decidedToMs = 10 * MINUTE + 5
    expect(dueNow(schedule('all', decidedToMs), TABLE, 3 * MINUTE)).toBeUndefined()
    expect(dueNow(schedule('all', decidedToMs), TABLE, 11 * MINUTE)?.times).toEqual([11 * MINUTE])
  })

  it('of what was missed is run nothing, the latest, or all up to a hundred, and the rest is told', () => {
    const nowMs = 10 * MINUTE + MINUTE - 1
    const late = (missed: ScheduleState['missed']) => dueNow(schedule(missed, 5 * MINUTE), TABLE, nowMs)
    // The one of a minute ago is still in time.
    expect(late('skip')?.times).toEqual([10 * MINUTE])
    expect(late('skip')?.skips).toMatchObject([{ fromMs: 6 * MINUTE, toMs: 9 * MINUTE, count: 4 }])
    expect(late('once')).toEqual(late('skip'))
    expect(late('all')?.times).toEqual([6, 7, 8, 9, 10].map((n) => n * MINUTE))
    expect(late('all')?.skips).toEqual([])
    const many = dueNow(schedule('all', MINUTE), TABLE, 150 * MINUTE)
    expect(many?.times).toHaveLength(100)
    expect(many?.skips).toMatchObject([{ fromMs: 2 * MINUTE, toMs: 50 * MINUTE, count: 49 }])
  })

  it('is skipped or run late when nobody was there for longer', () => {
    const table: Timetable = { next: () => 5_000, last: () => [5_000] }
    const late = (missed: ScheduleState['missed']) => dueNow(schedule(missed, 1), table, 5_000 + MINUTE + 1)
    expect(late('skip')).toMatchObject({ times: [], skips: [{ fromMs: 5_000, toMs: 5_000, count: 1 }] })
    expect(late('once')).toMatchObject({ times: [5_000], skips: [] })
  })

  it('says from when on it was missed, though not all are counted', () => {
    const due = dueNow(schedule('skip', 1), TABLE, 5_000 * MINUTE)
    expect(due?.skips).toMatchObject([{ fromMs: MINUTE, toMs: 4_999 * MINUTE, count: 199 }])
  })
})
