import { type ApplyResult, type Entry, NotLeaderError } from '@vsmcp/consensus'

interface Open {
  term: number
  resolve: (result: ApplyResult) => void
  reject: (error: unknown) => void
}

/** The proposal's place in the log went to another leader's entry; asking again is safe for idempotent operations. */
export function lostProposal(): NotLeaderError {
  return new NotLeaderError('a proposal whose place in the log another leader took', undefined)
}

/** What this leader proposed and what is not applied yet, by its place in the log. The Raft node bounds how many there are. */
export class OpenProposals {
  readonly #open = new Map<number, Open>()

  get size(): number {
    return this.#open.size
  }

  add(index: number, term: number): Promise<ApplyResult> {
    // A place can be taken anew only when what stood there is lost.
    this.#open.get(index)?.reject(lostProposal())
    const { promise, resolve, reject } = Promise.withResolvers<ApplyResult>()
    this.#open.set(index, { term, resolve, reject })
    return promise
  }

  applied({ index, term }: Entry, result: ApplyResult): void {
    const open = this.#open.get(index)
    if (open === undefined) return
    this.#open.delete(index)
    if (open.term === term) open.resolve(result)
    else open.reject(lostProposal())
  }

  /** Whoever asked a leader that is none any more, or not of that term, must not wait for an entry that may never come. */
  keepOnly(term: number | undefined): void {
    for (const [index, open] of this.#open) {
      if (open.term === term) continue
      this.#open.delete(index)
      open.reject(lostProposal())
    }
  }

  abandon(error: unknown): void {
    for (const { reject } of this.#open.values()) reject(error)
    this.#open.clear()
  }
}
