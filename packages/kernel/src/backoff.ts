import type { Random } from './random.ts'

export interface BackoffInit {
  /** Delay before the first retry. @default 200 */
  baseMs?: number
  /** No delay is longer. @default 30_000 */
  maxMs?: number
}

/**
 * Exponential back-off with equal jitter: half of the exponential delay is certain, half is chance, so that retries
 * neither stampede nor come at once (M. Brooker, "Exponential Backoff and Jitter", AWS 2015).
 * @param attempt 0 for the first retry
 * @returns milliseconds to wait
 */
export function backoffMs(attempt: number, random: Random, init: BackoffInit = {}): number {
  const { baseMs = 200, maxMs = 30_000 } = init
  const ceiling = Math.min(maxMs, baseMs * 2 ** Math.min(attempt, 30))
  return Math.round(ceiling / 2 + (ceiling / 2) * random.next())
}
