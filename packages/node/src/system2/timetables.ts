import { setImmediate } from 'node:timers/promises'
import type { Schedule } from '@vsmcp/consensus'
import { messageOf } from '@vsmcp/kernel'
import type { Timetable } from '@vsmcp/vsm'
import { timetableOf } from './timetable.ts'

interface Known {
  readonly addedAtIndex: number
  readonly timetable: Timetable | undefined
  readonly problem: string | undefined
  /** Of the first occurrence after `decidedToMs`. */
  afterMs: number
  nextMs: number
}

/** Calendars of the group's schedules, read once each: going through a calendar takes time. */
export class Timetables {
  readonly #known = new Map<string, Known>()

  /** Nothing for a pattern that cannot be read: such a schedule has no occurrences. */
  of(name: string, schedule: Schedule): Timetable | undefined {
    return this.#read(name, schedule).timetable
  }

  /** Why a schedule has no occurrences. */
  problemOf(name: string, schedule: Schedule): string | undefined {
    return this.#read(name, schedule).problem
  }

  /** The first occurrence that nothing is decided of yet; `Infinity` when there is none. */
  nextOf(name: string, schedule: Schedule): number {
    const known = this.#read(name, schedule)
    const { decidedToMs } = schedule
    if (known.afterMs !== decidedToMs) {
      known.afterMs = decidedToMs
      known.nextMs = known.timetable?.next(decidedToMs) ?? Number.POSITIVE_INFINITY
    }
    return known.nextMs
  }

  /**
   * Reads what is not known yet, one in each turn: a calendar takes milliseconds to go through, a group may have hundreds, and heartbeats
   * are not to wait for them.
   */
  async readAll(schedules: Iterable<readonly [string, Schedule]>): Promise<void> {
    for (const [name, schedule] of schedules) {
      if (this.#known.get(name)?.addedAtIndex === schedule.addedAtIndex) continue
      this.nextOf(name, schedule)
      await setImmediate()
    }
  }

  keepOnly(isKnown: (name: string) => boolean): void {
    for (const name of this.#known.keys()) if (!isKnown(name)) this.#known.delete(name)
  }

  #read(name: string, { cron, timezone, addedAtIndex, addedAtMs }: Schedule): Known {
    const present = this.#known.get(name)
    if (present?.addedAtIndex === addedAtIndex) return present
    const nothing = { addedAtIndex, afterMs: Number.NaN, nextMs: Number.POSITIVE_INFINITY }
    let known: Known
    try {
      known = { ...nothing, timetable: timetableOf(cron, timezone, addedAtMs), problem: undefined }
    } catch (error) {
      known = { ...nothing, timetable: undefined, problem: messageOf(error) }
    }
    this.#known.set(name, known)
    return known
  }
}
