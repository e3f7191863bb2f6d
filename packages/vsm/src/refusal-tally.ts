import type { PeerIdString } from '@vsmcp/kernel'

/** Counts by sender why what it sent was not taken: System 3* looks at that. Bounded; of senders beyond the bound nothing is counted. */
export class RefusalTally<R extends string> {
  readonly #kinds: readonly R[]
  readonly #sendersMax: number
  readonly #counts = new Map<PeerIdString, Record<R, number>>()

  constructor(kinds: readonly R[], sendersMax: number) {
    this.#kinds = kinds
    this.#sendersMax = sendersMax
  }

  add(sender: PeerIdString, refusal: R): void {
    let counts = this.#counts.get(sender)
    if (counts === undefined) {
      if (this.#counts.size >= this.#sendersMax) return
      counts = Object.fromEntries(this.#kinds.map((kind) => [kind, 0])) as Record<R, number>
      this.#counts.set(sender, counts)
    }
    counts[refusal]++
  }

  get counts(): ReadonlyMap<PeerIdString, Readonly<Record<R, number>>> {
    return this.#counts
  }

  keepOnly(isMember: (sender: PeerIdString) => boolean): void {
    for (const sender of this.#counts.keys()) if (!isMember(sender)) this.#counts.delete(sender)
  }
}
