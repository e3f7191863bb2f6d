import type { PeerIdString } from '@vsmcp/kernel'
import type { Entry } from '../../src/index.ts'
import { text } from './cluster.ts'

export class InvariantBroken extends Error {
  readonly invariant: string

  constructor(invariant: string, what: string) {
    super(`${invariant}: ${what}`)
    this.invariant = invariant
  }
}

interface Committed {
  readonly line: string
  /** Term of the node that first applied it: it was committed in this term or before. */
  readonly byTerm: number
  readonly term: number
}

/** Sees everything that happens in a simulated group and objects to what Raft promises never happens (Raft paper, figure 3). */
export class Invariants {
  readonly #leaders = new Map<number, PeerIdString>()
  readonly #written = new Map<string, string>()
  readonly #committed = new Map<number, Committed>()
  readonly #reads = new Map<string, number>()
  highestApplied = 1
  elections = 0
  readsAnswered = 0

  /** Election safety: at most one leader in a term. Leader completeness: it has every entry committed before. */
  sawLeader(id: PeerIdString, term: number, termAt: (index: number) => number | 'compacted' | undefined): void {
    const known = this.#leaders.get(term)
    if (known === id) return
    if (known !== undefined) throw new InvariantBroken('election safety', `${known} and ${id} both lead term ${term}`)
    this.#leaders.set(term, id)
    this.elections++
    for (const [index, entry] of this.#committed) {
      if (entry.byTerm >= term) continue
      const held = termAt(index)
      if (held !== 'compacted' && held !== entry.term) {
        throw new InvariantBroken('leader completeness', `${id} leads term ${term} without the committed entry ${index}`)
      }
    }
  }

  /** Log matching: an entry of one index and term is one entry, and what is before it is one log. */
  sawWritten(id: PeerIdString, entry: Entry, previousTerm: number | undefined): void {
    const key = `${entry.index}/${entry.term}`
    const line = `${lineOf(entry)} after ${previousTerm ?? '?'}`
    const known = this.#written.get(key)
    if (known === undefined) this.#written.set(key, line)
    else if (known !== line && previousTerm !== undefined && !known.endsWith('?')) {
      throw new InvariantBroken('log matching', `${id} writes ${key} as ${line}, it was ${known}`)
    }
  }

  /** State machine safety: what one node applies at an index, every node does. */
  sawApplied(id: PeerIdString, nodeTerm: number, entry: Entry): void {
    const known = this.#committed.get(entry.index)
    const line = lineOf(entry)
    if (known === undefined) this.#committed.set(entry.index, { line, byTerm: nodeTerm, term: entry.term })
    else if (known.line !== line || known.term !== entry.term) {
      throw new InvariantBroken(
        'state machine safety',
        `${id} applies ${line} of term ${entry.term} at ${entry.index}, another ${known.line} of term ${known.term}`,
      )
    }
    this.highestApplied = Math.max(this.highestApplied, entry.index)
  }

  askedRead(context: string): void {
    this.#reads.set(context, this.highestApplied)
  }

  /** Linearizable reads: the index is not below what was applied anywhere when the read was asked. */
  answeredRead(id: PeerIdString, context: string, index: number): void {
    const needed = this.#reads.get(context)
    if (needed === undefined || index < needed) {
      throw new InvariantBroken(
        'linearizable reads',
        `${id} answers ${context} as of ${index}, ${needed} was applied when it was asked`,
      )
    }
    this.#reads.delete(context)
    this.readsAnswered++
  }
}

function lineOf(entry: Entry): string {
  return `${entry.type} ${text(entry.data)}`
}
