import type { Entry, HardState, RaftStatus } from '@vsmcp/consensus'
import type { PeerIdString } from '@vsmcp/kernel'
import { textOf } from './bytes.ts'
import { InvariantBrokenError } from './errors.ts'

interface Committed {
  readonly line: string
  /** Term of the node that first applied it: it was committed in this term or before. */
  readonly byTerm: number
  readonly term: number
}

/** What one process had said of itself when it was last looked at. */
interface Seen {
  readonly term: number
  readonly commit: number
  readonly role: RaftStatus['role']
}

/** Sees everything that happens in one epoch of a group and objects to what Raft promises never happens (Raft paper, figure 3). */
export class RaftInvariants {
  readonly #leaders = new Map<number, PeerIdString>()
  readonly #votes = new Map<string, PeerIdString>()
  readonly #written = new Map<string, string>()
  readonly #committed = new Map<number, Committed>()
  readonly #seen = new Map<string, Seen>()
  /** By process: the latest term that it wrote down for good. */
  readonly #kept = new Map<string, number>()
  highestApplied: number
  elections = 0

  /** @param index where the epoch began */
  constructor(index = 1) {
    this.highestApplied = index
  }

  /** Election safety: at most one leader in a term. Leader completeness: it has every entry committed before. */
  sawLeader(id: PeerIdString, term: number, termAt: (index: number) => number | 'compacted' | undefined): void {
    const known = this.#leaders.get(term)
    if (known === id) return
    if (known !== undefined) throw new InvariantBrokenError('election safety', `${known} and ${id} both lead term ${term}`)
    this.#leaders.set(term, id)
    this.elections++
    for (const [index, entry] of this.#committed) {
      if (entry.byTerm >= term) continue
      const held = termAt(index)
      if (held !== 'compacted' && held !== entry.term) {
        throw new InvariantBrokenError('leader completeness', `${id} leads term ${term} without the committed entry ${index}`)
      }
    }
  }

  /** One vote: whom a peer votes for in a term it never takes back, not even by dying. */
  sawVote(id: PeerIdString, { term, vote }: HardState): void {
    if (vote === null) return
    const key = `${term}/${id}`
    const known = this.#votes.get(key)
    if (known === undefined) this.#votes.set(key, vote)
    else if (known !== vote) throw new InvariantBrokenError('one vote', `${id} votes for ${known} and ${vote} in term ${term}`)
  }

  /** Log matching: an entry of one index and term is one entry, and what is before it is one log. */
  sawWritten(id: PeerIdString, entry: Entry, previousTerm: number | 'compacted' | undefined): void {
    const key = `${entry.index}/${entry.term}`
    const before = typeof previousTerm === 'number' ? String(previousTerm) : '?'
    const line = `${lineOf(entry)} after ${before}`
    const known = this.#written.get(key)
    if (known === undefined) this.#written.set(key, line)
    else if (known !== line && before !== '?' && !known.endsWith('?')) {
      throw new InvariantBrokenError('log matching', `${id} writes ${key} as ${line}, it was ${known}`)
    }
  }

  /** State machine safety: what one node applies at an index, every node does. */
  sawApplied(id: PeerIdString, nodeTerm: number, entry: Entry): void {
    const known = this.#committed.get(entry.index)
    const line = lineOf(entry)
    if (known === undefined) this.#committed.set(entry.index, { line, byTerm: nodeTerm, term: entry.term })
    else if (known.line !== line || known.term !== entry.term) {
      throw new InvariantBrokenError(
        'state machine safety',
        `${id} applies ${line} of term ${entry.term} at ${entry.index}, another ${known.line} of term ${known.term}`,
      )
    }
    this.highestApplied = Math.max(this.highestApplied, entry.index)
  }

  /** Terms and indices of one process only grow, and nobody has applied what it has not committed. */
  sawStatus(key: string, status: RaftStatus, termAt: (index: number) => number | 'compacted' | undefined): void {
    const { term, commit, applied, lastIndex, role } = status
    const before = this.#seen.get(key)
    if (before?.term === term && before.commit === commit && before.role === role) return
    this.#seen.set(key, { term, commit, role })
    if (applied > commit || commit > lastIndex) {
      throw new InvariantBrokenError('order of indices', `${key} applied ${applied} of ${commit} committed of ${lastIndex} held`)
    }
    if (before === undefined) return
    if (term < before.term) throw new InvariantBrokenError('terms grow', `${key} goes back from term ${before.term} to ${term}`)
    if (commit < before.commit) {
      throw new InvariantBrokenError('commits grow', `${key} goes back from commit index ${before.commit} to ${commit}`)
    }
    const counted = role === 'leader' && before.role === 'leader' && commit > before.commit ? termAt(commit) : undefined
    if (typeof counted === 'number' && counted < term) {
      throw new InvariantBrokenError(
        'commit by own term',
        `${key} leads term ${term} and commits entry ${commit} of term ${counted} by counting`,
      )
    }
  }

  sawSynced(key: string, term: number): void {
    this.#kept.set(key, term)
  }

  /** A process that begins anew in this epoch still knows the terms in which it may have given its vote away. */
  sawRestart(key: string, term: number): void {
    const kept = this.#kept.get(key) ?? 0
    if (term < kept) throw new InvariantBrokenError('terms grow', `${key} starts in term ${term}, and was in ${kept} for good`)
  }

  /** A process begins anew, from its disk. */
  forget(key: string): void {
    this.#seen.delete(key)
  }
}

function lineOf(entry: Entry): string {
  return `${entry.type} ${textOf(entry.data)}`
}
