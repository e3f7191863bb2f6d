import type { GroupState } from '@vsmcp/consensus'
import { type Clock, InvalidArgumentError, isoTime, type PeerIdString } from '@vsmcp/kernel'
import { NEXT_OCCURRENCES_SHOWN, SCHEDULE_ARGS_LENGTH_MAX, SCHEDULE_NAME, SCHEDULE_TIMEOUT_MS } from '../constants.ts'
import { MemberUnknownError, RefusedError, ScheduleExistsError, ScheduleUnknownError } from '../errors.ts'
import { memberNamed } from '../members/member-named.ts'
import type { Decisions } from '../system5/decisions.ts'
import type { GroupLog } from '../system5/group-log.ts'
import type { ScheduleAdded, ScheduleRequest, ScheduleView } from './contract.ts'
import { schedulesView } from './schedules-view.ts'
import { timetableOf } from './timetable.ts'
import type { Timetables } from './timetables.ts'

export interface ScheduleDeskComponents {
  log: Pick<GroupLog, 'state'>
  decisions: Pick<Decisions, 'propose' | 'decide'>
  timetables: Timetables
  /** Whether somebody offers this tool. */
  isListed: (tool: string) => boolean
  nameOf: (peer: PeerIdString) => string
  clock: Clock
}

/** Schedules for people: adds, lists and removes them. What a person gives is checked here; what a member sends, at each reader. */
export class ScheduleDesk {
  readonly #c: ScheduleDeskComponents

  constructor(components: ScheduleDeskComponents) {
    this.#c = components
  }

  async list(): Promise<ScheduleView[]> {
    const { log, timetables, nameOf } = this.#c
    timetables.keepOnly((name) => log.state?.schedules.has(name) === true)
    await timetables.readAll(log.state?.schedules.entries() ?? [])
    return schedulesView(log.state, timetables, nameOf)
  }

  /** Throws `InvalidArgumentError`, `MemberUnknownError`, `ScheduleExistsError`, `RefusedError`, `NoSystem5Error`. */
  async add(request: ScheduleRequest): Promise<ScheduleAdded> {
    const { decisions, log, isListed, clock } = this.#c
    const { name, cron, timezone = 'UTC', tool, args, missed = 'skip', idempotent = false, timeoutMs } = request
    if (!SCHEDULE_NAME.test(name)) {
      throw new InvalidArgumentError(`"${name}" cannot be a schedule's name`, {
        hint: 'Use up to 64 letters, digits, ".", "_" and "-", beginning with a letter or digit.',
      })
    }
    const nowMs = clock.wallMs()
    const timetable = timetableOf(cron, timezone, nowMs)
    const next: string[] = []
    for (let at = timetable.next(nowMs); at !== undefined && next.length < NEXT_OCCURRENCES_SHOWN; at = timetable.next(at)) {
      next.push(isoTime(at))
    }
    if (next.length === 0) throw new InvalidArgumentError(`"${cron}" never comes again: nothing would ever be run`)
    const argsJson = JSON.stringify(args)
    if (argsJson.length > SCHEDULE_ARGS_LENGTH_MAX) {
      throw new InvalidArgumentError(
        `the arguments are ${argsJson.length} characters, and a schedule keeps ${SCHEDULE_ARGS_LENGTH_MAX}`,
      )
    }
    const result = await decisions.propose({
      op: 'schedule:add',
      name,
      cron,
      timezone,
      tool,
      argsJson,
      missed,
      idempotent,
      timeoutMs: Math.round(timeoutMs ?? SCHEDULE_TIMEOUT_MS),
      ...(request.node === undefined ? {} : { node: this.#peerOf(request.node, log.state) }),
    })
    if (!result.ok) {
      if (result.code !== 'schedule-exists') throw new RefusedError(result.message, { details: { reason: result.code } })
      throw new ScheduleExistsError(`there is another schedule ${name}`, {
        hint: `\`vsmcp schedule show ${name}\` shows it; remove it first, or choose another name.`,
      })
    }
    const warnings = isListed(tool) ? [] : [`nobody offers ${tool} now: runs fail until somebody does`]
    return { outcome: result.changed ? 'added' : 'unchanged', name, next, warnings }
  }

  /** Throws `ScheduleUnknownError`, `NoSystem5Error`. */
  async remove(name: string): Promise<void> {
    const result = await this.#c.decisions.propose({ op: 'schedule:remove', name })
    if (result.ok) return
    if (result.code !== 'schedule-unknown') throw new RefusedError(result.message, { details: { reason: result.code } })
    throw new ScheduleUnknownError(`there is no schedule ${name}`, { hint: '`vsmcp schedule ls` lists them.' })
  }

  #peerOf(who: string, state: GroupState | undefined): PeerIdString {
    const found = state === undefined ? undefined : memberNamed(state, who)
    if (found !== undefined) return found[0]
    throw new MemberUnknownError(`there is no member ${who}`, { hint: '`vsmcp members` lists them.' })
  }
}
