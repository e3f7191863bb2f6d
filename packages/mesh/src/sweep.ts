import type { Clock, Timer } from '@vsmcp/kernel'
import { DEADLINE_SWEEP_MS } from './constants.ts'

export interface Sweepable {
  /** @returns whether there is more to watch */
  sweep(nowMs: number): boolean
}

/** One timer for the deadlines of all calls on all connections; it runs only while there are any. */
export class Sweep {
  readonly #clock: Clock
  readonly #targets = new Set<Sweepable>()
  #timer: Timer | undefined

  constructor(clock: Clock) {
    this.#clock = clock
  }

  watch(target: Sweepable): void {
    this.#targets.add(target)
    this.#timer ??= this.#clock.every(DEADLINE_SWEEP_MS, () => this.#tick())
  }

  stop(): void {
    this.#timer?.cancel()
    this.#timer = undefined
    this.#targets.clear()
  }

  #tick(): void {
    const nowMs = this.#clock.monotonicMs()
    for (const target of this.#targets) if (!target.sweep(nowMs)) this.#targets.delete(target)
    if (this.#targets.size === 0) this.stop()
  }
}
