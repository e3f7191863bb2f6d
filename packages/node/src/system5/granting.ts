import { type Logger, messageOf, type PeerIdString, type Plane } from '@vsmcp/kernel'
import {
  combineGroupGrant,
  type GrantedCharter,
  groupToGrant,
  type Identity,
  type LinkSignature,
  signGroupGrant,
} from '@vsmcp/security'
import { pack } from 'msgpackr'
import { CONTROL_DEADLINE_MS } from '../constants.ts'
import { NoSystem5Error } from '../errors.ts'
import { readLinkSignature } from './answers.ts'
import { gather } from './gather.ts'
import type { GroupLog } from './group-log.ts'
import type { Trust } from './trust.ts'

const GRANT_GROUP = 'system5:grant-group'

export interface GrantingComponents {
  identity: Identity
  log: GroupLog
  trust: Trust
  control: Plane
  logger: Logger
}

/**
 * First charters of groups below: a majority of the certified voters signs each, and every voter only what its own copy of the docket
 * lists. The founder collects the signatures itself.
 */
export class Granting {
  readonly #c: GrantingComponents

  constructor(components: GrantingComponents) {
    this.#c = components
    components.control.handle(GRANT_GROUP, async ({ payload }) => pack(this.#sign(payload)))
  }

  /** Throws `GroupGrantSignaturesError` when too few voters sign, `GroupNotListedError` when this node's docket does not list the group so. */
  async grant(charter: Uint8Array): Promise<GrantedCharter> {
    const { identity, trust, control, logger } = this.#c
    const { chain } = trust
    const statement = this.#statement(charter)
    const options = { deadlineMs: CONTROL_DEADLINE_MS }
    const asked = chain.voters.map(async (voter: PeerIdString): Promise<LinkSignature | undefined> => {
      try {
        if (voter === identity.peerId) return signGroupGrant(identity, statement)
        return readLinkSignature(await control.call(voter, GRANT_GROUP, charter, options))
      } catch (error) {
        logger.warn({ voter, error: messageOf(error) }, 'a voter did not sign the grant of a group')
        return undefined
      }
    })
    // A wrong one must not stand in for one that is still to come.
    const enough = (signatures: readonly LinkSignature[]): boolean => {
      try {
        combineGroupGrant(chain, charter, statement, signatures)
        return true
      } catch {
        return false
      }
    }
    return combineGroupGrant(chain, charter, statement, await gather(asked, enough))
  }

  #sign(charter: Uint8Array): LinkSignature {
    return signGroupGrant(this.#c.identity, this.#statement(charter))
  }

  #statement(charter: Uint8Array): Uint8Array {
    const { log, trust } = this.#c
    if (log.state !== undefined) return groupToGrant(trust.chain, log.state, charter)
    throw new NoSystem5Error('this node holds no copy of the docket yet, by which it could grant a group')
  }
}
