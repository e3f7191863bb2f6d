import type { GroupState, Member } from '@vsmcp/consensus'
import { type Clock, type GroupId, InvalidArgumentError, isoTime, type PeerIdString, type Plane } from '@vsmcp/kernel'
import {
  createInvitation,
  decodeJoinGrant,
  decodeRedeemRequest,
  encodeJoinGrant,
  encodeRedeemRequest,
  type Identity,
  InvitationRefusedError,
  type JoinGrant,
  type RedeemRequest,
  verifyProof,
} from '@vsmcp/security'
import { INVITATION_DOORS_MAX, DECISION_DEADLINE_MS, JOIN_GRANT_PEERS_MAX } from '../constants.ts'
import type { InvitationCreated, InvitationRequest, InvitationView } from './contract.ts'
import type { Credentials } from './credentials.ts'
import type { DelegatePapers } from './delegate-papers.ts'
import type { Decisions } from './decisions.ts'
import type { GroupLog } from './group-log.ts'
import type { Trust } from './trust.ts'

const REDEEM = 'system5:redeem'

export interface AdmissionComponents {
  identity: Identity
  log: GroupLog
  decisions: Decisions
  trust: Trust
  credentials: Credentials
  papers: Pick<DelegatePapers, 'objectionTo'>
  control: Plane
  clock: Clock
  addresses: () => string[]
  /** Whether a member is connected now. */
  isUp: (peer: PeerIdString) => boolean
  /** The group, above this one or the one it would speak for, whose eviction keeps a peer out. */
  keepsOut: (peer: PeerIdString, delegateOf?: GroupId) => GroupId | undefined
  /** Where this node itself dialled members that are connected now, with nobody between. */
  reached: () => ReadonlyMap<PeerIdString, string>
}

/**
 * Who is let in: makes invitations, and has them redeemed by the group. Redeeming is a docket entry, so an invitation is good exactly as often as it says.
 */
export class Admission {
  readonly #c: AdmissionComponents

  constructor(components: AdmissionComponents) {
    this.#c = components
    components.control.handle(REDEEM, async ({ peer, payload }) => {
      const request = decodeRedeemRequest(payload)
      if (request.member !== peer) throw new InvalidArgumentError('a redemption must come from the member the joiner spoke to')
      return encodeJoinGrant(await this.#redeemHere(request))
    })
  }

  async invite(request: Omit<InvitationRequest, 'group'>): Promise<InvitationCreated> {
    const { identity, clock, decisions, trust, addresses } = this.#c
    const expiresAtMs = Math.round(clock.wallMs() + request.ttlMs)
    const reachable = addresses()
    const { invitation, token, verifier } = createInvitation({
      chain: trust.chain,
      zone: '',
      role: request.role,
      uses: request.uses,
      expiresAtMs,
      ...this.#doors(reachable),
    })
    await decisions.decide({
      op: 'invitation:create',
      id: invitation.id,
      verifier: Buffer.from(verifier).toString('base64url'),
      role: request.role,
      zone: '',
      uses: request.uses,
      expiresAtMs,
      createdBy: identity.peerId,
      ...(request.delegateOf === undefined ? {} : { delegateOf: request.delegateOf }),
      ...(request.absenceMs === undefined ? {} : { ephemeral: true, absenceMs: Math.round(request.absenceMs) }),
    })
    return { id: invitation.id, token, expiresAt: isoTime(expiresAtMs), warnings: warningsFor(reachable) }
  }

  /**
   * This node, and some other members that are up: an invitation should not die with its inviter. Those first that this node
   * dialled itself, at the address where it found them: it may sit behind a NAT that nobody can dial into, and others, too.
   */
  #doors(own: readonly string[]): { addresses: string[]; inviters: PeerIdString[] } {
    const { identity, log, isUp, reached } = this.#c
    const proven = new Map([...reached()].filter(([, address]) => !LOOPBACK.test(address)))
    const others = (log.state?.members.entries() ?? [])
      .filter(([peer, { addresses }]) => peer !== identity.peerId && (addresses.length > 0 || proven.has(peer)) && isUp(peer))
      .sort(([one], [other]) => Number(proven.has(other)) - Number(proven.has(one)))
      .slice(0, INVITATION_DOORS_MAX - 1)
    const addresses = others.flatMap(([peer, member]) => proven.get(peer) ?? outward(member) ?? [])
    return {
      addresses: [...own.slice(0, 8 - addresses.length), ...addresses],
      inviters: [identity.peerId, ...others.map(([peer]) => peer)],
    }
  }

  async list(): Promise<InvitationView[]> {
    const state = await this.#c.decisions.current()
    const nowMs = this.#c.clock.wallMs()
    return state.invitations.entries().map(([id, invitation]) => ({
      id,
      role: invitation.role,
      uses: invitation.uses,
      used: invitation.used,
      ...(invitation.absenceMs === undefined ? {} : { absenceMs: invitation.absenceMs }),
      createdBy: invitation.createdBy,
      expiresAt: isoTime(invitation.expiresAtMs),
      state: invitation.revoked
        ? 'revoked'
        : invitation.used >= invitation.uses
          ? 'used'
          : invitation.expiresAtMs <= nowMs
            ? 'expired'
            : 'open',
    }))
  }

  async revoke(id: string): Promise<void> {
    await this.#c.decisions.decide({ op: 'invitation:revoke', id })
  }

  /**
   * For the member a joiner speaks to: has the invitation redeemed by System 5, wherever it is. Asked again after an election:
   * the same newcomer gets the same answer, so a use is spent once.
   */
  async redeem(request: RedeemRequest): Promise<JoinGrant> {
    const { decisions, control } = this.#c
    return decisions.atLeader(
      DECISION_DEADLINE_MS,
      () => this.#redeemHere(request),
      async (leader, options) => decodeJoinGrant(await control.call(leader, REDEEM, encodeRedeemRequest(request), options)),
    )
  }

  async #redeemHere(request: RedeemRequest): Promise<JoinGrant> {
    const { decisions } = this.#c
    const { invitations } = await decisions.currentHere()
    const invitation = invitations.get(request.invitationId)
    const verifier = invitation === undefined ? undefined : Buffer.from(invitation.verifier, 'base64url')
    if (!verifyProof(verifier, request, request.proof))
      throw new InvitationRefusedError('this invitation is not known here, or its secret is wrong')
    const evictedBy = this.#c.keepsOut(request.joiner, invitation?.delegateOf)
    if (evictedBy !== undefined) {
      throw new InvitationRefusedError(`${request.joiner} was evicted by the group ${evictedBy}, whose word counts here`, {
        hint: 'Ask an operator of that group. A new identity (an empty data directory) is another node.',
      })
    }
    // Told before a use is spent; the voters each ask for themselves when they sign.
    const missing = await this.#c.papers.objectionTo(request.joiner, invitation?.delegateOf, request.passport)
    if (missing !== undefined) {
      throw new InvitationRefusedError(`this invitation is for a delegate: ${missing}`, {
        hint: 'Redeem it on a node of that group, by `vsmcp group delegate TOKEN` there.',
      })
    }
    const { member } = await decisions.decideHereIfForeseen({
      op: 'invitation:redeem',
      id: request.invitationId,
      peer: request.joiner,
      name: request.name,
      addresses: request.addresses,
    })
    if (member === undefined) throw new InvalidArgumentError('the group let the newcomer in without a record of it')
    return this.#grant(request.joiner, member, request.passport)
  }

  async #grant(joiner: PeerIdString, member: Member, passport: Uint8Array | undefined): Promise<JoinGrant> {
    const { trust, log, credentials } = this.#c
    const credential = await credentials.issue(joiner, member, passport)
    const { firstCharter, links } = trust.chain
    return { credential, firstCharter, links, peers: peersOf(log.state, joiner) }
  }
}

function peersOf(state: GroupState | undefined, joiner: PeerIdString): JoinGrant['peers'] {
  const members = state?.members.entries() ?? []
  return members
    .filter(([peer, { addresses }]) => peer !== joiner && addresses.length > 0)
    .slice(0, JOIN_GRANT_PEERS_MAX)
    .map(([peer, { addresses }]) => ({ peer, addresses }))
}

/** Nodes list the loopback first, which leads a newcomer on another machine to itself. */
function outward({ addresses }: Member): string | undefined {
  return addresses.find((address) => !LOOPBACK.test(address)) ?? addresses[0]
}

const LOOPBACK = /^\/ip4\/127\.|^\/ip6\/::1\//

function warningsFor(addresses: readonly string[]): string[] {
  if (addresses.some((address) => !LOOPBACK.test(address))) return []
  return [
    'Only loopback addresses are in this invitation: it works on this machine only. Run the node with --listen or --advertise to be reached from others.',
  ]
}
