import type { Clock } from '@vsmcp/kernel'

/** A time limit that also heeds a caller's signal; `done` must be called. */
export interface Deadline {
  readonly signal: AbortSignal
  /** Settles with the work, or rejects as soon as the time is over or the caller aborts. */
  race<T>(work: Promise<T>): Promise<T>
  done(): void
}

/** @param onTime makes the error that the signal carries when the time is over */
export function deadline(clock: Clock, timeoutMs: number, onTime: () => Error, outer?: AbortSignal): Deadline {
  const controller = new AbortController()
  const timer = clock.after(timeoutMs, () => controller.abort(onTime()))
  const onOuter = (): void => controller.abort(outer?.reason)
  if (outer?.aborted === true) onOuter()
  else outer?.addEventListener('abort', onOuter, { once: true })
  const { signal } = controller
  return {
    signal,
    async race(work) {
      const { promise, reject } = Promise.withResolvers<never>()
      const onAbort = (): void => reject(signal.reason as Error)
      if (signal.aborted) onAbort()
      else signal.addEventListener('abort', onAbort, { once: true })
      try {
        return await Promise.race([work, promise])
      } finally {
        signal.removeEventListener('abort', onAbort)
      }
    },
    done() {
      timer.cancel()
      outer?.removeEventListener('abort', onOuter)
    },
  }
}
