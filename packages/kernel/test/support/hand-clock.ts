import type { Clock, Timer } from '../../src/index.ts'

/** Time that passes only by hand. */
export class HandClock implements Clock {
  #nowMs = 0
  readonly #due = new Set<{ atMs: number; fn: () => void }>()

  wallMs(): number {
    return this.#nowMs
  }

  monotonicMs(): number {
    return this.#nowMs
  }

  after(delayMs: number, fn: () => void): Timer {
    const entry = { atMs: this.#nowMs + delayMs, fn }
    this.#due.add(entry)
    return { cancel: () => this.#due.delete(entry) }
  }

  every(): Timer {
    throw new Error('nothing here needs it')
  }

  get pending(): number {
    return this.#due.size
  }

  /** Lets time pass, and everything that follows from it happen. */
  async pass(ms: number): Promise<void> {
    await settled()
    this.#nowMs += ms
    for (const entry of [...this.#due].filter(({ atMs }) => atMs <= this.#nowMs)) {
      this.#due.delete(entry)
      entry.fn()
    }
    await settled()
  }
}

/** All that is due has happened: nothing here waits for anything but promises and the clock. */
export const settled = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))
