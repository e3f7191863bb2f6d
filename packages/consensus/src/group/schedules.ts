import { SCHEDULES_MAX } from '../constants.ts'
import type { DeclaredSchedule, Schedule } from './coordination.ts'
import type { Applied, GroupState } from './group-state.ts'
import type { ScheduleAdd, ScheduleRemove } from './coordination-operation.ts'
import { changed, type Place, refused, unchanged } from './outcome.ts'
import { drop, put } from './records.ts'

const DECLARED = [
  'cron',
  'timezone',
  'tool',
  'argsJson',
  'missed',
  'idempotent',
  'timeoutMs',
  'node',
] as const satisfies (keyof DeclaredSchedule)[]

/** The same again is unchanged; a name is never used for two. What lies before it was added is not due. */
export function addSchedule(state: GroupState, operation: ScheduleAdd, { index }: Place): Applied {
  const { name, author, atMs, cron, timezone, tool, argsJson, missed, idempotent, timeoutMs, node } = operation
  const existing = state.schedules.get(name)
  if (existing !== undefined) {
    if (DECLARED.every((field) => existing[field] === operation[field])) return unchanged(state)
    return refused(state, 'schedule-exists', `there is another schedule ${name}`)
  }
  if (node !== undefined && !state.members.has(node)) {
    return refused(state, 'member-unknown', `${node}, which should run ${name}, is no member of the group`)
  }
  if (state.schedules.size >= SCHEDULES_MAX) {
    return refused(state, 'schedules-full', `the group has ${SCHEDULES_MAX} schedules, the most there may be; remove one`)
  }
  const schedule: Schedule = {
    cron,
    timezone,
    tool,
    argsJson,
    missed,
    idempotent,
    timeoutMs,
    ...(node === undefined ? {} : { node }),
    addedBy: author,
    addedAtIndex: index,
    addedAtMs: atMs,
    decidedToMs: atMs,
    queue: [],
    history: [],
  }
  return changed(put(state, 'schedules', name, schedule), [{ type: 'schedule:added', name }])
}

/** An occurrence that is being run goes on; nobody is told any more how it ends. */
export function removeSchedule(state: GroupState, { name }: ScheduleRemove): Applied {
  if (!state.schedules.has(name)) return refused(state, 'schedule-unknown', `there is no schedule ${name}`)
  return changed(drop(state, 'schedules', name), [{ type: 'schedule:removed', name }])
}
