import type { PeerIdString } from '@vsmcp/kernel'
import { type Chain, type CredentialClaims, isInForce } from '@vsmcp/security'

export interface StandingComponents {
  self: PeerIdString
  nowMs: () => number
  /** The newest certified voters known here. */
  chain: () => Chain
  /** Index of the oldest voter set that still vouches. */
  oldestVouching: () => number
  /** How long after it was issued a credential of this peer counts at most, milliseconds. */
  countsForMs: (peer: PeerIdString) => number
  /** Whether a peer is connected now. */
  isUp: (peer: PeerIdString) => boolean
}

/**
 * Whose credential is in force, by the newest one each has shown. One that is over is no death: while a majority of the voters can
 * be reached its owner is expected to renew it, and gets nothing else; without them it goes on, stale.
 */
export class Standing {
  readonly #c: StandingComponents
  readonly #shown = new Map<PeerIdString, CredentialClaims>()

  constructor(components: StandingComponents) {
    this.#c = components
  }

  /** A genuine credential was shown; an older one than before changes nothing. */
  shown(claims: CredentialClaims): void {
    const known = this.#shown.get(claims.sub)
    if (known === undefined || known.iat <= claims.iat) this.#shown.set(claims.sub, claims)
  }

  claimsOf(peer: PeerIdString): CredentialClaims | undefined {
    return this.#shown.get(peer)
  }

  /** Keeps no more than there are members. */
  keepOnly(isMember: (peer: PeerIdString) => boolean): void {
    for (const peer of this.#shown.keys()) if (!isMember(peer) && peer !== this.#c.self) this.#shown.delete(peer)
  }

  /** It showed a credential, and that is over. */
  isStale(peer: PeerIdString): boolean {
    const claims = this.#shown.get(peer)
    if (claims === undefined) return false
    const { nowMs, oldestVouching, countsForMs } = this.#c
    const exp = Math.min(claims.exp, claims.iat + countsForMs(peer) / 1_000)
    return !isInForce({ ...claims, exp }, { nowMs: nowMs(), oldestVoterIndex: oldestVouching() })
  }

  /** Whether a peer is given more than the renewal of its credential. */
  serves(peer: PeerIdString): boolean {
    return !this.isStale(peer) || !this.canRenew()
  }

  /** Whether so many voters can be reached from here as it takes to sign a credential. */
  canRenew(): boolean {
    const { self, isUp } = this.#c
    const { voters } = this.#c.chain()
    return voters.filter((voter) => voter === self || isUp(voter)).length > voters.length / 2
  }
}
