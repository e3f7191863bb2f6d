import { InvalidArgumentError, type Logger, messageOf, type PeerIdString, type Plane } from '@vsmcp/kernel'
import { combineCharter, combineLink, type Identity, type LinkSignature, signCharter, signLink } from '@vsmcp/security'
import { pack } from 'msgpackr'
import { CONTROL_DEADLINE_MS } from '../constants.ts'
import { readLinkSignature } from './answers.ts'
import type { Decisions } from './decisions.ts'
import { gather } from './gather.ts'
import type { Duty } from './leader-duties.ts'
import { encodeLink } from './link-certificate.ts'
import type { Trust } from './trust.ts'

const SIGN_LINK = 'system5:sign-link'
const SIGN_CHARTER = 'system5:sign-charter'

export interface CertifyingComponents {
  identity: Identity
  decisions: Decisions
  trust: Trust
  control: Plane
  logger: Logger
}

/**
 * Rule 6: has changes of voters, and then the newest charter, certified. On every node, signs only what its own log says is
 * committed and not certified yet.
 */
export class Certifying implements Duty {
  readonly #c: CertifyingComponents

  constructor(components: CertifyingComponents) {
    this.#c = components
    const { control, trust, identity } = components
    control.handle(SIGN_LINK, async ({ payload }) => pack(signLink(identity, sameAs(trust.nextStatement()?.statement, payload))))
    control.handle(SIGN_CHARTER, async ({ payload }) =>
      pack(signCharter(identity, sameAs(trust.nextCharter()?.statement, payload))),
    )
  }

  async work(): Promise<void> {
    await this.#certifyVoters()
    await this.#certifyCharter()
  }

  /** Signatures of a majority of the voters before and of a majority of those now make a change certified. */
  async #certifyVoters(): Promise<void> {
    const { trust, identity, decisions } = this.#c
    const next = trust.nextStatement()
    if (next === undefined) return
    const { change, statement } = next
    const voters = [...new Set([...change.before, ...change.now])]
    const link = await this.#collect(SIGN_LINK, voters, statement, signLink(identity, statement), combineLink)
    await decisions.decideHere({ op: 'link:add', index: change.index, certificate: encodeLink(link) })
  }

  async #certifyCharter(): Promise<void> {
    const { trust, identity, decisions } = this.#c
    const next = trust.nextCharter()
    if (next === undefined) return
    const { mark, statement } = next
    const own = signCharter(identity, statement)
    const certificate = await this.#collect(SIGN_CHARTER, trust.chain.voters, statement, own, combineCharter)
    await decisions.decideHere({ op: 'charter:certify', index: mark.index, certificate: encodeLink(certificate) })
  }

  /** Asks all at once and goes by those who answer first. Throws what `combine` throws when they are too few. */
  async #collect<T>(
    method: string,
    voters: readonly PeerIdString[],
    statement: Uint8Array,
    own: LinkSignature,
    combine: (statement: Uint8Array, signatures: readonly LinkSignature[]) => T,
  ): Promise<T> {
    const { control, identity, logger } = this.#c
    const options = { deadlineMs: CONTROL_DEADLINE_MS }
    const asked = voters.map(async (voter): Promise<LinkSignature | undefined> => {
      try {
        if (voter === identity.peerId) return own
        return readLinkSignature(await control.call(voter, method, statement, options))
      } catch (error) {
        logger.debug({ voter, method, error: messageOf(error) }, 'a voter has not signed')
        return undefined
      }
    })
    return combine(statement, await gather(asked, (given) => isEnough(() => combine(statement, given))))
  }
}

function isEnough(combine: () => unknown): boolean {
  try {
    combine()
    return true
  } catch {
    return false
  }
}

/** What is asked about, if it is just what this node would say itself. */
function sameAs(mine: Uint8Array | undefined, asked: Uint8Array): Uint8Array {
  if (mine !== undefined && Buffer.from(mine).equals(asked)) return mine
  throw new InvalidArgumentError('the change is not committed here, or is certified already')
}
