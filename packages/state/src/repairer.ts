import type { Clock, Random, Timer } from '@vsmcp/kernel'
import { FOREIGN_REPAIR_MIN_ROUNDS, FOREIGN_REPAIR_SPREAD_ROUNDS, RECORDS_MAX, REPAIRS_PER_ROUND } from './constants.ts'
import type { RecordId } from './envelope.ts'

export interface RepairerComponents {
  clock: Clock
  random: Random
  intervalMs: number
  isOwn: (id: RecordId) => boolean
  /** Whether the document differs from what it should carry. */
  isAmiss: (id: RecordId) => boolean
  /** Puts these right, in one transaction. */
  repair: (ids: readonly RecordId[]) => void
}

/**
 * Puts right what the document carries wrongly: removed or overwritten by somebody it does not belong to, garbage, ended.
 * The owner soon, others after a while and by chance, a bounded number per interval: a vandal makes us write slowly.
 */
export class Repairer {
  readonly #components: RepairerComponents
  /** Id → when it is due, monotonic milliseconds. */
  readonly #due = new Map<RecordId, number>()
  #timer: Timer | undefined
  #lastRoundMs = Number.NEGATIVE_INFINITY
  #stopped = false
  #repaired = 0

  constructor(components: RepairerComponents) {
    this.#components = components
  }

  get repaired(): number {
    return this.#repaired
  }

  /** Something happened to what is carried under this id. `patient`: the next sync is likely to put it right. */
  look(id: RecordId, patient = false): void {
    if (this.#stopped || this.#due.has(id) || this.#due.size >= RECORDS_MAX || !this.#components.isAmiss(id)) return
    const { clock, random, intervalMs, isOwn } = this.#components
    const rounds = isOwn(id) && !patient ? 0 : FOREIGN_REPAIR_MIN_ROUNDS + random.next() * FOREIGN_REPAIR_SPREAD_ROUNDS
    this.#due.set(id, clock.monotonicMs() + rounds * intervalMs)
    this.#arm()
  }

  stop(): void {
    this.#stopped = true
    this.#timer?.cancel()
    this.#due.clear()
  }

  #arm(): void {
    if (this.#stopped || this.#due.size === 0) return
    const { clock, intervalMs } = this.#components
    let first = Number.POSITIVE_INFINITY
    for (const at of this.#due.values()) first = Math.min(first, at)
    const at = Math.max(first, this.#lastRoundMs + intervalMs)
    this.#timer?.cancel()
    this.#timer = clock.after(Math.max(0, at - clock.monotonicMs()), () => this.#round())
  }

  #round(): void {
    const { clock, isAmiss, repair } = this.#components
    const now = clock.monotonicMs()
    this.#lastRoundMs = now
    const amiss: RecordId[] = []
    for (const [id, at] of this.#due) {
      if (at > now) continue
      if (amiss.length >= REPAIRS_PER_ROUND) break
      this.#due.delete(id)
      if (isAmiss(id)) amiss.push(id)
    }
    this.#repaired += amiss.length
    if (amiss.length > 0) repair(amiss)
    this.#arm()
  }
}
