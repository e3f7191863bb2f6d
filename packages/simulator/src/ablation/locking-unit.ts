import type { UnitName } from '@vsmcp/kernel'
import type { CellUnit, Job } from './cell.ts'
import { LAN_RTT_MS, LOCK_LEASE_MS } from './constants.ts'
import type { Timeline } from './timeline.ts'

interface Lock {
  owner: UnitName | undefined
  readonly waiting: { readonly owner: UnitName; readonly taken: () => void }[]
}

/** What machines do for themselves where nobody coordinates who uses them: a lock each, first come, first served, and free again a while after its owner vanished. */
export class Locks {
  readonly #timeline: Timeline
  readonly #locks = new Map<string, Lock>()

  constructor(timeline: Timeline) {
    this.#timeline = timeline
  }

  take(owner: UnitName, resource: string, taken: () => void): void {
    const lock = this.#locks.get(resource) ?? { owner: undefined, waiting: [] }
    this.#locks.set(resource, lock)
    lock.waiting.push({ owner, taken })
    this.#next(lock)
  }

  /** All that it has, and waits for. */
  release(owner: UnitName): void {
    for (const lock of this.#locks.values()) {
      const at = lock.waiting.findIndex((each) => each.owner === owner)
      if (at >= 0) lock.waiting.splice(at, 1)
      if (lock.owner === owner) lock.owner = undefined
      this.#next(lock)
    }
  }

  #next(lock: Lock): void {
    if (lock.owner !== undefined) return
    const next = lock.waiting.shift()
    if (next === undefined) return
    lock.owner = next.owner
    this.#timeline.after(LAN_RTT_MS, next.taken)
  }
}

/** Without System 2: the unit takes one machine after the other, in the order its work needs them, and keeps what it has while it waits for the next. */
export class LockingUnit implements CellUnit {
  readonly #timeline: Timeline
  readonly #unit: UnitName
  readonly #resources: readonly string[]
  readonly #locks: Locks
  readonly #jobs: Job[] = []
  #current: { readonly job: Job; firstTakenMs: number | undefined } | undefined

  constructor(timeline: Timeline, { unit, resources }: { unit: UnitName; resources: readonly string[] }, locks: Locks) {
    this.#timeline = timeline
    this.#unit = unit
    this.#resources = resources
    this.#locks = locks
  }

  do(job: Job): void {
    this.#jobs.push(job)
    this.#timeline.at(job.deadlineMs, () => {
      if (this.#current?.job === job) return this.#end(job, false)
      const at = this.#jobs.indexOf(job)
      if (at < 0) return
      this.#jobs.splice(at, 1)
      job.onEnd(false, 0)
    })
    this.#next()
  }

  die(): void {
    const current = this.#current
    this.#current = undefined
    for (const job of this.#jobs.splice(0)) job.onEnd(false, 0)
    if (current === undefined) return
    current.job.onEnd(false, this.#heldFor(current.firstTakenMs))
    this.#timeline.after(LOCK_LEASE_MS, () => {
      if (this.#current === undefined) this.#locks.release(this.#unit)
    })
  }

  comeBack(): void {
    this.#locks.release(this.#unit)
  }

  #next(): void {
    if (this.#current !== undefined) return
    const job = this.#jobs.shift()
    if (job === undefined) return
    this.#current = { job, firstTakenMs: undefined }
    this.#take(job, 0)
  }

  #take(job: Job, at: number): void {
    const resource = this.#resources[at]
    if (resource === undefined) {
      this.#timeline.after(job.workMs, () => {
        if (this.#current?.job === job) this.#end(job, true)
      })
      return
    }
    this.#locks.take(this.#unit, resource, () => {
      if (this.#current?.job !== job) return
      this.#current.firstTakenMs ??= this.#timeline.nowMs
      this.#take(job, at + 1)
    })
  }

  #end(job: Job, isDone: boolean): void {
    const heldMs = this.#heldFor(this.#current?.firstTakenMs)
    this.#current = undefined
    this.#locks.release(this.#unit)
    job.onEnd(isDone, heldMs)
    this.#next()
  }

  #heldFor(sinceMs: number | undefined): number {
    return sinceMs === undefined ? 0 : this.#timeline.nowMs - sinceMs
  }
}
