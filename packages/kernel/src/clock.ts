/** A pending call of a `Clock`; cancelling twice is harmless. */
export interface Timer {
  cancel(): void
}

/** Where shells get time from. Pure packages never see it: they take `now` as an argument. */
export interface Clock {
  /** Wall clock, milliseconds since the Unix epoch. For people and expiry dates, never for intervals. */
  wallMs(): number
  /** Monotonic clock, milliseconds since an arbitrary start. For intervals and ticks. */
  monotonicMs(): number
  /**
   * Calls `fn` once after `delayMs`: as soon as may be where that is past, and after 24 days at the latest, as far as timers reach. Does not keep
   * the process alive.
   */
  after(delayMs: number, fn: () => void): Timer
  /** Calls `fn` every `periodMs`. Does not keep the process alive. */
  every(periodMs: number, fn: () => void): Timer
}

/** A timer of Node.js above 2^31 - 1 ms goes off at once. */
const TIMER_MAX_MS = 24 * 86_400_000

/** The machine's own clock. */
export const systemClock: Clock = {
  wallMs: () => Date.now(),
  monotonicMs: () => performance.now(),
  after(delayMs, fn) {
    const handle = setTimeout(fn, Math.min(Math.max(0, delayMs), TIMER_MAX_MS))
    handle.unref()
    return { cancel: () => clearTimeout(handle) }
  },
  every(periodMs, fn) {
    const handle = setInterval(fn, periodMs)
    handle.unref()
    return { cancel: () => clearInterval(handle) }
  },
}
