import type { PeerIdString, UnitName } from '@vsmcp/kernel'
import type { Member, MemberRole } from './docket.ts'

interface Authored {
  /** The member that asks; the shell puts in whom the connection authenticated. */
  readonly author: PeerIdString
  /** Wall time of the proposer, milliseconds since the Unix epoch. Every node judges by this, none by its own clock. */
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
export interface MemberRemove extends Authored {
  readonly op: 'member:remove'
  readonly peer: PeerIdString
}
export interface MemberDescribe extends Authored {
  readonly op: 'member:describe'
  readonly peer: PeerIdString
  readonly name?: string
  readonly addresses?: readonly string[]
}
export interface UnitClaimOperation extends Authored {
  readonly op: 'unit:claim'
  readonly unit: UnitName
  readonly peer: PeerIdString
}
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

/** What a `normal` entry of a group's log asks for. */
export type Operation =
  | InvitationCreate
  | InvitationRevoke
  | InvitationRedeem
  | MemberRemove
  | MemberDescribe
  | UnitClaimOperation
  | UnitRelease
  | NameGrantOperation
  | LinkAdd

/** Why an operation was refused. Codes never change their meaning. */
export type RefusalCode =
  /** The entry is no operation this version can read. */
  | 'operation-invalid'
  /** The author is no member. */
  | 'author-unknown'
  /** It is somebody else's, and the author is no voter where voters may. */
  | 'not-yours'
  | 'member-unknown'
  | 'members-full'
  /** The member still votes: change the voters first, so that no vote is left without a node. */
  | 'still-votes'
  | 'invitation-exists'
  | 'invitation-unknown'
  | 'invitation-expired'
  | 'invitation-revoked'
  | 'invitation-used-up'
  | 'invitations-full'
  | 'unit-taken'
  | 'unit-unknown'
  | 'units-full'
  | 'name-taken'
  | 'names-full'
  | 'link-differs'
  | 'links-full'
  /** All records together are as large as a snapshot may be. */
  | 'state-full'

export type ApplyResult =
  | {
      readonly ok: true
      /** False when the state already said so: asking again is harmless. */
      readonly changed: boolean
      /** For `invitation:redeem` and `member:describe`: the member's record. */
      readonly member?: Member
    }
  | {
      readonly ok: false
      readonly code: RefusalCode
      /** What happened, to what. */
      readonly message: string
      /** Who holds what was asked for: the peer of a taken unit, the unit of a taken name. */
      readonly holder?: string
    }

/** What became true by an entry, for the shell to act upon. */
export type GroupEffect =
  | { readonly type: 'member:joined' | 'member:left' | 'member:described'; readonly peer: PeerIdString }
  | { readonly type: 'unit:claimed' | 'unit:released'; readonly unit: UnitName; readonly peer: PeerIdString }
  | { readonly type: 'name:granted' | 'name:released'; readonly bareName: string; readonly unit: UnitName }
  | { readonly type: 'invitation:created' | 'invitation:revoked' | 'invitation:dropped'; readonly id: string }
  | {
      readonly type: 'voters:changed'
      readonly before: readonly PeerIdString[]
      readonly now: readonly PeerIdString[]
      readonly index: number
    }
  | { readonly type: 'link:added'; readonly index: number }
