import { setImmediate } from 'node:timers/promises'
import type { Clock, Timer } from '@vsmcp/kernel'

interface Scheduled {
  atMs: number
  order: number
  fn: () => void
}

/** Time that passes only when told to; between two timers everything that was begun comes to rest. */
export class ManualClock implements Clock {
  #nowMs = 0
  #order = 0
  readonly #startWallMs: number
  readonly #timers = new Set<Scheduled>()

  constructor(startWallMs = Date.UTC(2026, 6, 28)) {
    this.#startWallMs = startWallMs
  }

  wallMs(): number {
    return this.#startWallMs + this.#nowMs
  }

  monotonicMs(): number {
    return this.#nowMs
  }

  after(delayMs: number, fn: () => void): Timer {
    const timer = { atMs: this.#nowMs + Math.max(0, delayMs), order: this.#order++, fn }
    this.#timers.add(timer)
    return { cancel: () => this.#timers.delete(timer) }
  }

  every(periodMs: number, fn: () => void): Timer {
    let timer = this.after(periodMs, () => undefined)
    const again = (): void => {
      timer = this.after(periodMs, again)
      fn()
    }
    timer.cancel()
    timer = this.after(periodMs, again)
    return { cancel: () => timer.cancel() }
  }

  async advance(byMs: number): Promise<void> {
    const endMs = this.#nowMs + byMs
    await rest()
    for (let next = this.#next(endMs); next !== undefined; next = this.#next(endMs)) {
      this.#nowMs = Math.max(this.#nowMs, next.atMs)
      // All that is due at once goes in one go: nothing observable lies between.
      for (let due: Scheduled | undefined = next; due !== undefined; due = this.#next(this.#nowMs)) {
        this.#timers.delete(due)
        due.fn()
      }
      await rest()
    }
    this.#nowMs = endMs
  }

  #next(endMs: number): Scheduled | undefined {
    let first: Scheduled | undefined
    for (const timer of this.#timers) {
      if (timer.atMs > endMs) continue
      if (first === undefined || timer.atMs < first.atMs || (timer.atMs === first.atMs && timer.order < first.order))
        first = timer
    }
    return first
  }
}

/** Lets promises and immediates that are under way run out. */
export async function rest(): Promise<void> {
  for (let turn = 0; turn < 4; turn++) await setImmediate()
}
