import { HEALTH_SCORE_MAX } from './constants.ts'

/**
 * How far this node trusts its own ears (Lifeguard, section IV.A): 0 is well; every sign that it is this node that is slow
 * makes it more patient with all others.
 */
export class LocalHealth {
  readonly #isOn: boolean
  #score = 0

  constructor(isOn: boolean) {
    this.#isOn = isOn
  }

  get score(): number {
    return this.#score
  }

  /** By what timeouts and the period are multiplied. */
  get factor(): number {
    return 1 + this.#score
  }

  change(by: number): void {
    if (this.#isOn) this.#score = Math.min(HEALTH_SCORE_MAX, Math.max(0, this.#score + by))
  }
}
