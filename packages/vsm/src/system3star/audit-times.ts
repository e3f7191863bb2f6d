import type { Random } from '@vsmcp/kernel'

/**
 * Sporadic times: the gaps are exponential, so that how long ago the last audit was says nothing of when the next will be. Whoever is to
 * be surprised must not know the source of chance.
 */
export class AuditTimes {
  readonly #random: Random
  readonly #meanMs: number
  #nextMs: number

  constructor(random: Random, meanMs: number, nowMs: number) {
    this.#random = random
    this.#meanMs = meanMs
    this.#nextMs = nowMs + this.#gap()
  }

  /** @returns whether the time has come; from then on it is the next that is waited for */
  isDue(nowMs: number): boolean {
    if (nowMs < this.#nextMs) return false
    this.#nextMs = nowMs + this.#gap()
    return true
  }

  #gap(): number {
    return -this.#meanMs * Math.log(1 - this.#random.next())
  }
}
