import type { Latencies } from '@vsmcp/kernel'
import { LATENCIES_KEPT } from './constants.ts'

/** Percentiles over the last measurements. Recording is one store; the sorting is paid by who asks. */
export class LatencyWindow {
  readonly #values = new Float32Array(LATENCIES_KEPT)
  #recorded = 0

  record(latencyMs: number): void {
    this.#values[this.#recorded++ % LATENCIES_KEPT] = latencyMs
  }

  /** Nearest ranks over the last so many, as far as they are kept. */
  last(count: number): Latencies | undefined {
    const kept = Math.min(count, this.#recorded, LATENCIES_KEPT)
    if (kept <= 0) return undefined
    const values = new Float32Array(kept)
    for (let back = 0; back < kept; back++) values[back] = this.#values[(this.#recorded - 1 - back) % LATENCIES_KEPT] ?? 0
    values.sort()
    const at = (rank: number): number => toMicroseconds(values[Math.max(0, Math.ceil(rank * kept) - 1)] ?? 0)
    return { p50Ms: at(0.5), p99Ms: at(0.99), maxMs: at(1) }
  }

  /** Nearest-rank percentiles, in the order of `ranks` (0 to 1), to the microsecond; `null` while nothing is recorded. */
  percentiles(ranks: readonly number[]): (number | null)[] {
    const count = Math.min(this.#recorded, LATENCIES_KEPT)
    const sorted = this.#values.slice(0, count).sort()
    return ranks.map((rank) => {
      const value = sorted[Math.max(0, Math.ceil(rank * count) - 1)]
      return value === undefined ? null : toMicroseconds(value)
    })
  }
}

const toMicroseconds = (valueMs: number): number => Math.round(valueMs * 1_000) / 1_000
