import { MISSED_AFTER_MS, MISSED_RUN_MAX, OCCURRENCES_LOOKED_AT_MAX } from './constants.ts'
import type { ScheduleState } from './schedule.ts'

/** When a schedule has occurrences. The calendar is the caller's. */
export interface Timetable {
  /** The first one after a time, or none for ever. */
  next(afterMs: number): number | undefined
  /** The last ones up to `untilMs` and after `afterMs`, ascending, at most `limit`. */
  last(untilMs: number, afterMs: number, limit: number): readonly number[]
}

/** What System 5 should have the group decide about a schedule now. */
export interface Due {
  readonly times: readonly number[]
  readonly skips: readonly { readonly fromMs: number; readonly toMs: number; readonly count: number; readonly reason: string }[]
  readonly decidedToMs: number
}

/** Why an occurrence is not run that nobody was there for. */
export const MISSED_REASON = 'missed: nobody was there to run it in time'

/**
 * What has become due since the group last decided. Only the latest is in time, unless it is late by more than `MISSED_AFTER_MS`; what
 * lies before was missed, and is skipped or run as declared: `once` runs the latest when it was missed, `all` the last `MISSED_RUN_MAX`.
 *
 * Where to begin is said by the docket alone, never by a clock: one that is set back makes nothing due twice, one that jumps ahead makes
 * occurrences missed, once.
 */
export function dueNow({ decidedToMs, missed }: ScheduleState, timetable: Timetable, nowMs: number): Due | undefined {
  if (nowMs <= decidedToMs) return undefined
  const all = timetable.last(nowMs, decidedToMs, OCCURRENCES_LOOKED_AT_MAX)
  const latest = all.at(-1)
  if (latest === undefined) return undefined
  const isWanted = missed !== 'skip' || nowMs - latest <= MISSED_AFTER_MS
  const times = missed === 'all' ? all.slice(-MISSED_RUN_MAX) : isWanted ? [latest] : []
  const skipped = all.slice(0, all.length - times.length)
  const [first] = skipped
  const toMs = skipped.at(-1)
  if (first === undefined || toMs === undefined) return { times, skips: [], decidedToMs: nowMs }
  // After a very long time not all are counted; from when on there were some is said all the same.
  const fromMs = all.length < OCCURRENCES_LOOKED_AT_MAX ? first : (timetable.next(decidedToMs) ?? first)
  return { times, skips: [{ fromMs, toMs, count: skipped.length, reason: MISSED_REASON }], decidedToMs: nowMs }
}
