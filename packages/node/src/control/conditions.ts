import { type Clock, StoppedError, TimeoutError } from '@vsmcp/kernel'
import type { WaitConditions, WaitResult } from './contract.ts'

export interface ConditionsComponents {
  clock: Clock
  /** What is not yet as asked, each as a phrase; empty when all holds. */
  missing: (conditions: WaitConditions) => string[]
  /** Calls back whenever the answer of `missing` may be another. */
  onChange: (listener: () => void) => () => void
}

/** Waits for the events that make conditions true; nothing is polled. */
export function waitFor(components: ConditionsComponents, conditions: WaitConditions, signal?: AbortSignal): Promise<WaitResult> {
  const { clock, missing, onChange } = components
  const startedMs = clock.monotonicMs()
  return new Promise((resolve, reject) => {
    const end = (): void => {
      timer.cancel()
      off()
      signal?.removeEventListener('abort', onAbort)
    }
    const isMet = (): boolean => {
      if (missing(conditions).length > 0) return false
      end()
      resolve({ waitedMs: Math.round(clock.monotonicMs() - startedMs) })
      return true
    }
    const onAbort = (): void => {
      end()
      reject(new StoppedError('nobody waits any more'))
    }
    const timer = clock.after(conditions.timeoutMs, () => {
      // What counts is what is so, should nobody have said that it came to be.
      if (isMet()) return
      const left = missing(conditions)
      end()
      reject(
        new TimeoutError(`still missing after ${Math.round(conditions.timeoutMs / 100) / 10} s: ${left.join('; ')}`, {
          hint: 'See `vsmcp status` and `vsmcp doctor`.',
        }),
      )
    })
    const off = onChange(() => void isMet())
    signal?.addEventListener('abort', onAbort)
    if (signal?.aborted === true) onAbort()
    else isMet()
  })
}
