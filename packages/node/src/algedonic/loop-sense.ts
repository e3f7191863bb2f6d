import type { Clock, Startable, Timer } from '@vsmcp/kernel'
import { ErrorSense, organ } from '@vsmcp/vsm'
import { LOOP_LATE_MS, LOOP_LOOK_MS, REPORT_PERIOD_MS } from '../constants.ts'
import type { Algedonic } from './algedonic.ts'

export interface LoopSenseComponents {
  algedonic: Algedonic
  clock: Clock
}

const LATE = { source: organ('system3'), subject: 'this node is too busy to keep time', severity: 'low' } as const

/** Feels whether timers of this node come late more often than usual: then heartbeats do, too, and others take it for dead. */
export class LoopSense implements Startable {
  readonly #c: LoopSenseComponents
  readonly #sense = new ErrorSense()
  #timer: Timer | undefined
  #expectedMs = 0
  #looks = 0
  #late = 0

  constructor(components: LoopSenseComponents) {
    this.#c = components
  }

  async start(): Promise<void> {
    const { clock } = this.#c
    this.#expectedMs = clock.monotonicMs() + LOOP_LOOK_MS
    this.#timer = clock.every(LOOP_LOOK_MS, () => this.#look())
  }

  async stop(): Promise<void> {
    this.#timer?.cancel()
  }

  #look(): void {
    const { clock, algedonic } = this.#c
    const now = clock.monotonicMs()
    this.#looks++
    if (now - this.#expectedMs >= LOOP_LATE_MS) this.#late++
    this.#expectedMs = now + LOOP_LOOK_MS
    if (this.#looks * LOOP_LOOK_MS < REPORT_PERIOD_MS) return
    const verdict = this.#sense.observe({ calls: this.#looks, errors: this.#late })
    this.#looks = 0
    this.#late = 0
    if (verdict === undefined) return
    const share = `${Math.round(verdict.share * 100)} % of its timers were more than ${LOOP_LATE_MS} ms late within half a minute`
    if (verdict.feeling === 'pain') algedonic.feel({ ...LATE, feeling: 'pain', text: share })
    else algedonic.relieve(LATE, share)
  }
}
