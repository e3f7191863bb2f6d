import { type Clock, isoTime, type Logger, messageOf, type Startable, type Timer } from '@vsmcp/kernel'
import { CLOCK_SKEW_MS } from '@vsmcp/security'
import { TIME_KEPT_PERIOD_MS } from '../constants.ts'
import { readIfThere, writeWhole } from '../enrol/data-directory.ts'

export interface TrustedTimeComponents {
  /** Where the latest time is kept over restarts. */
  file: string
  clock: Clock
  logger: Logger
}

/**
 * The time by which credentials are judged: the latest of the system clock, the time this node kept last, and the newest
 * certificate it verified. A clock that was set back revives nothing that has ended.
 */
export class TrustedTime implements Startable {
  readonly #c: TrustedTimeComponents
  #latestMs = 0
  #timer: Timer | undefined

  constructor(components: TrustedTimeComponents) {
    this.#c = components
  }

  async start(): Promise<void> {
    const { file, clock, logger } = this.#c
    const kept = Number((await readIfThere(file)) ?? 0)
    if (Number.isSafeInteger(kept) && kept >= 0) this.#latestMs = Math.max(this.#latestMs, kept)
    else logger.error({ file }, 'the time kept last cannot be read; the system clock alone counts')
    if (this.isClockBehind) {
      logger.warn(
        { clock: isoTime(clock.wallMs()), kept: isoTime(this.#latestMs) },
        'the clock of this machine is behind the time kept last',
      )
    }
    await this.#keep()
    this.#timer = clock.every(TIME_KEPT_PERIOD_MS, () => void this.#keep())
  }

  async stop(): Promise<void> {
    this.#timer?.cancel()
    await this.#keep()
  }

  nowMs(): number {
    const { clock } = this.#c
    this.#latestMs = Math.max(this.#latestMs, Math.round(clock.wallMs()))
    return this.#latestMs
  }

  /** The system clock is known to be wrong: it is earlier than it was once. */
  get isClockBehind(): boolean {
    return this.#c.clock.wallMs() + CLOCK_SKEW_MS < this.#latestMs
  }

  /** A majority of the voters signed something at this time: it is later now. */
  certified(atMs: number): void {
    this.#latestMs = Math.max(this.#latestMs, atMs)
  }

  async #keep(): Promise<void> {
    const { file, logger } = this.#c
    try {
      await writeWhole(file, `${this.nowMs()}\n`)
    } catch (error) {
      logger.warn({ error: messageOf(error) }, 'the time was not kept; it is tried again')
    }
  }
}
