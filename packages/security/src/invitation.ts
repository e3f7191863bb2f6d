import { randomBytes } from 'node:crypto'
import { type GroupId, isoTime, type MeshId, type PeerIdString } from '@vsmcp/kernel'
import { type Chain, newestEra } from './chain.ts'
import { CLOCK_SKEW_MS, INVITATION_ID_BYTES, SECRET_BYTES, TOKEN_ADDRESSES_MAX, TOKEN_INVITERS_MAX } from './constants.ts'
import { TokenExpiredError, TokenOtherMeshError } from './errors.ts'
import { verifierOf } from './proof.ts'
import { encodeToken } from './token.ts'

/** What a token holds. */
export interface Invitation {
  readonly meshId: MeshId
  /** Digest of the newest era the inviter knew: a chain shown to the joiner must contain it. */
  readonly newestEra: string
  /** Hex, 16 bytes. */
  readonly id: string
  /** 32 bytes. Never leaves joiner and inviter; only `verifierOf(secret)` goes to the docket. */
  readonly secret: Uint8Array
  readonly group: GroupId
  /** Empty: no zone. */
  readonly zone: string
  readonly role: string
  readonly uses: number
  /** Wall clock, milliseconds since the Unix epoch. */
  readonly expiresAtMs: number
  /** Multiaddrs, the best first. */
  readonly addresses: readonly string[]
  readonly inviters: readonly PeerIdString[]
}

export interface InvitationInit {
  readonly chain: Chain
  readonly zone: string
  readonly role: string
  /** @default 1 */
  readonly uses?: number
  readonly expiresAtMs: number
  /** Of more than 8 the first are taken. */
  readonly addresses: readonly string[]
  /** Of more than 8 the first are taken. */
  readonly inviters: readonly PeerIdString[]
}

/** What comes of making an invitation. */
export interface InvitationMade {
  readonly invitation: Invitation
  /** For the newcomer; whoever has it may join. */
  readonly token: string
  /** What the docket keeps. */
  readonly verifier: Uint8Array
}

/** Makes id and secret. Throws `TokenMalformedError` when it would not fit into a token. */
export function createInvitation(init: InvitationInit): InvitationMade {
  const { chain, zone, role, uses = 1, expiresAtMs } = init
  const invitation: Invitation = {
    meshId: chain.meshId,
    newestEra: newestEra(chain).digest,
    id: randomBytes(INVITATION_ID_BYTES).toString('hex'),
    secret: new Uint8Array(randomBytes(SECRET_BYTES)),
    group: chain.group,
    zone,
    role,
    uses,
    expiresAtMs,
    addresses: init.addresses.slice(0, TOKEN_ADDRESSES_MAX),
    inviters: init.inviters.slice(0, TOKEN_INVITERS_MAX),
  }
  return { invitation, token: encodeToken(invitation), verifier: verifierOf(invitation.secret) }
}

/**
 * What the joiner can see for itself before it dials; the group decides by its own clock. Throws `TokenExpiredError` (clocks may
 * differ by 5 minutes) or, when told its mesh, `TokenOtherMeshError`.
 */
export function checkInvitation(invitation: Invitation, now: { nowMs: number; meshId?: MeshId }): void {
  const { expiresAtMs, meshId } = invitation
  if (now.meshId !== undefined && now.meshId !== meshId) {
    throw new TokenOtherMeshError(`the invitation is to mesh ${meshId}, and this node belongs to ${now.meshId}`, {
      hint: 'A node belongs to one mesh: join with another data directory.',
      details: { invited: meshId, own: now.meshId },
    })
  }
  if (expiresAtMs + CLOCK_SKEW_MS <= now.nowMs) {
    throw new TokenExpiredError(`the invitation expired at ${isoTime(expiresAtMs)}`, {
      hint: 'Ask for a new token: `vsmcp invite` on a member. If it is new, check the clock of this machine.',
    })
  }
}
