import { OCCURRENCE_RETRY_MS } from './constants.ts'
import type { OccurrenceRef, ScheduleState } from './schedule.ts'

/** How an occurrence that was begun ended. */
export interface OccurrenceEnding {
  readonly outcome: 'done' | 'failed' | 'unknown'
  /** Empty when all went well. */
  readonly reason: string
  readonly startedAtMs: number
  readonly endedAtMs: number
}

/** What is on disk of the occurrence begun last, of one schedule: written before it begins, and with its ending after. */
export interface OccurrenceMark {
  readonly run: OccurrenceRef
  readonly markedAtMs: number
  readonly ending?: OccurrenceEnding
}

export type ExecutorEffect =
  /** Have the group decide that this attempt is begun here; answer by `taken`. */
  | { readonly type: 'take'; readonly run: OccurrenceRef }
  /** Write down, fsynced; answer by `written`. */
  | { readonly type: 'write'; readonly mark: OccurrenceMark }
  /** Begin it; answer by `ended`. */
  | { readonly type: 'begin'; readonly run: OccurrenceRef }
  /** Tell the group; answer by `told`. */
  | { readonly type: 'tell'; readonly run: OccurrenceRef; readonly ending: OccurrenceEnding }
  /** The group knows; what was written may go. */
  | { readonly type: 'forget'; readonly run: OccurrenceRef }

interface Running {
  readonly run: OccurrenceRef
  state: 'taking' | 'marking' | 'running' | 'recording' | 'telling' | 'told' | 'waiting'
  ending?: OccurrenceEnding
  retryMs: number
}

/**
 * Runs what the group assigned to this node. An occurrence is begun in three steps, each after the one before: the group decides that
 * this very attempt is taken here, in this life; that is written down and fsynced; it begins. After a crash the second tells that it
 * may have begun, so it never begins again and ends as `unknown`; what was taken and not written down has surely not begun.
 */
export class OccurrenceExecutor {
  readonly #self: string
  /** By schedule. */
  readonly #marks = new Map<string, OccurrenceMark>()
  readonly #runs = new Map<string, Running>()

  constructor(self: string, marks: Iterable<OccurrenceMark> = []) {
    this.#self = self
    for (const mark of marks) this.#marks.set(keyOf(mark.run), mark)
  }

  /** The schedules as this node has them, which may be behind. Called at each change, and from time to time. */
  follow(schedules: Iterable<readonly [string, ScheduleState]>, nowMs: number): readonly ExecutorEffect[] {
    const effects: ExecutorEffect[] = []
    const mine = new Set<string>()
    for (const [name, schedule] of schedules) {
      const { run, queue, addedAtIndex } = schedule
      const [timeMs] = queue
      if (run?.executor !== this.#self || timeMs === undefined) continue
      const ref = { name, addedAtIndex, timeMs, attempt: run.attempt }
      mine.add(idOf(ref))
      effects.push(...this.#look(ref, nowMs))
    }
    for (const [key, { run, state }] of this.#runs) {
      if (mine.has(idOf(run)) || (state !== 'told' && state !== 'waiting')) continue
      this.#runs.delete(key)
      if (this.#marks.delete(key)) effects.push({ type: 'forget', run })
    }
    return effects
  }

  /**
   * The schedules as a quorum has them. Marks of those that are none any more go; by a copy that is behind they must not: it may show
   * later that the occurrence is still to be run.
   */
  settle(schedules: Iterable<readonly [string, ScheduleState]>): readonly ExecutorEffect[] {
    const known = new Set([...schedules].map(([name, { addedAtIndex }]) => `${addedAtIndex} ${name}`))
    const gone = [...this.#marks].filter(([key]) => !known.has(key) && !this.#runs.has(key))
    for (const [key] of gone) this.#marks.delete(key)
    return gone.map(([, { run }]) => ({ type: 'forget', run }))
  }

  taken(run: OccurrenceRef, isTaken: boolean, nowMs: number): readonly ExecutorEffect[] {
    const running = this.#running(run, 'taking')
    if (running === undefined) return []
    if (!isTaken) return this.#wait(running, nowMs)
    running.state = 'marking'
    return [{ type: 'write', mark: this.#mark({ run, markedAtMs: nowMs }) }]
  }

  /** The mark last asked for is on disk; or the disk refused. */
  written(run: OccurrenceRef, isWritten: boolean, nowMs: number): readonly ExecutorEffect[] {
    const marking = this.#running(run, 'marking')
    if (marking !== undefined) {
      if (!isWritten) {
        // It may be there all the same, and has not begun: so it is taken again, in this life only.
        this.#marks.delete(keyOf(run))
        return this.#wait(marking, nowMs)
      }
      marking.state = 'running'
      return [{ type: 'begin', run }]
    }
    const recording = this.#running(run, 'recording')
    if (recording?.ending === undefined) return []
    // What the disk does not take the group is told all the same.
    recording.state = 'telling'
    return [{ type: 'tell', run, ending: recording.ending }]
  }

  ended(run: OccurrenceRef, ending: OccurrenceEnding): readonly ExecutorEffect[] {
    const running = this.#running(run, 'running')
    return running === undefined ? [] : this.#record(running, ending)
  }

  told(run: OccurrenceRef, isTold: boolean, nowMs: number): readonly ExecutorEffect[] {
    const running = this.#running(run, 'telling')
    if (running === undefined) return []
    running.state = isTold ? 'told' : 'waiting'
    running.retryMs = nowMs + OCCURRENCE_RETRY_MS
    return []
  }

  /** An attempt that the docket has assigned to this node. */
  #look(run: OccurrenceRef, nowMs: number): readonly ExecutorEffect[] {
    const key = keyOf(run)
    const present = this.#runs.get(key)
    if (present !== undefined && idOf(present.run) === idOf(run)) {
      if (present.state !== 'waiting' || nowMs < present.retryMs) return []
      if (present.ending === undefined) return this.#take(run, nowMs)
      present.state = 'telling'
      return [{ type: 'tell', run, ending: present.ending }]
    }
    // What was under way goes on first, be it that the voters gave it up meanwhile.
    if (present !== undefined && present.state !== 'told' && present.state !== 'waiting') return []
    const mark = this.#marks.get(key)
    if (mark === undefined || isBefore(mark.run, run)) return this.#take(run, nowMs)
    if (idOf(mark.run) !== idOf(run)) return []
    const running: Running = { run, state: 'running', retryMs: 0 }
    this.#runs.set(key, running)
    const { markedAtMs } = mark
    const unknown = {
      outcome: 'unknown',
      reason: 'its node ended while it ran',
      startedAtMs: markedAtMs,
      endedAtMs: nowMs,
    } as const
    return this.#record(running, mark.ending ?? { ...unknown, endedAtMs: Math.max(markedAtMs, nowMs) })
  }

  #take(run: OccurrenceRef, nowMs: number): readonly ExecutorEffect[] {
    this.#runs.set(keyOf(run), { run, state: 'taking', retryMs: nowMs })
    return [{ type: 'take', run }]
  }

  #record(running: Running, ending: OccurrenceEnding): readonly ExecutorEffect[] {
    const { run } = running
    running.state = 'recording'
    running.ending = ending
    const markedAtMs = this.#marks.get(keyOf(run))?.markedAtMs ?? ending.startedAtMs
    return [{ type: 'write', mark: this.#mark({ run, markedAtMs, ending }) }]
  }

  #wait(running: Running, nowMs: number): readonly ExecutorEffect[] {
    running.state = 'waiting'
    running.retryMs = nowMs + OCCURRENCE_RETRY_MS
    return []
  }

  #mark(mark: OccurrenceMark): OccurrenceMark {
    this.#marks.set(keyOf(mark.run), mark)
    return mark
  }

  #running(run: OccurrenceRef, state: Running['state']): Running | undefined {
    const running = this.#runs.get(keyOf(run))
    return running !== undefined && idOf(running.run) === idOf(run) && running.state === state ? running : undefined
  }
}

function keyOf({ name, addedAtIndex }: OccurrenceRef): string {
  return `${addedAtIndex} ${name}`
}

function idOf(run: OccurrenceRef): string {
  return `${run.timeMs} ${run.attempt} ${keyOf(run)}`
}

function isBefore(a: OccurrenceRef, b: OccurrenceRef): boolean {
  return a.timeMs === b.timeMs ? a.attempt < b.attempt : a.timeMs < b.timeMs
}
