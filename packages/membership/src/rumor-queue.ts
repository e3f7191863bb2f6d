import type { PeerIdString } from '@vsmcp/kernel'
import { RETRANSMIT_FACTOR, RUMORS_WAITING_MAX } from './constants.ts'
import type { Rumor } from './message.ts'

/**
 * What is to be spread, one rumour a member, the newest. Each is passed on λ·log n times, those told least often first, and
 * then it is known (SWIM, section 4.1). Rumours of one count lie together, so that taking some costs no look at the others.
 */
export class RumorQueue {
  readonly #counts: Map<PeerIdString, Rumor>[] = []
  readonly #countOf = new Map<PeerIdString, number>()

  get size(): number {
    return this.#countOf.size
  }

  get(peer: PeerIdString): Rumor | undefined {
    const count = this.#countOf.get(peer)
    return count === undefined ? undefined : this.#counts[count]?.get(peer)
  }

  add(rumor: Rumor): void {
    this.delete(rumor.peer)
    if (this.#countOf.size >= RUMORS_WAITING_MAX) this.#dropOldest()
    this.#put(rumor, 0)
  }

  delete(peer: PeerIdString): void {
    const count = this.#countOf.get(peer)
    if (count === undefined) return
    this.#counts[count]?.delete(peer)
    this.#countOf.delete(peer)
  }

  /** Up to `max` rumours for one message. @param members of the group, this node included */
  take(max: number, members: number): Rumor[] {
    const taken: [Rumor, number][] = []
    for (const [count, rumors] of this.#counts.entries()) {
      for (const rumor of rumors.values()) {
        if (taken.length >= max) break
        taken.push([rumor, count])
      }
      if (taken.length >= max) break
    }
    const last = RETRANSMIT_FACTOR * Math.ceil(Math.log10(members + 1)) - 1
    for (const [rumor, count] of taken) {
      this.delete(rumor.peer)
      if (count < last) this.#put(rumor, count + 1)
    }
    return taken.map(([rumor]) => rumor)
  }

  #put(rumor: Rumor, count: number): void {
    while (this.#counts.length <= count) this.#counts.push(new Map())
    this.#counts[count]?.set(rumor.peer, rumor)
    this.#countOf.set(rumor.peer, count)
  }

  /** The one told most often is known best. */
  #dropOldest(): void {
    const [peer] = this.#counts.findLast(({ size }) => size > 0)?.keys() ?? []
    if (peer !== undefined) this.delete(peer)
  }
}
