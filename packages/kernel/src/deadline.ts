import type { Clock } from './clock.ts'
import { TimeoutError } from './errors.ts'

/** Waits for work, but no longer than so long: then `TimeoutError`, and whatever comes of the work is dropped. */
export async function within<T>(clock: Clock, deadlineMs: number, work: Promise<T>, what: string): Promise<T> {
  if (deadlineMs === Number.POSITIVE_INFINITY) return work
  const { promise, reject } = Promise.withResolvers<never>()
  const timer = clock.after(deadlineMs, () => reject(new TimeoutError(`${what} took longer than ${deadlineMs} ms`)))
  try {
    return await Promise.race([work, promise])
  } finally {
    timer.cancel()
  }
}
