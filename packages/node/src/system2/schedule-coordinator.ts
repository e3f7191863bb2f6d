import { CLOCKS_LEVEL, type Endorsement, type GroupState, type Schedule } from '@vsmcp/consensus'
import { type Clock, type Logger, messageOf, type PeerIdString } from '@vsmcp/kernel'
import { dueNow, dueTime } from '@vsmcp/vsm'
import { DUE_AHEAD_MS, EXECUTOR_AWAY_MS, EXECUTOR_LOST_SEEN_MS, EXECUTOR_SLOW_MS } from '../constants.ts'
import type { Decisions } from '../system5/decisions.ts'
import type { Endorsing } from '../system5/endorsement/endorsing.ts'
import type { Sees } from '../system5/endorsement/judge-voters.ts'
import type { EndorsedOperation } from '../system5/endorsement/request.ts'
import type { GroupLog } from '../system5/group-log.ts'
import type { Duty } from '../system5/leader-duties.ts'
import type { Timetables } from './timetables.ts'

export interface ScheduleCoordinatorComponents {
  self: PeerIdString
  log: Pick<GroupLog, 'state'>
  decisions: Pick<Decisions, 'decideHere'>
  endorsing: Pick<Endorsing, 'forOperation'>
  timetables: Timetables
  /** What time most of the voters have, as far as is known here. */
  reachedByMost: (voters: readonly PeerIdString[]) => number | undefined
  sees: Sees
  /** The node whose unit has this tool, if it is listed. */
  hostOf: (tool: string) => PeerIdString | undefined
  clock: Clock
  logger: Logger
}

/**
 * System 2's schedules at the leader: says what has become due, and who runs it. What it decides twice, or by an old copy, or by a
 * clock that jumps, the docket refuses: see `occurrencesDue`. By a clock that is far ahead it would decide of what is to come, and the
 * schedule be silent until then: it goes by the clocks of most, and a majority of the voters bears that out.
 */
export class ScheduleCoordinator implements Duty {
  readonly #c: ScheduleCoordinatorComponents
  /** Since when this node has seen that nobody takes an occurrence. */
  readonly #untaken = new Map<string, number>()

  constructor(components: ScheduleCoordinatorComponents) {
    this.#c = components
  }

  async work(): Promise<void> {
    const { log, timetables, logger } = this.#c
    const { state } = log
    if (state === undefined) return
    const schedules = state.schedules.entries()
    timetables.keepOnly((name) => state.schedules.has(name))
    await timetables.readAll(schedules)
    this.#forgetUntaken(schedules)
    for (const [name, schedule] of schedules) {
      try {
        await this.#sayDue(name, schedule, state)
        await this.#assign(name, schedule, state)
      } catch (error) {
        // One that the group refuses holds up none of the others.
        logger.debug({ schedule: name, error: messageOf(error) }, 'nothing is decided of a schedule now: it is tried again')
      }
    }
  }

  /** Runs that a majority of the voters should give up as lost, each with a name that tells it from others. */
  wanted({ schedules, members }: GroupState): (readonly [string, EndorsedOperation])[] {
    return schedules.entries().flatMap(([name, { run, queue, addedAtIndex }]) => {
      const [timeMs] = queue
      if (run?.takenAtIndex === undefined || timeMs === undefined) return []
      if (members.has(run.executor) && !this.#isAway(run.executor, 2 * EXECUTOR_LOST_SEEN_MS)) return []
      const of = { name, addedAtIndex, timeMs, attempt: run.attempt }
      return [[`loss of ${name} ${timeMs} ${run.attempt}`, { op: 'occurrence:lose', ...of }] as const]
    })
  }

  async #sayDue(name: string, schedule: Schedule, state: GroupState): Promise<void> {
    const { decisions, timetables, logger } = this.#c
    const nowMs = this.#nowMs(state)
    if (timetables.nextOf(name, schedule) > nowMs) return
    const timetable = timetables.of(name, schedule)
    const due = timetable === undefined ? undefined : dueNow(schedule, timetable, nowMs)
    if (due === undefined) return
    const { addedAtIndex } = schedule
    const operation = { op: 'occurrence:due', name, addedAtIndex, ...due, executor: this.#executorFor(schedule, state) } as const
    await decisions.decideHere({ ...operation, ...(await this.#borneOut(operation, state)) })
    const skipped = due.skips.reduce((sum, { count }) => sum + count, 0)
    logger.info({ schedule: name, due: due.times.length, skipped }, 'occurrences of a schedule are due')
  }

  #nowMs({ configuration }: GroupState): number {
    const { clock, reachedByMost } = this.#c
    return Math.floor(dueTime(clock.wallMs(), reachedByMost(configuration.voters), DUE_AHEAD_MS))
  }

  /** Older versions in the group know of no such word. */
  async #borneOut(operation: EndorsedOperation, { charter }: GroupState): Promise<{ endorsements?: readonly Endorsement[] }> {
    if (charter.featureLevel < CLOCKS_LEVEL) return {}
    return { endorsements: await this.#c.endorsing.forOperation(operation) }
  }

  /** Somebody else, when nobody has taken it and nobody will. Who is named in the schedule is waited for while it is a member. */
  async #assign(name: string, schedule: Schedule, state: GroupState): Promise<void> {
    const { decisions, clock, self } = this.#c
    const { run, addedAtIndex, node } = schedule
    const [timeMs] = schedule.queue
    if (run === undefined || timeMs === undefined || run.takenAtIndex !== undefined) return
    const { attempt } = run
    const key = `${addedAtIndex} ${timeMs} ${attempt}`
    const now = clock.monotonicMs()
    const sinceMs = this.#untaken.get(key) ?? now
    this.#untaken.set(key, sinceMs)
    const isMember = state.members.has(run.executor)
    if (isMember && run.executor === node) return
    const isSlow = now - sinceMs >= EXECUTOR_SLOW_MS
    if (isMember && !isSlow && !this.#isAway(run.executor, EXECUTOR_AWAY_MS)) return
    const executor = isSlow ? self : this.#executorFor(schedule, state)
    if (executor === run.executor) return
    await decisions.decideHere({ op: 'occurrence:assign', name, addedAtIndex, timeMs, attempt, executor })
  }

  /** Where the tool is, so that no other node can be lost while it runs; else here. */
  #executorFor({ node, tool }: Schedule, { members }: GroupState): PeerIdString {
    const { self, hostOf } = this.#c
    if (node !== undefined && members.has(node)) return node
    const host = hostOf(tool)
    return host !== undefined && members.has(host) && !this.#isAway(host, 0) ? host : self
  }

  #isAway(peer: PeerIdString, forMs: number): boolean {
    const seen = this.#c.sees(peer)
    return seen.state !== 'alive' && seen.forMs >= forMs
  }

  #forgetUntaken(schedules: readonly (readonly [string, Schedule])[]): void {
    const open = new Set(schedules.map(([, { addedAtIndex, queue, run }]) => `${addedAtIndex} ${queue[0]} ${run?.attempt}`))
    for (const key of this.#untaken.keys()) if (!open.has(key)) this.#untaken.delete(key)
  }
}
