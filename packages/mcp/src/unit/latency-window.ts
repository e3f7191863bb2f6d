import { LATENCIES_KEPT } from './constants.ts'

/** Percentiles over the last measurements. Recording is one store; the sorting is paid by who asks. */
export class LatencyWindow {
  readonly #values = new Float32Array(LATENCIES_KEPT)
  #recorded = 0

  record(latencyMs: number): void {
    this.#values[this.#recorded++ % LATENCIES_KEPT] = latencyMs
  }

  /** Nearest-rank percentiles, in the order of `ranks` (0 to 1), to the microsecond; `null` while nothing is recorded. */
  percentiles(ranks: readonly number[]): (number | null)[] {
    const count = Math.min(this.#recorded, LATENCIES_KEPT)
    const sorted = this.#values.slice(0, count).sort()
    return ranks.map((rank) => {
      const value = sorted[Math.max(0, Math.ceil(rank * count) - 1)]
      return value === undefined ? null : Math.round(value * 1_000) / 1_000
    })
  }
}
