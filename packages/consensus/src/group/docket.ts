import type { PeerIdString, UnitName } from '@vsmcp/kernel'

/** `edge` nodes vote only while there are fewer than three others (rule 7). */
export type MemberRole = 'member' | 'edge'

/** Fields of a record that this version does not know are carried along unchanged. */
interface Carried {
  readonly [unknown: string]: unknown
}

export interface Member extends Carried {
  readonly name: string
  readonly role: MemberRole
  readonly zone: string
  readonly joinedAtIndex: number
  /** Wall time by the proposer's clock. */
  readonly joinedAtMs: number
  readonly addresses: readonly string[]
  /** Id of the invitation redeemed; absent for the founder. */
  readonly invitation?: string
}

export interface Invitation extends Carried {
  /** base64url: what the secret is checked against. Never the secret. */
  readonly verifier: string
  readonly role: MemberRole
  readonly zone: string
  /** How often it may be redeemed in all. */
  readonly uses: number
  readonly used: number
  readonly expiresAtMs: number
  readonly createdBy: PeerIdString
  readonly createdAtIndex: number
  readonly revoked: boolean
}

/** Who runs a unit. The claim's `(term, index)`, with the charter's epoch, is its fencing token. */
export interface UnitClaim extends Carried {
  readonly peer: PeerIdString
  readonly claimedAtMs: number
  readonly term: number
  readonly index: number
}

/** The unit that a bare name calls. */
export interface NameGrant extends Carried {
  readonly unit: UnitName
  readonly grantedAtIndex: number
}

/** A certified change of voters, opaque here. */
export interface Link extends Carried {
  /** Log index of the configuration entry it certifies. */
  readonly index: number
  /** base64url */
  readonly certificate: string
}
