import { randomBytes } from 'node:crypto'
import type { Member } from '@vsmcp/consensus'
import { type Clock, InvalidArgumentError, type Logger, messageOf, type PeerIdString, type Plane } from '@vsmcp/kernel'
import {
  CLOCK_SKEW_MS,
  combineCredential,
  type Credential,
  type CredentialPart,
  credentialPayload,
  decodeCredentialPayload,
  type Identity,
  signCredential,
} from '@vsmcp/security'
import { pack } from 'msgpackr'
import { CONTROL_DEADLINE_MS } from '../constants.ts'
import { readCredentialPart, readDelegateRequest } from './answers.ts'
import { ChainsShown } from './chains-shown.ts'
import { credentialLifeMs } from './credential-life.ts'
import type { DelegatePapers } from './delegate-papers.ts'
import { gather } from './gather.ts'
import type { GroupLog } from './group-log.ts'
import { knownSoon } from './known-soon.ts'
import type { Standing } from './standing.ts'
import type { Trust } from './trust.ts'

const SIGN_CREDENTIAL = 'system5:sign-credential'
const SIGN_DELEGATE = 'system5:sign-delegate'

export interface CredentialsComponents {
  identity: Identity
  log: GroupLog
  trust: Trust
  standing: Pick<Standing, 'serves'>
  papers: Pick<DelegatePapers, 'objectionTo'>
  /** Open to every listed member, also to one whose credential is over. */
  control: Plane
  clock: Clock
  logger: Logger
  /** No credential that this node asks for lives longer, milliseconds. @default as the policy says */
  lifeMaxMs?: number | undefined
}

/**
 * Credentials of members: a majority of the certified voters signs each, and every voter only what its own copy of the docket
 * bears out. Whoever needs one collects the signatures itself; no leader is needed for it.
 */
export class Credentials {
  readonly #c: CredentialsComponents
  readonly #shown: ChainsShown

  constructor(components: CredentialsComponents) {
    this.#c = components
    this.#shown = new ChainsShown(components.clock)
    components.control.handle(SIGN_CREDENTIAL, async ({ peer, payload }) => pack(await this.#sign(peer, payload)))
    components.control.handle(SIGN_DELEGATE, async ({ peer, payload: request }) => {
      // Who leads shows those of all that are let in, each counted at the door.
      if (components.log.status()?.leader !== peer) this.#shown.count(peer)
      const { payload, passport } = readDelegateRequest(request)
      return pack(await this.#sign(peer, payload, passport))
    })
  }

  /** How long a credential made for this member now would live, milliseconds. */
  lifeMs(member: Member): number {
    const { log, lifeMaxMs = Number.POSITIVE_INFINITY } = this.#c
    return log.state === undefined ? lifeMaxMs : Math.min(credentialLifeMs(log.state.charter, member), lifeMaxMs)
  }

  /**
   * Throws `CredentialSignaturesError` when too few voters sign.
   * @param passport what the subject shows of the groups it is in: needed of a delegate, who must be a member of the group it speaks for
   */
  async issue(subject: PeerIdString, member: Member, passport?: Uint8Array): Promise<Credential> {
    const { trust, identity, control, clock, logger } = this.#c
    const { chain } = trust
    const payload = credentialPayload({
      mesh: trust.enrolment.meshId,
      group: trust.enrolment.groupId,
      sub: subject,
      name: member.name,
      zone: member.zone,
      role: member.role,
      jti: randomBytes(16).toString('hex'),
      voterIndex: chain.index,
      issuedAtMs: clock.wallMs(),
      lifeMs: this.lifeMs(member),
    })
    const options = { deadlineMs: CONTROL_DEADLINE_MS }
    const isDelegate = member.delegateOf !== undefined && passport !== undefined
    const [procedure, request] = isDelegate ? [SIGN_DELEGATE, pack({ payload, passport })] : [SIGN_CREDENTIAL, payload]
    const asked = chain.voters.map(async (voter): Promise<CredentialPart | undefined> => {
      try {
        if (voter === identity.peerId) return await this.#sign(voter, payload, passport)
        const part = readCredentialPart(await control.call(voter, procedure, request, options))
        // Each by itself: a wrong one must not stand in for one that is still to come.
        await combineCredential(payload, [part], [voter])
        return part
      } catch (error) {
        logger.warn({ voter, subject, error: messageOf(error) }, 'a voter did not sign a credential')
        return undefined
      }
    })
    const parts = await gather(asked, ({ length }) => length > chain.voters.length / 2)
    return combineCredential(payload, parts, chain.voters)
  }

  /** Signs only what this node's own copy of the docket bears out. */
  async #sign(asker: PeerIdString, payload: Uint8Array, passport?: Uint8Array): Promise<CredentialPart> {
    const { identity, standing, papers } = this.#c
    const claims = decodeCredentialPayload(payload)
    if (claims.sub !== asker && !standing.serves(asker)) {
      throw new InvalidArgumentError(`${asker} may only have its own credential renewed, for that is over`)
    }
    // The leader has applied the redemption; this voter may be about to.
    const member = await knownSoon(({ members }) => members.get(claims.sub), this.#c)
    const objection = member === undefined ? 'it lists no such member' : this.#objection(claims, member)
    if (objection !== undefined) {
      throw new InvalidArgumentError(`the docket does not bear out a credential for ${claims.sub}: ${objection}`)
    }
    const missing = await papers.objectionTo(claims.sub, member?.delegateOf, passport)
    if (missing !== undefined) throw new InvalidArgumentError(`no credential for a delegate: ${missing}`)
    return signCredential(identity, payload)
  }

  #objection(claims: ReturnType<typeof decodeCredentialPayload>, member: Member): string | undefined {
    const { trust, log, clock } = this.#c
    const { meshId, groupId } = trust.enrolment
    const { charter } = log.state ?? {}
    if (claims.mesh !== meshId || claims.group !== groupId) return 'it is of another mesh or group'
    if (claims.name !== member.name || claims.role !== member.role || claims.zone !== member.zone) return 'it says another name'
    if (claims.voterIndex > log.applied || claims.voterIndex < trust.oldestVouching) return 'its voters are not those of now'
    if (charter?.revocations.some(({ peer }) => peer === claims.sub) === true) return 'it was evicted'
    // Whole seconds: a life ends up to one later than asked for.
    const lifeMaxMs = charter === undefined ? 0 : credentialLifeMs(charter, member) + 1_000
    if ((claims.exp - claims.iat) * 1_000 > lifeMaxMs) return `it would live for longer than ${Math.round(lifeMaxMs / 1_000)} s`
    if (Math.abs(claims.iat * 1_000 - clock.wallMs()) > CLOCK_SKEW_MS) return 'it is of another time than it is here'
    return undefined
  }
}
