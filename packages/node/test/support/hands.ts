import type { Clock } from '@vsmcp/kernel'

/** Time as the test says. */
export class Hands {
  nowMs = 0
  readonly timers = new Set<{ atMs: number; everyMs: number | undefined; work: () => void }>()
  readonly clock = {
    monotonicMs: () => this.nowMs,
    wallMs: () => this.nowMs,
    after: (ms: number, work: () => void) => this.#add(ms, undefined, work),
    every: (ms: number, work: () => void) => this.#add(ms, ms, work),
  } as unknown as Clock

  /** @param lateMs how much after its time each timer comes */
  pass(ms: number, lateMs = 0): void {
    const end = this.nowMs + ms
    for (;;) {
      const [next] = [...this.timers].sort((a, b) => a.atMs - b.atMs)
      if (next === undefined || next.atMs > end) break
      this.nowMs = Math.max(this.nowMs, next.atMs + lateMs)
      if (next.everyMs === undefined) this.timers.delete(next)
      else next.atMs = this.nowMs + next.everyMs
      next.work()
    }
    this.nowMs = Math.max(this.nowMs, end)
  }

  #add(ms: number, everyMs: number | undefined, work: () => void) {
    const timer = { atMs: this.nowMs + ms, everyMs, work }
    this.timers.add(timer)
    return { cancel: () => void this.timers.delete(timer) }
  }
}
