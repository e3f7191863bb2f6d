/**
 * A process's two clocks. The monotonic one runs at its own rate and may leap ahead (a machine that slept), never back; the
 * wall clock may leap either way.
 */
export class DriftingClock {
  #rate = 1
  #baseLocalMs = 0
  #baseTrueMs = 0
  #wallOffsetMs: number

  constructor(wallMs: number) {
    this.#wallOffsetMs = wallMs
  }

  /** The monotonic clock at a true time. */
  monotonicMs(trueMs: number): number {
    return this.#baseLocalMs + (trueMs - this.#baseTrueMs) * this.#rate
  }

  wallMs(trueMs: number): number {
    return Math.max(0, Math.floor(trueMs + this.#wallOffsetMs))
  }

  /** When the monotonic clock will show `localMs`. */
  trueMs(localMs: number): number {
    return this.#baseTrueMs + (localMs - this.#baseLocalMs) / this.#rate
  }

  setRate(rate: number, nowMs: number): void {
    this.#baseLocalMs = this.monotonicMs(nowMs)
    this.#baseTrueMs = nowMs
    this.#rate = rate
  }

  leap(aheadMs: number): void {
    this.#baseLocalMs += aheadMs
  }

  leapWall(byMs: number): void {
    this.#wallOffsetMs += byMs
  }
}
