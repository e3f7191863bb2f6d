/** Counts restarts within a sliding window: how OTP tells a fault that heals from one that does not. */
export class RestartWindow {
  readonly #intensity: number
  readonly #periodMs: number
  #atMs: number[] = []

  constructor(intensity: number, periodMs: number) {
    this.#intensity = intensity
    this.#periodMs = periodMs
  }

  /** @returns whether this restart is allowed; never more than `intensity` + 1 times are kept */
  add(nowMs: number): boolean {
    this.#atMs = this.#atMs.filter((atMs) => nowMs - atMs <= this.#periodMs)
    this.#atMs.push(nowMs)
    return this.#atMs.length <= this.#intensity
  }
}
