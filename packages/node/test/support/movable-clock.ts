import { type Clock, systemClock } from '@vsmcp/kernel'

/** The machine's own clock but for the date, which the test moves. */
export function movableClock(): { clock: Clock; advance: (ms: number) => void } {
  let aheadMs = 0
  const clock: Clock = { ...systemClock, wallMs: () => systemClock.wallMs() + aheadMs }
  return { clock, advance: (ms) => (aheadMs += ms) }
}
