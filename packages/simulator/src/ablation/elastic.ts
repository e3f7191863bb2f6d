import { Outlook, type UnitReport } from '@vsmcp/vsm'
import { CHAT_CONCURRENCY, CHAT_POOL, CHAT_START_MS, CHAT_STAY_MS, REPORT_PERIOD_MS, SERVICES, SITES } from './constants.ts'
import type { Timeline } from './timeline.ts'

/** What one instance does per second at full work. */
const INSTANCE_PER_S = (CHAT_CONCURRENCY * 1_000) / SERVICES.chat.workMs

/** Present demand is the mean over so long. */
const PRESENT_MS = 30_000

/** Beyond what is expected: a quarter, as `ResourceBargain` reckons. */
export const HEADROOM = 1.25

const AHEAD_TICKS = CHAT_START_MS / REPORT_PERIOD_MS

export interface ElasticInit {
  readonly site: number
  readonly forecasts: boolean
  /** Starts one; it serves when it has come. */
  readonly begin: () => void
  /** Ends the youngest. */
  readonly end: () => void
  /** Instances that serve or are on their way. */
  readonly count: () => number
}

/** The instances of `chat` at one site, as its group's controller has them started and stopped by what it hears of demand, within what the pool grants. */
export class Elastic {
  readonly #timeline: Timeline
  readonly #init: ElasticInit
  readonly #outlook = new Outlook()
  readonly #heard: { readonly atMs: number; readonly calls: number }[] = []
  #sinceTick = 0
  #unwantedSinceMs: number | undefined
  /** What the pool grants. Before the first bargain all sites have the same. */
  granted = Math.floor(CHAT_POOL / SITES)

  constructor(timeline: Timeline, init: ElasticInit) {
    this.#timeline = timeline
    this.#init = init
  }

  heard({ calls }: UnitReport): void {
    this.#heard.push({ atMs: this.#timeline.nowMs, calls })
    this.#sinceTick += calls
  }

  /** Every report period: what was called since. */
  tick(): void {
    if (this.#init.forecasts) this.#outlook.step('chat', 'calls', this.#sinceTick)
    this.#sinceTick = 0
  }

  /** Instances' worth of demand: now, or when what is started now will have come if that is more. */
  get need(): number {
    const presentPerS = this.#presentPerS()
    if (!this.#init.forecasts) return presentPerS / INSTANCE_PER_S
    const ahead = this.#outlook.view('chat', [AHEAD_TICKS])[0]?.ahead[0]?.mean ?? 0
    return Math.max(presentPerS, (ahead * 1_000) / REPORT_PERIOD_MS) / INSTANCE_PER_S
  }

  /** Starts what is wanted and granted, and ends what was not wanted for a while. */
  adjust(need: number): void {
    const { begin, end, count } = this.#init
    const wanted = Math.max(1, Math.min(Math.ceil(need * HEADROOM), this.granted))
    for (let more = wanted - count(); more > 0; more--) begin()
    if (count() <= wanted) {
      this.#unwantedSinceMs = undefined
      return
    }
    this.#unwantedSinceMs ??= this.#timeline.nowMs
    // What another site was given goes at once, what is only idle stays a while.
    const isOthers = count() > this.granted
    if (!isOthers && this.#timeline.nowMs - this.#unwantedSinceMs < CHAT_STAY_MS) return
    for (let less = count() - (isOthers ? Math.max(wanted, this.granted) : wanted); less > 0; less--) end()
  }

  #presentPerS(): number {
    const fromMs = this.#timeline.nowMs - PRESENT_MS
    while ((this.#heard[0]?.atMs ?? fromMs) < fromMs) this.#heard.shift()
    return (this.#heard.reduce((sum, { calls }) => sum + calls, 0) * 1_000) / PRESENT_MS
  }
}
