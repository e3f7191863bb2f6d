import { BYTES_PER_MS, CALLS_KEPT, OVERHEAD_MS } from './constants.ts'

/** A call of a unit as its caller saw it. */
export interface OwnCall {
  /** `answered` and `refused` (an error of the server): the host counted it. `lost`: whether it did is not known. */
  readonly outcome: 'answered' | 'refused' | 'lost'
  readonly latencyMs: number
  /** Of the answer. */
  readonly bytes: number
  /** Time on the way and in this node's own queues, as measured at that time, milliseconds. */
  readonly overheadMs: number
}

interface Kept {
  readonly endedMs: number
  readonly outcome: OwnCall['outcome']
  /** What of the latency is surely the host's. */
  readonly atHostMs: number
}

export interface Span {
  /** Surely between the two moments. */
  readonly answered: number
  readonly refused: number
  /** Perhaps between them: those near the edges, and those of unknown fate, included. */
  readonly possibly: number
  /** Latencies surely the host's, of those surely between. */
  readonly atHostMs: readonly number[]
}

/** What one node saw itself of one unit elsewhere. */
export class OwnRecord {
  readonly #calls: Kept[] = []
  #next = 0

  add({ outcome, latencyMs, bytes, overheadMs }: OwnCall, nowMs: number): void {
    const atHostMs = Math.max(0, latencyMs - overheadMs - OVERHEAD_MS - bytes / BYTES_PER_MS)
    const kept = { endedMs: nowMs, outcome, atHostMs }
    if (this.#calls.length < CALLS_KEPT) this.#calls.push(kept)
    else this.#calls[this.#next] = kept
    this.#next = (this.#next + 1) % CALLS_KEPT
  }

  /** @returns undefined when not all that happened since then is remembered */
  between(fromMs: number, toMs: number, edgeMs: number): Span | undefined {
    const oldest = this.#calls.length < CALLS_KEPT ? undefined : this.#calls[this.#next]
    if (oldest !== undefined && oldest.endedMs > fromMs - edgeMs) return undefined
    let [answered, refused, possibly] = [0, 0, 0]
    const atHost: number[] = []
    for (const { endedMs, outcome, atHostMs } of this.#calls) {
      if (endedMs < fromMs - edgeMs || endedMs > toMs + edgeMs) continue
      possibly++
      if (outcome === 'lost' || endedMs < fromMs + edgeMs || endedMs > toMs - edgeMs) continue
      if (outcome === 'answered') answered++
      else refused++
      atHost.push(atHostMs)
    }
    return { answered, refused, possibly, atHostMs: atHost }
  }
}
