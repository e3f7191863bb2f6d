import { ATTEMPTS_MAX, CLOCKS_LEVEL, OCCURRENCES_KEPT_MAX, OCCURRENCES_WAITING_MAX } from '../constants.ts'
import { isVoter } from '../raft/configuration.ts'
import type { Authority } from './authority.ts'
import type { OccurrenceRun, PastOccurrence, Schedule } from './coordination.ts'
import type { Applied, GroupState } from './group-state.ts'
import type {
  OccurrenceAssign,
  OccurrenceDue,
  OccurrenceEnd,
  OccurrenceLose,
  OccurrenceTake,
  Skip,
} from './coordination-operation.ts'
import type { RefusalCode } from './apply-result.ts'
import { changed, type Place, refused, unchanged } from './outcome.ts'
import { flawOfEndorsements } from './proofs.ts'
import { put } from './records.ts'

/** Why occurrences are not run that became due while an earlier one was. */
export const OVERRUN = 'the occurrence before was not over'

/**
 * What has become due since `decidedToMs`, which only goes forward: so an occurrence is put into the queue once, whoever leads and
 * however often. While an earlier one is not over, the others are skipped: a schedule never overruns itself.
 */
export function occurrencesDue(state: GroupState, operation: OccurrenceDue, _: Place, authority: Authority): Applied {
  const { name, addedAtIndex, times, skips, decidedToMs, executor, author, atMs, endorsements = [] } = operation
  const schedule = state.schedules.get(name)
  if (schedule?.addedAtIndex !== addedAtIndex || decidedToMs <= schedule.decidedToMs) return unchanged(state)
  if (!isVoter(state.configuration, author))
    return refused(state, 'not-yours', `${author} is no voter: it decides no occurrences`)
  if (decidedToMs > atMs) return refused(state, 'occurrence-early', `${name}: what is due after ${atMs} is not decided yet`)
  const isOld = [...times, ...skips.map(({ fromMs }) => fromMs)].some((timeMs) => timeMs <= schedule.decidedToMs)
  const isLate = [...times, ...skips.map(({ toMs }) => toMs)].some((timeMs) => timeMs > decidedToMs)
  if (isOld || isLate) return refused(state, 'occurrence-over', `${name}: an occurrence lies outside of what this decides`)
  if (times.length > 0 && !state.members.has(executor)) {
    return refused(state, 'member-unknown', `${executor}, which should run ${name}, is no member of the group`)
  }
  if (state.charter.featureLevel >= CLOCKS_LEVEL) {
    const flaw = flawOfEndorsements(state, { ...operation, endorsements }, authority)
    if (flaw !== undefined) return refused(state, flaw.code, flaw.message)
  }
  const isBusy = schedule.queue.length > 0
  const past = [...skips, ...(isBusy ? overrun(times) : [])].sort((a, b) => a.fromMs - b.fromMs).map(skipped)
  const next: Schedule = { ...schedule, decidedToMs, history: kept([...schedule.history, ...past]) }
  if (isBusy || times.length === 0) return withSchedule(state, name, next)
  return withSchedule(state, name, { ...next, queue: times.slice(0, OCCURRENCES_WAITING_MAX), run: { executor, attempt: 1 } })
}

/** Only while nobody took it: who has may have begun. */
export function assignOccurrence(state: GroupState, operation: OccurrenceAssign): Applied {
  const { author, name, executor } = operation
  const found = runOf(state, operation)
  if ('code' in found) return refused(state, found.code, found.message)
  const { schedule, run } = found
  if (run.executor === executor) return unchanged(state)
  if (!isVoter(state.configuration, author)) return refused(state, 'not-yours', `${author} is no voter: it assigns nothing`)
  if (run.takenAtIndex !== undefined) return refused(state, 'occurrence-over', `${run.executor} may have begun ${name} already`)
  if (!state.members.has(executor)) return refused(state, 'member-unknown', `${executor} is no member of the group`)
  return withSchedule(state, name, { ...schedule, run: { ...run, executor } })
}

/** The one to whom it is assigned takes it; from then on nobody else ever gets this attempt. */
export function takeOccurrence(state: GroupState, operation: OccurrenceTake, { index }: Place): Applied {
  const { author, name } = operation
  const found = runOf(state, operation)
  if ('code' in found) return refused(state, found.code, found.message)
  const { schedule, run } = found
  if (run.executor !== author) return refused(state, 'not-yours', `${name} is run by ${run.executor}`, run.executor)
  if (run.takenAtIndex !== undefined) return unchanged(state)
  return withSchedule(state, name, { ...schedule, run: { ...run, takenAtIndex: index } })
}

export function endOccurrence(state: GroupState, operation: OccurrenceEnd): Applied {
  const { author, name, timeMs, attempt, outcome, reason, startedAtMs, endedAtMs } = operation
  const found = runOf(state, operation)
  // It was ended already: by this very word, by the voters, or with its schedule.
  if ('code' in found) return unchanged(state)
  const { schedule, run } = found
  if (run.executor !== author || run.takenAtIndex === undefined) {
    return refused(state, 'not-yours', `${author} has not taken ${name}`, run.executor)
  }
  const past = { timeMs, outcome, reason, executor: author, startedAtMs, endedAtMs, attempt }
  return withSchedule(state, name, concluded(schedule, run, past))
}

/** The voters say that its executor is gone: nobody knows how far it came. */
export function loseOccurrence(state: GroupState, operation: OccurrenceLose, _: Place, authority: Authority): Applied {
  const { name, timeMs, attempt } = operation
  const found = runOf(state, operation)
  if ('code' in found) return unchanged(state)
  const flaw = flawOfEndorsements(state, operation, authority)
  if (flaw !== undefined) return refused(state, flaw.code, flaw.message)
  const { schedule, run } = found
  if (run.takenAtIndex === undefined) return refused(state, 'occurrence-over', `nobody took ${name}: it is assigned to another`)
  const past = { timeMs, outcome: 'unknown', reason: 'its node is gone', executor: run.executor, attempt } as const
  return withSchedule(state, name, concluded(schedule, run, past))
}

/** What nobody knows the end of is begun again when that does no harm, and only so often. */
function concluded(schedule: Schedule, run: OccurrenceRun, past: PastOccurrence): Schedule {
  const isAgain = past.outcome === 'unknown' && schedule.idempotent && run.attempt < ATTEMPTS_MAX
  const queue = isAgain ? schedule.queue : schedule.queue.slice(1)
  const { run: _run, ...rest } = schedule
  const next: Schedule = { ...rest, queue, history: kept([...schedule.history, past]) }
  if (queue.length === 0) return next
  return { ...next, run: { executor: run.executor, attempt: isAgain ? run.attempt + 1 : 1 } }
}

/** Why occurrences are not run of which the group cannot know what became before its recovery. */
const RECOVERED = 'the group was recovered: it may have been begun before'

/**
 * What a recovery leaves of the schedules: what was decided last may be lost with the log of others. So what may have been begun
 * there is not begun again, unless it does no harm.
 * @param atMs when the group was recovered
 */
export function occurrencesRecovered(state: GroupState, atMs: number): GroupState {
  return state.schedules.entries().reduce((next, [name, schedule]) => {
    if (schedule.idempotent) return next
    const { run, queue, decidedToMs, ...rest } = schedule
    const ran = run === undefined ? {} : { executor: run.executor, attempt: run.attempt }
    const ended = queue.map((timeMs, at): PastOccurrence => {
      return { timeMs, outcome: 'unknown', reason: RECOVERED, ...(at === 0 ? ran : {}) }
    })
    const isLater = atMs > decidedToMs
    const between: PastOccurrence = { timeMs: decidedToMs + 1, toMs: atMs, outcome: 'skipped', reason: RECOVERED }
    const history = kept([...schedule.history, ...ended, ...(isLater ? [between] : [])])
    return put(next, 'schedules', name, { ...rest, decidedToMs: isLater ? atMs : decidedToMs, queue: [], history })
  }, state)
}

interface Run {
  readonly schedule: Schedule
  readonly run: OccurrenceRun
}

/** The schedule whose queue this very attempt stands at the head of. */
function runOf(
  state: GroupState,
  { name, addedAtIndex, timeMs, attempt }: { name: string; addedAtIndex: number; timeMs: number; attempt: number },
): Run | { readonly code: RefusalCode; readonly message: string } {
  const schedule = state.schedules.get(name)
  if (schedule?.addedAtIndex !== addedAtIndex) return { code: 'schedule-unknown', message: `there is no such schedule ${name}` }
  const { run, queue } = schedule
  if (run === undefined || queue[0] !== timeMs || run.attempt !== attempt) {
    return { code: 'occurrence-over', message: `${name} of ${timeMs}, attempt ${attempt}, is not what is to be run` }
  }
  return { schedule, run }
}

function withSchedule(state: GroupState, name: string, schedule: Schedule): Applied {
  return changed(put(state, 'schedules', name, schedule), [{ type: 'schedule:changed', name }])
}

function overrun(times: readonly number[]): readonly Skip[] {
  const [fromMs] = times
  const toMs = times.at(-1)
  return fromMs === undefined || toMs === undefined ? [] : [{ fromMs, toMs, count: times.length, reason: OVERRUN }]
}

function skipped({ fromMs, toMs, count, reason }: Skip): PastOccurrence {
  return { timeMs: fromMs, outcome: 'skipped', reason, ...(count === 1 ? {} : { toMs, count }) }
}

/** The latest; what is skipped one after the other for the same reason is one of them. */
function kept(history: readonly PastOccurrence[]): readonly PastOccurrence[] {
  const all: PastOccurrence[] = []
  for (const past of history) {
    const last = all.at(-1)
    if (past.outcome === 'skipped' && last?.outcome === 'skipped' && last.reason === past.reason) {
      all[all.length - 1] = { ...last, toMs: past.toMs ?? past.timeMs, count: (last.count ?? 1) + (past.count ?? 1) }
    } else all.push(past)
  }
  return all.slice(-OCCURRENCES_KEPT_MAX)
}
