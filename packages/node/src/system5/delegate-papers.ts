import { messageOf, type GroupId, type MeshId, type PeerIdString } from '@vsmcp/kernel'
import { type Chain, isInForce, orThrow, verifyPassport } from '@vsmcp/security'
import type { GroupLog } from './group-log.ts'

export interface DelegatePapersComponents {
  mesh: MeshId
  log: Pick<GroupLog, 'state'>
  /** The certified chain of a group below, as far as it is known here. */
  chainOf: (group: GroupId) => Chain | undefined
  /** Index of the oldest voters of that chain who still vouch for members. */
  oldestVouching: (chain: Chain, nowMs: number) => number
  /** Whether that group is known to have evicted the peer. */
  isEvictedBy: (group: GroupId, peer: PeerIdString) => boolean
  /** Time that credentials are judged by, milliseconds since the Unix epoch. */
  nowMs: () => number
}

/**
 * Who speaks for a group below must be a member there: it shows a credential of that group in force, when it is let in and at each renewal of its
 * own here. So whom its group has let go of, by whatever way, speaks for it no longer than a credential lives.
 */
export class DelegatePapers {
  readonly #c: DelegatePapersComponents

  constructor(components: DelegatePapersComponents) {
    this.#c = components
  }

  /**
   * @param delegateOf the group that the member speaks for; one that is not below this one (any more) has nobody speak for it
   * @param passport what the member shows of all groups that it is in
   * @returns why it may not speak for it; undefined when it may
   */
  async objectionTo(
    peer: PeerIdString,
    delegateOf: GroupId | undefined,
    passport: Uint8Array | undefined,
  ): Promise<string | undefined> {
    const { mesh: meshId, log, chainOf, oldestVouching, isEvictedBy, nowMs } = this.#c
    if (delegateOf === undefined || log.state?.groups.has(delegateOf) !== true) return undefined
    if (passport === undefined) return `${peer} shows no papers of the group ${delegateOf} that it is to speak for`
    const now = nowMs()
    const check = {
      meshId,
      group: delegateOf,
      nowMs: now,
      revocations: isEvictedBy(delegateOf, peer) ? [{ peer }] : [],
      knownChain: chainOf(delegateOf),
    }
    try {
      const { claims, chain } = orThrow(await verifyPassport(peer, passport, check))
      // By the longer chain of the two: what is shown may be the first that is heard of later voters.
      const oldestVoterIndex = oldestVouching(chain, now)
      if (!isInForce(claims, { nowMs: now, oldestVoterIndex })) {
        return `${peer} shows papers by voters that the group ${delegateOf} had long ago: it renews them there first`
      }
      return undefined
    } catch (error) {
      return `${peer} is no member of the group ${delegateOf}, as far as it shows: ${messageOf(error)}`
    }
  }
}
