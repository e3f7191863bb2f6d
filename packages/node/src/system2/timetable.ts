import { InvalidArgumentError, messageOf } from '@vsmcp/kernel'
import type { Timetable } from '@vsmcp/vsm'
import { Cron } from 'croner'
import { OCCURRENCES_APART_MIN_MS, OCCURRENCES_PROBED } from '../constants.ts'

/** Beyond it croner throws instead of saying that nothing comes any more, milliseconds since the epoch: a million days before the last `Date`. */
const CALENDAR_END_MS = 8.64e15 - 1e6 * 86_400_000

/**
 * The occurrences of a cron pattern in a time zone, by croner: five fields, or six with seconds first, or a nickname such as `@daily`.
 * Where clocks are put back an hour is gone through once; where they are put forward, what falls into the gap comes right after it.
 * Throws `InvalidArgumentError` for a pattern or zone that cannot be read, and for occurrences less than five seconds apart.
 */
export function timetableOf(pattern: string, timezone: string, fromMs: number): Timetable {
  let cron: Cron
  try {
    cron = new Cron(pattern, { paused: true, timezone, mode: '5-or-6-parts' })
    assertApart(cron, fromMs)
  } catch (error) {
    if (error instanceof InvalidArgumentError) throw error
    throw new InvalidArgumentError(
      `"${pattern}" in ${timezone} is no schedule: ${messageOf(error).replace(/^CronPattern: /, '')}`,
      {
        hint: 'Give five fields (minute, hour, day, month, weekday), such as "30 3 * * *", and a zone such as Europe/Berlin.',
        cause: error,
      },
    )
  }
  const next = (afterMs: number): number | undefined =>
    afterMs < CALENDAR_END_MS ? cron.nextRun(new Date(afterMs))?.getTime() : undefined
  return {
    next,
    last(untilMs, afterMs, limit) {
      const all: number[] = []
      for (let at = next(afterMs); at !== undefined && at <= untilMs; at = next(at)) {
        if (all.push(at) <= limit) continue
        // Gone through from the end when there are many: from the beginning it could take for ever.
        const latest = cron.previousRuns(limit, new Date(untilMs + 1)).map((date) => date.getTime())
        return latest.filter((timeMs) => timeMs > afterMs).sort((a, b) => a - b)
      }
      return all
    },
  }
}

function assertApart(cron: Cron, fromMs: number): void {
  const times = cron.nextRuns(OCCURRENCES_PROBED, new Date(fromMs)).map((date) => date.getTime())
  if (!times.some((at, i) => i > 0 && at - (times[i - 1] ?? 0) < OCCURRENCES_APART_MIN_MS)) return
  throw new InvalidArgumentError(`occurrences must be ${OCCURRENCES_APART_MIN_MS / 1_000} seconds apart at least`, {
    hint: 'Each is decided by the whole group. What happens more often belongs in the tool.',
  })
}
