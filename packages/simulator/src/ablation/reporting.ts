import type { PeerIdString } from '@vsmcp/kernel'
import type { Reportable, UnitReport } from '@vsmcp/vsm'

/** Nearest ranks of sorted latencies; undefined when there are none. */
export function percentilesOf(sorted: readonly number[]): Reportable['latencies'] {
  const last = sorted.at(-1)
  if (last === undefined) return undefined
  const rank = (share: number): number => sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)] ?? last
  return { p50Ms: rank(0.5), p99Ms: rank(0.99), maxMs: last }
}

/** What a liar knows of how it was: from then on it tells that, of its totals and of each caller's account alike, so that its reports hold together. */
export class Liar {
  readonly #slowness: number
  /** Accounts as they were when it began to lie. */
  #honest: ReadonlyMap<PeerIdString, { answered: number; refused: number; latencyMs: number }> | undefined

  constructor(slowness: number) {
    this.#slowness = slowness
  }

  embellish(report: UnitReport): UnitReport {
    const { measured } = report
    if (measured === undefined) return report
    this.#honest ??= new Map(measured.callers.map(({ node, ...account }) => [node, account]))
    const share = 1 / this.#slowness
    const callers = measured.callers.map(({ node, answered, refused, latencyMs }) => {
      const before = this.#honest?.get(node) ?? { answered: 0, refused: 0, latencyMs: 0 }
      return {
        node,
        answered: answered + refused - before.refused,
        refused: before.refused,
        latencyMs: before.latencyMs + (latencyMs - before.latencyMs) * share,
      }
    })
    const shorter = (ms: number | null): number | null => (ms === null ? null : ms * share)
    const { turnedAway, answered } = measured
    const actuality = (answered * 1_000) / report.windowMs
    return {
      ...report,
      calls: answered + turnedAway,
      errors: turnedAway,
      latencyP50Ms: shorter(report.latencyP50Ms),
      latencyP99Ms: shorter(report.latencyP99Ms),
      measured: {
        ...measured,
        latencyMaxMs: shorter(measured.latencyMaxMs),
        actuality,
        capability: Math.max(actuality, measured.capability ?? 0),
        potentiality: Math.max(actuality, measured.capability ?? 0, measured.potentiality ?? 0),
        callers,
      },
    }
  }
}
