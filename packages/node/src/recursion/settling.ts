import { backoffMs, type Clock, type Random, type Timer } from '@vsmcp/kernel'

export interface SettlingComponents {
  /** Puts something right. @returns false when it is to be tried again */
  work: () => Promise<boolean>
  clock: Clock
  random: Random
}

/** Work that is done one at a time, once more when it was asked for meanwhile, and again after growing pauses while it does not succeed. */
export class Settling {
  readonly #c: SettlingComponents
  #isWorking = false
  #again = false
  #isOver = false
  #failures = 0
  #timer: Timer | undefined

  constructor(components: SettlingComponents) {
    this.#c = components
  }

  /** The work never rejects. */
  ask(): void {
    if (this.#isOver) return
    this.#again = true
    if (this.#isWorking) return
    this.#isWorking = true
    void this.#settle().finally(() => (this.#isWorking = false))
  }

  end(): void {
    this.#isOver = true
    this.#timer?.cancel()
  }

  async #settle(): Promise<void> {
    const { work, clock, random } = this.#c
    this.#timer?.cancel()
    while (this.#again && !this.#isOver) {
      this.#again = false
      this.#failures = (await work()) ? 0 : this.#failures + 1
    }
    if (this.#failures > 0 && !this.#isOver) this.#timer = clock.after(backoffMs(this.#failures, random), () => this.ask())
  }
}
