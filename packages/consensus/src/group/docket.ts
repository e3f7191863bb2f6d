import type { Feeling, GroupId, Origin, PeerIdString, Proposal, Severity, UnitName } from '@vsmcp/kernel'

/** `edge` nodes vote only while there are fewer than three others (rule 7). */
export type MemberRole = 'member' | 'edge'

/** Fields of a record that this version does not know are carried along unchanged. */
export interface Carried {
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
  /** Forgotten once it was away for `absenceMs`, which is given just then. */
  readonly ephemeral?: boolean
  readonly absenceMs?: number
  /** The child group it speaks for here: its home is elsewhere, so it votes only where edge nodes would. From `GROUPS_LEVEL` on. */
  readonly delegateOf?: GroupId
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
  /** Who joins by it is ephemeral, with this `absenceMs`. */
  readonly ephemeral?: boolean
  readonly absenceMs?: number
  /** Who joins by it is a delegate of this child group. From `GROUPS_LEVEL` on. */
  readonly delegateOf?: GroupId
}

/** A group below this one, by its id. */
export interface ChildGroup extends Carried {
  /** Last part of its path, and the name of the unit that it is here. */
  readonly name: string
  readonly founder: PeerIdString
  /** Hex SHA-256 of its first charter, as carried: what the voters sign. */
  readonly charterDigest: string
  /** Wall time by the proposer's clock. */
  readonly createdAtMs: number
  readonly createdAtIndex: number
  /** Which of its moves brought it here, and `founder` had it admitted; absent where it was founded. */
  readonly move?: number
  /** It has not said yet that it is here: its name is kept for it, and it is no unit. */
  readonly awaited?: true
}

/** Where the group itself stands, since it was moved: what it has decided counts, whatever the groups above still or already say. */
export interface GroupPlace extends Carried {
  readonly parent: GroupId
  /** How often it has been moved. The later move counts. */
  readonly move: number
  /** As of the move: its path and the one before, and the groups above it from the root to the parent. They may be moved and renamed themselves. */
  readonly path: string
  readonly former: string
  readonly lineage: readonly GroupId[]
  /** The operator that decided it, and why. */
  readonly by: string
  readonly reason: string
  readonly atMs: number
  readonly index: number
}

/** A group that was moved away, and the move that had brought it: 0 where it was founded. */
export interface DepartedGroup extends Carried {
  readonly id: GroupId
  readonly move: number
}

/** A node that runs a unit. The claim's `(term, index)`, with the charter's epoch, is its fencing token. */
export interface UnitProvider extends Carried {
  readonly peer: PeerIdString
  readonly claimedAtMs: number
  readonly term: number
  readonly index: number
}

/** Who runs a unit: its first provider, which says what the unit is, and those that came after by `unit:replicate`. */
export interface UnitClaim extends UnitProvider {
  /** Of the definitions that every provider must offer, as the first one declared them; absent while it did not. */
  readonly digest?: string
  /** Further providers in the order of coming; absent while there are none. The next in line when the first one goes. */
  readonly replicas?: readonly UnitProvider[]
}

/** The unit that a bare name calls. */
export interface NameGrant extends Carried {
  readonly unit: UnitName
  readonly grantedAtIndex: number
}

/** A certified change of voters or recovery keys, opaque here. */
export interface Link extends Carried {
  /** Log index of the configuration entry it certifies. */
  readonly index: number
  /** base64url */
  readonly certificate: string
}

/** A committed change of voters or recovery keys that has no certificate yet: all that its link must say. */
export interface PendingChange extends Carried {
  /** Log index. */
  readonly index: number
  readonly epoch: number
  /** Sorted. */
  readonly before: readonly PeerIdString[]
  readonly now: readonly PeerIdString[]
  /** Recovery keys of after the change; absent when there are none. */
  readonly recoverers?: readonly string[]
  /** Of the charter's canonical bytes. */
  readonly digestBefore: string
  readonly digestNow: string
}

/** The newest change of the charter, and the certificate of it when it is no change of voters (those have links). */
export interface CharterMark extends Carried {
  /** Log index of the change. */
  readonly index: number
  readonly epoch: number
  readonly digestBefore: string
  readonly digestNow: string
  /** base64url; absent until enough voters have signed. */
  readonly certificate?: string
}

/** What the group knows of its session key. The key itself goes between members, never through the log. */
export interface SessionKeyRecord extends Carried {
  readonly keyId: string
  /** base64url SHA-256 of the key. */
  readonly digest: string
  /** Of the key before, still accepted for a while; absent for the first. */
  readonly previous?: { readonly keyId: string; readonly digest: string }
  readonly by: PeerIdString
  readonly index: number
  /** Wall time by the proposer's clock. */
  readonly atMs: number
}

/** Who did something to an alert, and why. */
export interface AlertMark extends Carried {
  readonly by: PeerIdString
  readonly reason: string
  /** Wall time by the proposer's clock. */
  readonly atMs: number
}

/** What an alert says, as its record and the operation that raises it carry it. */
export interface AlertContent {
  readonly feeling: Feeling
  readonly severity: Severity
  readonly origin: Origin
  /** The system of the node that felt it, such as `system1`. */
  readonly system: string
  /** What it is about, when it is about one unit. */
  readonly unit?: UnitName
  readonly subject: string
  readonly text: string
  /** How often it was felt, and when first and last; wall time by the source's clock. */
  readonly count: number
  readonly onsetMs: number
  readonly lastMs: number
}

/** Pain that the node it came from has not remedied within its time, or pleasure. Stays until it is remedied. */
export interface AlertRecord extends Carried, AlertContent {
  /** The node that raised it. */
  readonly peer: PeerIdString
  readonly raisedAtIndex: number
  /** Wall time by the proposer's clock. */
  readonly raisedAtMs: number
  readonly acknowledged?: AlertMark
  /** Since when it is a matter of the level above the group. */
  readonly climbedAtMs?: number
  readonly closed?: AlertMark & { readonly index: number }
}

/** What System 3 or 4 of a member asks of System 5, and all that became of it. */
export interface ProposalRecord extends Carried, Proposal {
  readonly proposedAtIndex: number
  /** When its evidence was given last. */
  readonly renewedAtMs: number
  /** Why it was given once more. */
  readonly missed?: { readonly measured: number; readonly reason: string }
}
