/** Bounds a rate while letting bursts through (Turner's leaky bucket as a meter, ITU-T I.371). Time is handed in. */
export class TokenBucket {
  readonly ratePerS: number
  readonly #burst: number
  #tokens: number
  #atMs: number

  /** @param burstMs the bucket holds what the rate brings in so long, and at least one token */
  constructor(ratePerS: number, burstMs: number, nowMs: number) {
    this.ratePerS = ratePerS
    this.#burst = Math.max(1, (ratePerS * burstMs) / 1_000)
    this.#tokens = this.#burst
    this.#atMs = nowMs
  }

  /** @returns 0 with a token taken, or else the milliseconds until there is one */
  take(nowMs: number): number {
    this.#tokens = Math.min(this.#burst, this.#tokens + (Math.max(0, nowMs - this.#atMs) * this.ratePerS) / 1_000)
    this.#atMs = Math.max(this.#atMs, nowMs)
    // What rounding leaves of a token is one, or a timer for a billionth of it would follow.
    if (this.#tokens < 1 - 1e-9) return ((1 - this.#tokens) * 1_000) / this.ratePerS
    this.#tokens = Math.max(0, this.#tokens - 1)
    return 0
  }
}
