import { messageOf } from '@vsmcp/kernel'
import { InvariantBrokenError, simulate } from '../index.ts'
import { addLife, noTotals, type Totals } from '../totals.ts'

/** Lives between two reports of a worker. */
export const REPORT_EVERY = 100

/** Failures after which a worker stops: enough to see what they have in common. */
const FAILURES_MAX = 5

export interface Failure {
  readonly seed: number
  readonly invariant: string
  readonly message: string
}

/** What a worker says, a line each. */
export type Report = { readonly failure: Failure } | { readonly totals: Totals }

export interface Range {
  readonly from: number
  readonly count: number
  readonly step: number
}

/** Lives seed after seed in this process. @returns sums and failures */
export function liveAll(
  { from, count, step }: Range,
  report: (report: Report) => void = () => {},
): { totals: Totals; failures: Failure[] } {
  const all = noTotals()
  const failures: Failure[] = []
  let since = noTotals()
  for (let done = 0, seed = from; done < count && failures.length < FAILURES_MAX; done++, seed += step) {
    try {
      const summary = simulate({ seed })
      addLife(all, summary)
      addLife(since, summary)
    } catch (error) {
      const failure = {
        seed,
        invariant: error instanceof InvariantBrokenError ? error.invariant : 'crash',
        message: messageOf(error),
      }
      failures.push(failure)
      report({ failure })
    }
    if ((done + 1) % REPORT_EVERY === 0 || done + 1 === count) {
      report({ totals: since })
      since = noTotals()
    }
  }
  return { totals: all, failures }
}
