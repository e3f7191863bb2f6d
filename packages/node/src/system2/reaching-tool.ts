import { backoffMs, type Clock, type Random } from '@vsmcp/kernel'
import { TOOL_AWAITED_MS } from '../constants.ts'
import { TargetUnknownError, UnitStoppedError } from '../errors.ts'
import { isRefusal } from '../route/call-watch.ts'

export interface ReachingComponents {
  clock: Clock
  random: Random
  /** How long a run may take, milliseconds: it waits no longer than that. */
  timeoutMs: number
  /** Ends the waiting; the failure of then is thrown. */
  signal: AbortSignal
}

/**
 * Calls until the call was sent: just after nodes began, or while one of them is away, a tool may not be known yet, and its unit not ready. What surely
 * did nothing is tried again with jittered back-off, `TOOL_AWAITED_MS` long at the most; what may have done something never. Throws as the last call did.
 */
export async function reachingTool<T>(
  call: (attempt: number) => Promise<T>,
  { clock, random, timeoutMs, signal }: ReachingComponents,
): Promise<T> {
  const untilMs = clock.monotonicMs() + Math.min(TOOL_AWAITED_MS, timeoutMs)
  for (let attempt = 0; ; attempt++) {
    try {
      return await call(attempt)
    } catch (error) {
      const pauseMs = backoffMs(attempt, random, { baseMs: 100, maxMs: 2_000 })
      if (!isOfNow(error) || signal.aborted || clock.monotonicMs() + pauseMs > untilMs) throw error
      await paused(pauseMs, clock, signal)
      if (signal.aborted) throw error
    }
  }
}

/** Nothing was done, and a moment later it may be. That a unit is stopped was decided. */
function isOfNow(error: unknown): boolean {
  return (isRefusal(error) && !(error instanceof UnitStoppedError)) || error instanceof TargetUnknownError
}

function paused(ms: number, clock: Clock, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const end = (): void => {
      timer.cancel()
      signal.removeEventListener('abort', end)
      resolve()
    }
    const timer = clock.after(ms, end)
    signal.addEventListener('abort', end)
  })
}
