import { WARM_UP_MS } from './constants.ts'

/** Changes by this share of what was held, or by one place, are none. */
const BAND_SHARE = 0.1

interface Followed {
  held: number
  sign: number
}

/** How often allocations turn: a change the other way than the one before. */
export class Swings {
  readonly #followed = new Map<string, Followed>()
  #turns = 0

  set(name: string, value: number, nowMs: number): void {
    const followed = this.#followed.get(name)
    if (followed === undefined) {
      this.#followed.set(name, { held: value, sign: 0 })
      return
    }
    const change = value - followed.held
    if (Math.abs(change) <= Math.max(1, followed.held * BAND_SHARE)) return
    followed.held = value
    const sign = Math.sign(change)
    if (sign === -followed.sign && nowMs >= WARM_UP_MS) this.#turns++
    followed.sign = sign
  }

  /** Turns per allocation and hour. */
  perHour(lastedMs: number): number {
    return this.#followed.size === 0 ? 0 : this.#turns / this.#followed.size / (lastedMs / 3_600_000)
  }
}
