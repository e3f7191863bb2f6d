import { backoffMs, type Clock, messageOf, type Random, type Timer } from '@vsmcp/kernel'
import { REFETCH_ATTEMPTS_MAX, REFETCH_DELAY_MS, RESTART_BASE_MS } from './constants.ts'

export interface RefetcherInit {
  /** Reads the lists again. */
  fetch: () => Promise<void>
  /** It failed so often that the lists known stay. */
  onFailure: (text: string) => void
}

/** Reads a server's lists again after it said they changed: announcements close together once, one reading at a time. */
export class Refetcher {
  readonly #init: RefetcherInit
  readonly #clock: Clock
  readonly #random: Random
  #timer: Timer | undefined
  #isFetching = false
  #isWanted = false
  #attempts = 0

  constructor(init: RefetcherInit, { clock, random }: { clock: Clock; random: Random }) {
    this.#init = init
    this.#clock = clock
    this.#random = random
  }

  request(): void {
    this.#attempts = 0
    if (this.#isFetching) this.#isWanted = true
    else this.#schedule(REFETCH_DELAY_MS)
  }

  cancel(): void {
    this.#timer?.cancel()
    this.#timer = undefined
    this.#isWanted = false
  }

  #schedule(delayMs: number): void {
    this.#timer ??= this.#clock.after(delayMs, () => {
      this.#timer = undefined
      this.#isFetching = true
      this.#isWanted = false
      void this.#run()
    })
  }

  async #run(): Promise<void> {
    try {
      await this.#init.fetch()
      this.#isFetching = false
      if (this.#isWanted) this.#schedule(REFETCH_DELAY_MS)
    } catch (error) {
      this.#isFetching = false
      if (++this.#attempts >= REFETCH_ATTEMPTS_MAX) this.#init.onFailure(`the lists could not be read again: ${messageOf(error)}`)
      else this.#schedule(backoffMs(this.#attempts, this.#random, { baseMs: RESTART_BASE_MS }))
    }
  }
}
