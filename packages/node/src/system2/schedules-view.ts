import type { GroupState, PastOccurrence, Schedule } from '@vsmcp/consensus'
import { isoTime, type PeerIdString } from '@vsmcp/kernel'
import type { OccurrenceView, ScheduleView } from './contract.ts'
import type { Timetables } from './timetables.ts'

type NameOf = (peer: PeerIdString) => string

/** The schedules of the group, as this node's copy of the docket has them. */
export function schedulesView(state: GroupState | undefined, timetables: Timetables, nameOf: NameOf): ScheduleView[] {
  return (state?.schedules.entries() ?? []).map(([name, schedule]) => {
    const { cron, timezone, tool, argsJson, missed, idempotent, timeoutMs, node, addedBy, addedAtMs } = schedule
    const problem = timetables.problemOf(name, schedule)
    const nextMs = timetables.nextOf(name, schedule)
    return {
      name,
      cron,
      timezone,
      tool,
      args: JSON.parse(argsJson) as Record<string, unknown>,
      missed,
      idempotent,
      timeoutMs,
      ...(node === undefined ? {} : { node, nodeName: nameOf(node) }),
      addedBy,
      addedAt: isoTime(addedAtMs),
      ...(problem === undefined ? {} : { problem }),
      next: Number.isFinite(nextMs) ? isoTime(nextMs) : null,
      running: runningOf(schedule, nameOf),
      waiting: Math.max(0, schedule.queue.length - 1),
      recent: schedule.history.toReversed().map((past) => pastOf(past, nameOf)),
    }
  })
}

function runningOf({ run, queue }: Schedule, nameOf: NameOf): ScheduleView['running'] {
  const [timeMs] = queue
  if (run === undefined || timeMs === undefined) return null
  const { executor, attempt, takenAtIndex } = run
  const state = takenAtIndex === undefined ? 'assigned' : 'running'
  return { due: isoTime(timeMs), state, node: executor, nodeName: nameOf(executor), attempt }
}

function pastOf(past: PastOccurrence, nameOf: NameOf): OccurrenceView {
  const { timeMs, outcome, reason, executor, startedAtMs, endedAtMs, attempt, toMs, count } = past
  return {
    due: isoTime(timeMs),
    outcome,
    reason,
    ...(executor === undefined ? {} : { node: executor, nodeName: nameOf(executor) }),
    ...(startedAtMs === undefined ? {} : { startedAt: isoTime(startedAtMs) }),
    ...(endedAtMs === undefined ? {} : { endedAt: isoTime(endedAtMs) }),
    ...(attempt === undefined ? {} : { attempt }),
    ...(toMs === undefined ? {} : { lastDue: isoTime(toMs) }),
    ...(count === undefined ? {} : { count }),
  }
}
