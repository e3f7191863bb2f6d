import { ELECTION_MS } from './constants.ts'
import type { Timeline } from './timeline.ts'

/**
 * The attention of a group's controller: what it is told waits its turn, each piece takes it some time, and while its node is gone another
 * has to be elected first. Alerts do not wait behind the rest: they have a plane of their own.
 */
export class Inbox {
  readonly #timeline: Timeline
  #freeAtMs = 0
  #busyMs = 0

  constructor(timeline: Timeline) {
    this.#timeline = timeline
  }

  /** Milliseconds spent on what it was told. */
  get busyMs(): number {
    return this.#busyMs
  }

  handle(costMs: number, run: () => void): void {
    this.#freeAtMs = Math.max(this.#timeline.nowMs, this.#freeAtMs) + costMs
    this.#busyMs += costMs
    this.#timeline.at(this.#freeAtMs, run)
  }

  handleAtOnce(costMs: number, run: () => void): void {
    this.#busyMs += costMs
    this.#timeline.after(costMs, run)
  }

  leaderLost(): void {
    this.#freeAtMs = Math.max(this.#timeline.nowMs, this.#freeAtMs) + ELECTION_MS
  }
}
