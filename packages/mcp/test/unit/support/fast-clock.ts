import { type Clock, systemClock } from '@vsmcp/kernel'

/** Time that runs `factor` times as fast, for waits that are long on purpose. */
export function fastClock(factor: number): Clock {
  return {
    wallMs: () => systemClock.wallMs(),
    monotonicMs: () => systemClock.monotonicMs() * factor,
    after: (delayMs, fn) => systemClock.after(delayMs / factor, fn),
    every: (periodMs, fn) => systemClock.every(periodMs / factor, fn),
  }
}
