import type { Clock, Startable, Timer } from '@vsmcp/kernel'
import { organ } from '@vsmcp/vsm'
import { CLOCK_OFF_MS, REPORT_PERIOD_MS } from '../constants.ts'
import type { MemberClocks } from '../members/member-clocks.ts'
import type { Algedonic } from './algedonic.ts'

export interface ClockSenseComponents {
  algedonic: Algedonic
  clocks: Pick<MemberClocks, 'mostAheadMs'>
  clock: Clock
}

const OFF = {
  source: organ('system3'),
  subject: 'the clock of this node is not that of most others',
  severity: 'high',
} as const

/** Feels whether the clock of this node differs from those of most others: then what it says is due is not, or not yet. */
export class ClockSense implements Startable {
  readonly #c: ClockSenseComponents
  #timer: Timer | undefined

  constructor(components: ClockSenseComponents) {
    this.#c = components
  }

  async start(): Promise<void> {
    this.#timer = this.#c.clock.every(REPORT_PERIOD_MS, () => this.#look())
  }

  async stop(): Promise<void> {
    this.#timer?.cancel()
  }

  #look(): void {
    const { algedonic, clocks } = this.#c
    const aheadMs = clocks.mostAheadMs
    if (aheadMs === undefined) return
    const offS = Math.round(Math.abs(aheadMs) / 1_000)
    const text = `It is ${offS} s ${aheadMs < 0 ? 'ahead of' : 'behind'} theirs. While it leads, schedules go by the clocks of most; set the clock.`
    if (Math.abs(aheadMs) > CLOCK_OFF_MS) algedonic.feel({ ...OFF, feeling: 'pain', text })
    // Between the two it stays as it was felt.
    else if (Math.abs(aheadMs) < CLOCK_OFF_MS / 2) algedonic.relieve(OFF, `it is ${offS} s from theirs`)
  }
}
