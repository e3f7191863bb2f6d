import { canonicalBytes, type GroupState, type JsonObject, operatorsVersionOf, policyVersionOf } from '@vsmcp/consensus'
import { type Clock, isoTime, type Logger, messageOf } from '@vsmcp/kernel'
import { charterDigest, CREDENTIAL_LIFE_MS } from '@vsmcp/security'
import { readGovernance } from '@vsmcp/vsm'
import { CONTROL_DEADLINE_MS, EVICTION_MARGIN_MS } from '../constants.ts'
import { memberNamed } from '../members/member-named.ts'
import { MemberUnknownError, PolicyInvalidError, RefusedError, VersionDiffersError } from '../errors.ts'
import type { Decisions, Request } from '../system5/decisions.ts'
import type { Departure } from '../system5/departure.ts'
import type { GroupLog } from '../system5/group-log.ts'
import type { Trust } from '../system5/trust.ts'
import { certificationOf, writeCharterFile } from './charter-file.ts'
import type {
  ChainAnchored,
  CharterChanged,
  CharterFile,
  CharterView,
  EvictionDraft,
  SignedChange,
  SignedEviction,
} from './contract.ts'

export interface CharterDeskComponents {
  log: GroupLog
  decisions: Decisions
  departure: Departure
  trust: Trust
  clock: Clock
  logger: Logger
}

/** What people ask of the charter, and what operators decide about it: this node only carries what they signed. */
export class CharterDesk {
  readonly #c: CharterDeskComponents

  constructor(components: CharterDeskComponents) {
    this.#c = components
  }

  /** The newest that a quorum confirms; without a quorum what this node has, and it says so. */
  async show(): Promise<CharterView> {
    const { state, current } = await this.#newest()
    const { charter, charterMark } = state
    return {
      mesh: { id: charter.meshId, name: charter.meshName },
      group: { id: charter.groupId, path: charter.path },
      epoch: charter.epoch,
      featureLevel: charter.featureLevel,
      index: charterMark?.index ?? 1,
      digest: charterDigest(canonicalBytes(charter)),
      current,
      certifiedBy: certificationOf(state)?.by ?? null,
      voters: [...charter.voters],
      policies: { ...charter.policies },
      policyVersion: policyVersionOf(charter),
      policyHistory: (charter.policyHistory ?? []).map(({ version, digest, by, reason, atMs, index }) => ({
        version,
        digest,
        by,
        reason,
        at: isoTime(atMs),
        index,
      })),
      operators: charter.operators.map(({ name, publicKey, recovery = false }) => ({ name, publicKey, recovery })),
      operatorsVersion: operatorsVersionOf(charter),
      revocations: charter.revocations.map(({ peer, by, reason, atMs, untilMs }) => ({
        peerId: peer,
        by,
        reason,
        at: isoTime(atMs),
        until: isoTime(untilMs),
      })),
    }
  }

  /** Throws `CharterUncertifiedError`. */
  async export(): Promise<CharterFile> {
    const { state } = await this.#newest()
    return { file: writeCharterFile(state, this.#c.trust.chain) }
  }

  /**
   * Throws `VersionDiffersError` when another change came first, `PolicyInvalidError` for policies that System 5 could not act upon,
   * `RefusedError` for what else the group refuses.
   */
  async change(signed: SignedChange): Promise<CharterChanged> {
    if ('policies' in signed) assertGovernable(signed.policies)
    try {
      const { changed } = await this.#c.decisions.decide({
        ...signed,
        ...('policies' in signed && { policies: signed.policies as JsonObject }),
      } as Request)
      return { changed }
    } catch (error) {
      throw told(error)
    }
  }

  /** Carries what the mesh key signed to System 5. Throws `RefusedError` for what is no anchor of this group's chain. */
  async anchor(anchor: string): Promise<ChainAnchored> {
    const { decisions, log } = this.#c
    const { changed } = await decisions.decide({ op: 'chain:anchor', anchor })
    return { changed, links: log.state?.links.length ?? 0 }
  }

  /** By PeerId or name. Throws `MemberUnknownError`; a PeerId that is no member any more may still hold a credential. */
  async draftEviction(who: string): Promise<EvictionDraft> {
    const { state } = await this.#newest()
    const untilMs = Math.round(this.#c.clock.wallMs()) + CREDENTIAL_LIFE_MS + EVICTION_MARGIN_MS
    const one = memberNamed(state, who)
    if (one !== undefined) return { peerId: one[0], name: one[1].name, joinedAtIndex: one[1].joinedAtIndex, untilMs }
    if (PEER_ID.test(who)) return { peerId: who, name: who, joinedAtIndex: 0, untilMs }
    throw new MemberUnknownError(`there is no member ${who}`, {
      hint: '`vsmcp members` lists them; who is none any more is named by its PeerId.',
    })
  }

  async evict(order: SignedEviction): Promise<void> {
    const { departure, logger } = this.#c
    logger.info({ peer: order.peer, operator: order.operator, reason: order.reason }, 'an eviction is asked for')
    try {
      await departure.evict(order)
    } catch (error) {
      throw told(error)
    }
  }

  async #newest(): Promise<{ state: GroupState; current: boolean }> {
    const { decisions, log } = this.#c
    try {
      return { state: await decisions.current(CONTROL_DEADLINE_MS), current: true }
    } catch (error) {
      if (log.state === undefined) throw error
      this.#c.logger.debug({ error: messageOf(error) }, 'no quorum confirms the charter')
      return { state: log.state, current: false }
    }
  }
}

function assertGovernable(policies: Readonly<Record<string, unknown>>): void {
  const { flaws } = readGovernance(policies)
  if (flaws.length === 0) return
  throw new PolicyInvalidError(`System 5 cannot act upon these policies: ${flaws[0] ?? ''}`, {
    hint: 'docs/governing.md says what `identity` and `system5` may hold.',
    details: { flaws },
  })
}

/** An Ed25519 PeerId as libp2p writes it. */
const PEER_ID = /^12D3Koo[1-9A-HJ-NP-Za-km-z]{45}$/

function told(error: unknown): unknown {
  if (error instanceof RefusedError && error.details['reason'] === 'version-differs') {
    return new VersionDiffersError(`somebody else changed it meanwhile: ${error.message}`, {
      hint: 'Look at what is in force now, and decide again.',
      cause: error,
    })
  }
  return error
}
