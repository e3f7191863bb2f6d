/** A number of something that may be in use at once. */
export class Quota {
  readonly #max: number
  #used = 0

  constructor(max: number) {
    this.#max = max
  }

  get used(): number {
    return this.#used
  }

  /** @returns false, and takes nothing, when that much is not left */
  take(amount = 1): boolean {
    if (this.#used + amount > this.#max) return false
    this.#used += amount
    return true
  }

  release(amount = 1): void {
    this.#used -= amount
  }
}
