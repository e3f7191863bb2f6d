import type { PeerIdString } from '@vsmcp/kernel'
import { INCARNATION_MAX, REFUTE_PAUSE_MS } from './constants.ts'
import type { MembershipComponents } from './contract.ts'
import type { Rumor } from './message.ts'

/** What this node says of itself: that it is alive, in an incarnation that it alone raises, to answer those who doubt it. */
export class OwnWord {
  readonly #self: PeerIdString
  readonly #sign: MembershipComponents['signAlive']
  #incarnation: number
  #rumor: Rumor
  #raisedAtMs = Number.NEGATIVE_INFINITY
  #raiseAtMs: number | undefined

  constructor(self: PeerIdString, incarnation: number, sign: MembershipComponents['signAlive']) {
    this.#self = self
    this.#sign = sign
    this.#incarnation = incarnation
    this.#rumor = this.#say()
  }

  get incarnation(): number {
    return this.#incarnation
  }

  get rumor(): Rumor {
    return this.#rumor
  }

  /** When a refutation that had to wait is due. */
  get raiseAtMs(): number | undefined {
    return this.#raiseAtMs
  }

  /** Speaks above `accused`, at once or after a pause. @returns whether there is a new word now */
  raise(accused: number, nowMs: number): boolean {
    if (accused < this.#incarnation || this.#incarnation >= INCARNATION_MAX) return false
    if (nowMs - this.#raisedAtMs < REFUTE_PAUSE_MS) {
      this.#raiseAtMs ??= this.#raisedAtMs + REFUTE_PAUSE_MS
      return false
    }
    this.#raiseAtMs = undefined
    this.#raisedAtMs = nowMs
    this.#incarnation = Math.min(INCARNATION_MAX, accused + 1)
    this.#rumor = this.#say()
    return true
  }

  #say(): Rumor {
    const common = { peer: this.#self, state: 'alive', incarnation: this.#incarnation, firstHand: true } as const
    // The lowest is what everybody begins with; there is nothing to prove.
    if (this.#incarnation === 0 || this.#sign === undefined) return common
    return { ...common, signature: this.#sign(this.#incarnation) }
  }
}
