import type { PeerIdString } from '@vsmcp/kernel'
import type { MemberRole } from '../members/contract.ts'

export interface InvitationRequest {
  role: MemberRole
  ttlMs: number
  uses: number
  /** Who joins is forgotten once nobody has seen it for so long, milliseconds. @default it stays a member until it leaves */
  absenceMs?: number
  /** To the group of this path. @default the home group of the node that is asked */
  group?: string
  /** Who joins speaks for the child group of this id. */
  delegateOf?: string
}

export interface InvitationView {
  id: string
  role: MemberRole
  uses: number
  used: number
  /** Given when who joins is ephemeral, milliseconds. */
  absenceMs?: number
  createdBy: PeerIdString
  expiresAt: string
  state: 'open' | 'used' | 'expired' | 'revoked'
}

export interface InvitationCreated {
  id: string
  token: string
  expiresAt: string
  /** Such as: only loopback addresses are in it. */
  warnings: string[]
}
