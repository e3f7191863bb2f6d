import { messageOf, type GroupId, type MeshId, type PeerIdString } from '@vsmcp/kernel'
import { type Chain, oldestVouching, orThrow, verifyPassport } from '@vsmcp/security'
import type { GroupLog } from './group-log.ts'

export interface DelegatePapersComponents {
  mesh: MeshId
  log: Pick<GroupLog, 'state'>
  /** The certified chain of a group below, as far as it is known here. */
  chainOf: (group: GroupId) => Chain | undefined
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
    const { mesh: meshId, log, chainOf, nowMs } = this.#c
    if (delegateOf === undefined || log.state?.groups.has(delegateOf) !== true) return undefined
    if (passport === undefined) return `${peer} shows no papers of the group ${delegateOf} that it is to speak for`
    const knownChain = chainOf(delegateOf)
    try {
      orThrow(
        await verifyPassport(peer, passport, {
          meshId,
          group: delegateOf,
          nowMs: nowMs(),
          revocations: [],
          ...(knownChain === undefined ? {} : { knownChain, oldestVoterIndex: oldestVouching(knownChain, {}, nowMs()) }),
        }),
      )
      return undefined
    } catch (error) {
      return `${peer} is no member of the group ${delegateOf}, as far as it shows: ${messageOf(error)}`
    }
  }
}
