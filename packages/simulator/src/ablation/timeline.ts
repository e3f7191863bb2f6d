import { EventQueue } from '../event-queue.ts'

/** Simulated time, and what is still to happen in it. */
export class Timeline {
  readonly #queue = new EventQueue()
  #nowMs = 0

  get nowMs(): number {
    return this.#nowMs
  }

  at(atMs: number, run: () => void): void {
    this.#queue.add(Math.max(this.#nowMs, atMs), run)
  }

  after(delayMs: number, run: () => void): void {
    this.at(this.#nowMs + delayMs, run)
  }

  /** For ever. */
  every(periodMs: number, firstMs: number, run: () => void): void {
    const turn = (): void => {
      run()
      this.after(periodMs, turn)
    }
    this.at(firstMs, turn)
  }

  runUntil(endMs: number): void {
    for (;;) {
      const nextMs = this.#queue.nextAtMs
      if (nextMs === undefined || nextMs > endMs) break
      this.#nowMs = nextMs
      this.#queue.take()?.run()
    }
    this.#nowMs = endMs
  }
}
