import type { Clock, Timer } from '@vsmcp/kernel'

interface Pending {
  atMs: number
  periodMs: number | undefined
  fn: () => void
}

/** Time that passes only when told to. */
export class ManualClock implements Clock {
  #nowMs = 0
  readonly #pending = new Set<Pending>()

  wallMs(): number {
    return this.#nowMs
  }

  monotonicMs(): number {
    return this.#nowMs
  }

  after(delayMs: number, fn: () => void): Timer {
    return this.#add({ atMs: this.#nowMs + delayMs, periodMs: undefined, fn })
  }

  every(periodMs: number, fn: () => void): Timer {
    return this.#add({ atMs: this.#nowMs + periodMs, periodMs, fn })
  }

  advance(ms: number): void {
    const until = this.#nowMs + ms
    for (;;) {
      const next = [...this.#pending].filter(({ atMs }) => atMs <= until).sort((a, b) => a.atMs - b.atMs)[0]
      if (next === undefined) break
      this.#nowMs = next.atMs
      if (next.periodMs === undefined) this.#pending.delete(next)
      else next.atMs += next.periodMs
      next.fn()
    }
    this.#nowMs = until
  }

  #add(pending: Pending): Timer {
    this.#pending.add(pending)
    return { cancel: () => this.#pending.delete(pending) }
  }
}
