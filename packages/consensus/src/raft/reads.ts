import type { PeerIdString } from '@vsmcp/kernel'
import type { Configuration } from './configuration.ts'
import { reachedByQuorum } from './quorum.ts'
import type { ReadState } from './ready.ts'

interface Pending extends ReadState {
  readonly round: number
}

/**
 * ReadIndex (Ongaro's dissertation, 6.4): a read notes the commit index and waits until a quorum has answered a round of
 * heartbeats that began after the read came. All reads of one `Ready` share a round.
 */
export class Reads {
  /** The newest round begun. Never reset, so that an answer to an old round is never taken for one to a new. */
  round = 0
  #waiting: string[] = []
  #pending: Pending[] = []
  readonly #answered = new Map<PeerIdString, number>()
  #states: ReadState[] = []
  #abandoned: string[] = []

  get count(): number {
    return this.#waiting.length + this.#pending.length
  }

  get hasWaiting(): boolean {
    return this.#waiting.length > 0
  }

  get hasOutput(): boolean {
    return this.#states.length > 0 || this.#abandoned.length > 0
  }

  add(context: string): void {
    this.#waiting.push(context)
  }

  /** Begins a round for all reads that wait. @returns the round, to be carried by heartbeats */
  begin(commit: number): number {
    this.round++
    for (const context of this.#waiting) this.#pending.push({ context, index: commit, round: this.round })
    this.#waiting = []
    return this.round
  }

  answered(peer: PeerIdString, round: number): void {
    if (round <= this.round) this.#answered.set(peer, Math.max(round, this.#answered.get(peer) ?? 0))
  }

  /** Moves the reads whose round a quorum has answered to the output. */
  settle(configuration: Configuration, self: PeerIdString): void {
    if (this.#pending.length === 0) return
    const confirmed = reachedByQuorum(configuration, (peer) => (peer === self ? this.round : (this.#answered.get(peer) ?? 0)))
    const open = this.#pending.findIndex(({ round }) => round > confirmed)
    const done = this.#pending.splice(0, open === -1 ? this.#pending.length : open)
    for (const { context, index } of done) this.#states.push({ context, index })
  }

  /** Leadership was lost: nothing can be confirmed any more. */
  abandon(): void {
    for (const { context } of this.#pending) this.#abandoned.push(context)
    this.#abandoned.push(...this.#waiting)
    this.#pending = []
    this.#waiting = []
    this.#answered.clear()
  }

  take(): { readStates: readonly ReadState[]; abandonedReads: readonly string[] } {
    const taken = { readStates: this.#states, abandonedReads: this.#abandoned }
    this.#states = []
    this.#abandoned = []
    return taken
  }
}
