import type { GroupId, PeerIdString, UnitName } from '@vsmcp/kernel'
import type { JsonObject } from '../json/json.ts'
import type { Endorsement } from '../raft/endorsement.ts'
import type { AlertContent, MemberRole } from './docket.ts'
import type { CoordinationOperation, CoordinationVote } from './coordination-operation.ts'
import type { GroupMove, GroupOperation } from './group-operation.ts'
import type { ProposalOperation } from './proposal-operation.ts'

export interface Authored {
  /** The member that asks; the shell puts in whom the connection authenticated. */
  readonly author: PeerIdString
  /** Wall time of whoever leads and proposes it, milliseconds since the Unix epoch. Every node judges by this, none by its own clock. */
  readonly atMs: number
  /** Fields that this version does not know; `invitation:create` and `link:add` keep them in their record. */
  readonly [unknown: string]: unknown
}

export interface InvitationCreate extends Authored {
  readonly op: 'invitation:create'
  readonly id: string
  readonly verifier: string
  readonly role: MemberRole
  readonly zone: string
  readonly uses: number
  readonly expiresAtMs: number
  readonly createdBy: PeerIdString
  /** Who joins by it is forgotten after an absence. @default false */
  readonly ephemeral?: boolean
  /** Milliseconds; given just when `ephemeral`. */
  readonly absenceMs?: number
  /** Who joins by it is a delegate of this child group. */
  readonly delegateOf?: GroupId
}
export interface InvitationRevoke extends Authored {
  readonly op: 'invitation:revoke'
  readonly id: string
}
export interface InvitationRedeem extends Authored {
  readonly op: 'invitation:redeem'
  readonly id: string
  readonly peer: PeerIdString
  readonly name: string
  /** Where the newcomer can be reached, if known already. */
  readonly addresses?: readonly string[]
}
/** With the leaver's own `signature`, or with `endorsements` of a majority of the voters. */
export interface MemberRemove extends Authored {
  readonly op: 'member:remove'
  readonly peer: PeerIdString
  /** `Member.joinedAtIndex`: which of its memberships is meant. */
  readonly joinedAtIndex?: number
  /** base64url: the member's own. */
  readonly signature?: string
  readonly endorsements?: readonly Endorsement[]
}
export interface MemberDescribe extends Authored {
  readonly op: 'member:describe'
  readonly peer: PeerIdString
  readonly name?: string
  readonly addresses?: readonly string[]
}
/** Takes a free name; by who is the unit's first provider: declares what it offers now. */
export interface UnitClaimOperation extends Authored {
  readonly op: 'unit:claim'
  readonly unit: UnitName
  readonly peer: PeerIdString
  /** Of its definitions, hex. Counts from `PROVIDERS_LEVEL` on. */
  readonly digest?: string
}
/** Another node of the same zone runs the same unit, with the same definitions. Where there is no such unit, it is the first to. */
export interface UnitReplicate extends Authored {
  readonly op: 'unit:replicate'
  readonly unit: UnitName
  readonly peer: PeerIdString
  readonly digest: string
}
/** The author runs it no longer. The next provider in line takes its place; the name is free when there is none. */
export interface UnitRelease extends Authored {
  readonly op: 'unit:release'
  readonly unit: UnitName
}
export interface NameGrantOperation extends Authored {
  readonly op: 'name:grant'
  readonly bareName: string
  readonly unit: UnitName
}
export interface LinkAdd extends Authored {
  readonly op: 'link:add'
  readonly index: number
  /** base64url */
  readonly certificate: string
}

export interface ChainAnchor extends Authored {
  readonly op: 'chain:anchor'
  /** base64url: the anchor, signed by the mesh key. */
  readonly anchor: string
}

/**
 * An operation that a person decides: signed by the key of an operator whom the charter names, or by the mesh key. The
 * signature covers every field (see `operationStatement`) but `author`, the member that carries it, and `atMs`.
 */
export interface OperatorSigned extends Authored {
  /** Name of the operator that signs, `MESH_KEY_SIGNER` for the mesh key. */
  readonly operator: string
  readonly reason: string
  /** Wall time of the signer, milliseconds since the Unix epoch. */
  readonly signedAtMs: number
  /** base64url */
  readonly signature: string
}

/** An operation that the voters bear out: signed by a majority of them. The signatures cover every field but `author` and `atMs`. */
export interface VoterEndorsed extends Authored {
  readonly endorsements: readonly Endorsement[]
}

/** Replaces all policies. */
export interface PolicySet extends OperatorSigned {
  readonly op: 'policy:set'
  readonly policies: JsonObject
  /** `policyVersionOf(charter)` that it replaces. */
  readonly expects: number
}
export interface OperatorAdd extends OperatorSigned {
  readonly op: 'operator:add'
  readonly name: string
  /** base64url of the raw Ed25519 public key. */
  readonly publicKey: string
  /** May also start the next epoch after the quorum was lost (rule 9). @default false */
  readonly recovery?: boolean
  /** `operatorsVersionOf(charter)` that it follows. */
  readonly expects: number
}
/** Never the last one, unless the mesh key signs. */
export interface OperatorRemove extends OperatorSigned {
  readonly op: 'operator:remove'
  readonly name: string
  readonly expects: number
}
/** Revokes a member's credentials and takes it off the list. Refused while it votes: the voters are changed first. */
export interface MemberEvict extends OperatorSigned {
  readonly op: 'member:evict'
  readonly peer: PeerIdString
  /** `Member.joinedAtIndex`; 0 for who is no member (any more) but may still hold a credential. */
  readonly joinedAtIndex: number
  /** When its last credential would have ended: the revocation stands until then. */
  readonly untilMs: number
}
/** Takes an ephemeral member, or a delegate that others stand in for, off the list after its absence. */
export interface MemberForget extends VoterEndorsed {
  readonly op: 'member:forget'
  readonly peer: PeerIdString
  readonly joinedAtIndex: number
  /** Since when the voters have not seen it, and when they looked; wall time. At least its `absenceMs` apart. */
  readonly absentSinceMs: number
  readonly asOfMs: number
}
/** Drops revocations of peers whose credentials have ended meanwhile. */
export interface RevocationExpire extends VoterEndorsed {
  readonly op: 'revocation:expire'
  readonly peers: readonly PeerIdString[]
  readonly asOfMs: number
}
/** Endorsed by every voter: each signs only a level that it supports. */
export interface FeatureRaise extends VoterEndorsed {
  readonly op: 'feature:raise'
  readonly level: number
}
/** The leader, or any voter, names a new session key. It signs itself: the key seals session ids, and decides nothing. */
export interface SessionKeyRotate extends Authored {
  readonly op: 'session-key:rotate'
  /** The voter that made the key, and signs. */
  readonly by: PeerIdString
  readonly keyId: string
  /** base64url SHA-256 of the key. */
  readonly digest: string
  /** Id of the key before; empty when there is none. */
  readonly expects: string
  /** base64url */
  readonly signature: string
}
/** Keeps the certificate of the newest charter, when a change of voters (whose link certifies it) was not the last to change it. */
export interface CharterCertify extends Authored {
  readonly op: 'charter:certify'
  readonly index: number
  /** base64url */
  readonly certificate: string
}

/** The author's own; asked again with more, it is the same alert, felt again. */
export interface AlertRaise extends Authored, AlertContent {
  readonly op: 'alert:raise'
  readonly id: string
}
/** Somebody sees to it. */
export interface AlertAcknowledge extends Authored {
  readonly op: 'alert:acknowledge'
  readonly id: string
  readonly reason: string
}
/** It is remedied. */
export interface AlertResolve extends Authored {
  readonly op: 'alert:resolve'
  readonly id: string
  readonly reason: string
}
/** A voter says that the group has not remedied it within its time. */
export interface AlertClimb extends Authored {
  readonly op: 'alert:climb'
  readonly id: string
}

export type AlertOperation = AlertRaise | AlertAcknowledge | AlertResolve | AlertClimb
export type OperatorSignedOperation = PolicySet | OperatorAdd | OperatorRemove | MemberEvict | GroupMove
export type VoterEndorsedOperation = MemberForget | RevocationExpire | FeatureRaise | CoordinationVote

/** What a `normal` entry of a group's log asks for. */
export type Operation =
  | InvitationCreate
  | InvitationRevoke
  | InvitationRedeem
  | MemberRemove
  | MemberDescribe
  | UnitClaimOperation
  | UnitReplicate
  | UnitRelease
  | NameGrantOperation
  | LinkAdd
  | ChainAnchor
  | OperatorSignedOperation
  | VoterEndorsedOperation
  | SessionKeyRotate
  | CharterCertify
  | AlertOperation
  | GroupOperation
  | CoordinationOperation
  | ProposalOperation
