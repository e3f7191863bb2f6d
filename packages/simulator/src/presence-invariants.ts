import type { PeerIdString } from '@vsmcp/kernel'
import type { Member, MembershipEffect, MembershipMessage, Rumor } from '@vsmcp/membership'
import { InvariantBrokenError } from './errors.ts'

/** Sees every view of every process and objects to a verdict that the evidence does not bear out (SWIM, Lifeguard, and our own rules). */
export class PresenceInvariants {
  /** The highest incarnation each peer has signed, in whichever life. */
  readonly #signed = new Map<PeerIdString, number>()
  /** By process: from whom something was heard over the connection that stands. */
  readonly #heard = new Map<string, Set<PeerIdString>>()
  verdicts = 0
  refutations = 0

  sawSigned(peer: PeerIdString, incarnation: number): void {
    this.#signed.set(peer, Math.max(incarnation, this.#signed.get(peer) ?? 0))
  }

  sawConnection(key: string, peer: PeerIdString): void {
    this.#heard.get(key)?.delete(peer)
  }

  sawEffects(key: string, effects: readonly MembershipEffect[], memberOf: (peer: PeerIdString) => Member | undefined): void {
    for (const effect of effects) {
      if (effect.type !== 'state') continue
      const { peer, from, to, why } = effect
      const member = memberOf(peer)
      if (member !== undefined && member.incarnation > (this.#signed.get(peer) ?? 0)) {
        throw new InvariantBrokenError(
          'own word',
          `${key} holds incarnation ${member.incarnation} of ${peer}, which never said so`,
        )
      }
      if (to !== 'failed') continue
      this.verdicts++
      if (from !== 'suspect')
        throw new InvariantBrokenError('suspicion first', `${key} declares ${peer} failed, which was ${from}`)
      if (why.kind === 'accused' && member?.isConnected === true && this.#heard.get(key)?.has(peer) === true) {
        throw new InvariantBrokenError(
          'own eyes',
          `${key} declares ${peer} failed on the word of others, without a look of its own`,
        )
      }
    }
  }

  /** A member's own signed word clears it. `before` is what the view held, `after` what it holds now. */
  sawHeard(
    key: string,
    from: PeerIdString,
    message: MembershipMessage,
    before: readonly (Member | undefined)[],
    memberOf: (peer: PeerIdString) => Member | undefined,
  ): void {
    const heard = this.#heard.get(key) ?? new Set()
    this.#heard.set(key, heard.add(from))
    rumorsOf(message).forEach(({ peer, state, incarnation }, at) => {
      const known = before[at]
      if (state !== 'alive' || known === undefined || known.incarnation < 0 || incarnation <= known.incarnation) return
      if (incarnation > (this.#signed.get(peer) ?? 0)) return
      this.refutations++
      const now = memberOf(peer)
      if (now !== undefined && (now.incarnation < incarnation || (now.incarnation === incarnation && now.state === 'failed'))) {
        throw new InvariantBrokenError(
          'refutation',
          `${key} heard ${peer} say itself that it is alive, and holds it ${now.state}`,
        )
      }
    })
  }
}

export function rumorsOf(message: MembershipMessage): readonly Rumor[] {
  return 'rumors' in message ? message.rumors : []
}
