import { VsmcpError } from '@vsmcp/kernel'

/** The group has no System 5 now: nothing can be decided, what stands goes on. */
export class NoSystem5Error extends VsmcpError {
  readonly code = 'VSMCP_NODE_NO_SYSTEM5'
}

/** The group decided against the request; the message says why. */
export class RefusedError extends VsmcpError {
  readonly code = 'VSMCP_NODE_REFUSED'
}

/** The data directory already belongs to a mesh. */
export class AlreadyEnrolledError extends VsmcpError {
  readonly code = 'VSMCP_NODE_ALREADY_ENROLLED'
}

/** The data directory belongs to no mesh yet. */
export class NotEnrolledError extends VsmcpError {
  readonly code = 'VSMCP_NODE_NOT_ENROLLED'
}

/** A file of the data directory is not what this version wrote. */
export class EnrolmentUnreadableError extends VsmcpError {
  readonly code = 'VSMCP_NODE_ENROLMENT_UNREADABLE'
}

/** A unit of that name exists, here or elsewhere, and is a different one. */
export class UnitExistsError extends VsmcpError {
  readonly code = 'VSMCP_NODE_UNIT_EXISTS'
}

/** The node cannot run a unit of the group, too: it offers something else, is in another zone, or there are enough that do. */
export class ReplicaRefusedError extends VsmcpError {
  readonly code = 'VSMCP_NODE_REPLICA_REFUSED'
}

/** No unit of that name on this node. */
export class UnitUnknownError extends VsmcpError {
  readonly code = 'VSMCP_NODE_UNIT_UNKNOWN'
}

/** No tool, resource or prompt of that name is known in the group. */
export class TargetUnknownError extends VsmcpError {
  readonly code = 'VSMCP_NODE_TARGET_UNKNOWN'
}

/** The node serves only what is essential now, and the unit is not: nothing was sent. */
export class ShedError extends VsmcpError {
  readonly code = 'VSMCP_NODE_SHED'
}

/** A group above has the unit not be called: nothing was sent. */
export class UnitStoppedError extends VsmcpError {
  readonly code = 'VSMCP_NODE_UNIT_STOPPED'
}

/** The node has reduced its service: what can wait is not begun. */
export class PausedError extends VsmcpError {
  readonly code = 'VSMCP_NODE_PAUSED'
}

/** The node that hosts the unit cannot be reached now. */
export class UnitUnreachableError extends VsmcpError {
  readonly code = 'VSMCP_NODE_UNIT_UNREACHABLE'
}

/** An order of System 5 carries a lower fencing token than one that was seen: whoever gave it has been replaced. */
export class StaleOrderError extends VsmcpError {
  readonly code = 'VSMCP_NODE_STALE_ORDER'
}

/** The disk of this node refused a write of the consensus log: the node decides nothing until it accepts again. */
export class StorageRefusedError extends VsmcpError {
  readonly code = 'VSMCP_NODE_STORAGE_REFUSED'
}

/** The MCP server answered a call with a JSON-RPC error. */
export class ServerRefusedError extends VsmcpError {
  readonly code = 'VSMCP_NODE_SERVER_REFUSED'
}

/** The member has left the group for good: its credential opens nothing any more. */
export class MemberLeftError extends VsmcpError {
  readonly code = 'VSMCP_NODE_MEMBER_LEFT'
}

/** A process runs on a copy or an old state of a node's data directory: it showed a life that is over, or is another's. */
export class IdentityCopiedError extends VsmcpError {
  readonly code = 'VSMCP_NODE_IDENTITY_COPIED'
}

/** Code of `IdentityCopiedError`, as a peer is told it. */
export const IDENTITY_COPIED: IdentityCopiedError['code'] = 'VSMCP_NODE_IDENTITY_COPIED'

/** Two nodes were recovered into the same epoch: neither, and nobody who met both, decides until a person has chosen. */
export class RivalEpochError extends VsmcpError {
  readonly code = 'VSMCP_NODE_RIVAL_EPOCH'
}

/** `recover` was cut off: it wrote the new epoch down, and not yet the log that begins it. */
export class RecoveryUnfinishedError extends VsmcpError {
  readonly code = 'VSMCP_NODE_RECOVERY_UNFINISHED'
}

/** This node cannot start the next epoch: what that takes is not in its data directory. */
export class NotRecoverableError extends VsmcpError {
  readonly code = 'VSMCP_NODE_NOT_RECOVERABLE'
}

/** The mesh key is not in the file it was said to be exported to: it stays where it is. */
export class MeshKeyNotExportedError extends VsmcpError {
  readonly code = 'VSMCP_NODE_MESH_KEY_NOT_EXPORTED'
}

/** A file that should be a backup is damaged, cut short, or none. */
export class BackupUnreadableError extends VsmcpError {
  readonly code = 'VSMCP_NODE_BACKUP_UNREADABLE'
}

/** A backup was to be written where a file is already. */
export class BackupExistsError extends VsmcpError {
  readonly code = 'VSMCP_NODE_BACKUP_EXISTS'
}

/** Code of `MemberLeftError`, as a peer is told it. */
export const MEMBER_LEFT: MemberLeftError['code'] = 'VSMCP_NODE_MEMBER_LEFT'

/** This node's copy of the docket does not list who asks: it joined a moment ago, or is no member any more. */
export class NotListedError extends VsmcpError {
  readonly code = 'VSMCP_NODE_NOT_LISTED'
}

/** The program of a node supports a lower feature level than the group is at: it would read decisions otherwise than the others. */
export class FeatureLevelError extends VsmcpError {
  readonly code = 'VSMCP_NODE_FEATURE_LEVEL'
}

/** Code of `FeatureLevelError`, as a peer is told it. */
export const TOO_OLD: FeatureLevelError['code'] = 'VSMCP_NODE_FEATURE_LEVEL'

/** The credential of who asks is over, and it could have been renewed: until it is, its owner gets nothing else. */
export class CredentialOverError extends VsmcpError {
  readonly code = 'VSMCP_NODE_CREDENTIAL_OVER'
}

/** Code of `CredentialOverError`, as it comes from another node. */
export const CREDENTIAL_OVER: CredentialOverError['code'] = 'VSMCP_NODE_CREDENTIAL_OVER'

/** Code of `NotListedError`, as it comes from another node. */
export const NOT_LISTED: NotListedError['code'] = 'VSMCP_NODE_NOT_LISTED'

/** A voter was asked to sign what its own docket or its own eyes do not bear out. */
export class NotBorneOutError extends VsmcpError {
  readonly code = 'VSMCP_NODE_NOT_BORNE_OUT'
}

/** Without this member the group could decide nothing any more. */
export class QuorumAtRiskError extends VsmcpError {
  readonly code = 'VSMCP_NODE_QUORUM_AT_RISK'
}

/** Code of `QuorumAtRiskError`, as it comes from another node. */
export const QUORUM_AT_RISK: QuorumAtRiskError['code'] = 'VSMCP_NODE_QUORUM_AT_RISK'

/** Code of `RefusedError`, likewise. */
export const REFUSED: RefusedError['code'] = 'VSMCP_NODE_REFUSED'

/** Code of `CredentialRevokedError` of the security package, as an evicted node is told it. */
export const CREDENTIAL_REVOKED = 'VSMCP_SECURITY_CREDENTIAL_REVOKED'

/** No member of that name or PeerId. */
export class MemberUnknownError extends VsmcpError {
  readonly code = 'VSMCP_NODE_MEMBER_UNKNOWN'
}

/** The key given is of no operator that the charter names. */
export class OperatorUnknownError extends VsmcpError {
  readonly code = 'VSMCP_NODE_OPERATOR_UNKNOWN'
}

/** What was signed follows another version than the one in force. */
export class VersionDiffersError extends VsmcpError {
  readonly code = 'VSMCP_NODE_VERSION_DIFFERS'
}

/** A charter file is cut short, damaged, or none. */
export class CharterFileError extends VsmcpError {
  readonly code = 'VSMCP_NODE_CHARTER_FILE'
}

/** A file with a signed anchor is cut short, damaged, or none. */
export class AnchorFileError extends VsmcpError {
  readonly code = 'VSMCP_NODE_ANCHOR_FILE'
}

/** A feed gave no number, or could not be reached. */
export class FeedUnreadableError extends VsmcpError {
  readonly code = 'VSMCP_NODE_FEED_UNREADABLE'
}

/** There is no feed of that name on this node. */
export class FeedUnknownError extends VsmcpError {
  readonly code = 'VSMCP_NODE_FEED_UNKNOWN'
}

/** A charter that nobody vouches for: not yet, or it was changed since. */
export class CharterUncertifiedError extends VsmcpError {
  readonly code = 'VSMCP_NODE_CHARTER_UNCERTIFIED'
}

/** The node or the group holds no such alert, or it is over for long. */
export class AlertUnknownError extends VsmcpError {
  readonly code = 'VSMCP_NODE_ALERT_UNKNOWN'
}

/** An alert was not taken: its source raises too many, or all places are taken by alerts that are no less severe. */
export class AlertRefusedError extends VsmcpError {
  readonly code = 'VSMCP_NODE_ALERT_REFUSED'
}

/** There is no such proposal, or it is over for long. */
export class ProposalUnknownError extends VsmcpError {
  readonly code = 'VSMCP_NODE_PROPOSAL_UNKNOWN'
}

/** What a proposal asks for contradicts the identity of the group, is above a ceiling of its policies, or is over. */
export class ProposalRefusedError extends VsmcpError {
  readonly code = 'VSMCP_NODE_PROPOSAL_REFUSED'
}

/** The policies cannot be acted upon: System 5 cannot read them, or they contradict the identity. */
export class PolicyInvalidError extends VsmcpError {
  readonly code = 'VSMCP_NODE_POLICY_INVALID'
}

/** A schedule of that name exists, and is a different one. */
export class ScheduleExistsError extends VsmcpError {
  readonly code = 'VSMCP_NODE_SCHEDULE_EXISTS'
}

/** The group has no schedule of that name. */
export class ScheduleUnknownError extends VsmcpError {
  readonly code = 'VSMCP_NODE_SCHEDULE_UNKNOWN'
}

/** A peer is a member of no group that this node has a seat in. */
export class NoSharedGroupError extends VsmcpError {
  readonly code = 'VSMCP_NODE_NO_SHARED_GROUP'
}

/** Who asks has not shown on this connection that it is a member of the group it asks something of. */
export class NotOfGroupError extends VsmcpError {
  readonly code = 'VSMCP_NODE_NOT_OF_GROUP'
}

/** A connected peer shows its passports again and again. */
export class HelloTooOftenError extends VsmcpError {
  readonly code = 'VSMCP_NODE_HELLO_TOO_OFTEN'
}

/** Code by which the caller tells this refusal: nothing was executed. */
export const NOT_OF_GROUP: NotOfGroupError['code'] = 'VSMCP_NODE_NOT_OF_GROUP'

/** No group of that path or id is known here, or this node takes no part in it. */
export class GroupUnknownError extends VsmcpError {
  readonly code = 'VSMCP_NODE_GROUP_UNKNOWN'
}

/** A group cannot stand where it is to be moved; `details.reason` says why. */
export class GroupPlaceRefusedError extends VsmcpError {
  readonly code = 'VSMCP_NODE_GROUP_PLACE_REFUSED'
}
