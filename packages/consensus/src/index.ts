/**
 * Pure consensus: the Raft that elects a group's System 5, and the charter and docket it replicates. Messages and ticks
 * in, effects out: no clock, timer, socket or promise. See README.md for a whole group in forty lines.
 */
import type { PeerIdString, Random } from '@vsmcp/kernel'
import type { ConfigurationChange } from './raft/configuration.ts'
import type { Endorsement, VotersStatement } from './raft/endorsement.ts'
import type { Snapshot, StoredRaft } from './raft/entry.ts'
import type { Message, VoteProof } from './raft/message.ts'
import { CoreRaftNode } from './raft/raft-node.ts'
import type { RaftStatus, Ready } from './raft/ready.ts'

export interface RaftInit {
  /** This node. */
  id: PeerIdString
  /** What the store holds; absent for a node that never ran. Such a node waits for a leader to send it a snapshot. */
  stored?: StoredRaft
  /**
   * False for a node whose disk was restored or copied (rule 8): it may have forgotten votes it gave and entries it
   * acknowledged. It never votes nor campaigns, and what it acknowledges is marked so that nobody counts it; it follows,
   * whatever the configuration says it is. @default true
   */
  mayVote?: boolean
  /** Milliseconds between heartbeats to voters. @default 100 */
  heartbeatMs?: number
  /** Milliseconds: shortest election timeout; at least five heartbeats. @default 1_000 */
  electionTimeoutMinMs?: number
  /** Milliseconds: longest election timeout; at least 1.5 times the shortest. @default 2_000 */
  electionTimeoutMaxMs?: number
}

export interface RaftComponents {
  random: Random
  /**
   * This node's signature over "I vote for `candidate` in `term`" of this group and epoch. With it, `verifyVote` is
   * needed, too, and every grant is signed; without both, votes are unsigned and no proof is ever sent or believed.
   */
  signVote?: (term: number, candidate: PeerIdString) => Uint8Array
  /** Whether `signature` is `voter`'s over that sentence. Synchronous, must not throw. */
  verifyVote?: (voter: PeerIdString, term: number, candidate: PeerIdString, signature: Uint8Array) => boolean
  /**
   * Asked about a proof whose signatures are all good but whose signers are no majority of the configuration this node
   * holds, because voters changed while it was away (or because it never held one): are they a majority of the voters
   * that the shell has verified by certified links? @default true only while this node holds no configuration
   */
  trustsVoters?: (signers: readonly PeerIdString[], proof: VoteProof) => boolean
  /**
   * Whether just these are the voters that the shell has verified by certified links last: a snapshot of theirs leads a node that
   * knows no other to those who were elected since. @default never
   */
  areVoters?: (voters: readonly PeerIdString[]) => boolean
  /**
   * Whether `signature` is `voter`'s over this change of voters, of this group and epoch (`votersStatementBytes`). Asked when a
   * change is proposed here and when a leader's entry comes to be appended (rule 5). Synchronous, must not throw. Without it every
   * change of voters is refused; changes of learners need none.
   */
  verifyEndorsement?: (voter: PeerIdString, statement: VotersStatement, signature: Uint8Array) => boolean
  /**
   * False while the group's feature level is below that of endorsements: leaders of older versions propose changes of voters
   * without. @default always needed
   */
  needsEndorsement?: () => boolean
  /**
   * Asked about a peer that stands for election and is no voter of the configuration this node holds: is it one by
   * certified links? @default true: a voter that missed a change of voters elects whom it does not know
   */
  mayStand?: (peer: PeerIdString) => boolean
}

/** Where a proposal stands in the log. It is committed when an entry of this index *and* term comes out of a `Ready`; an entry of another term there means it was lost. */
export interface Proposed {
  readonly index: number
  readonly term: number
}

/**
 * One node of one Raft group (Ongaro's dissertation; shaped like etcd-io/raft's RawNode).
 *
 * Life of a shell: before any input call `tick(now)`; after it, while `hasReady()`: `ready()`, do as `Ready` says,
 * `advance(ready)`; then sleep until an input or `nextTickAtMs()`. Inputs may come between `ready()` and `advance()`
 * (while the disk is busy); a second `ready()` may not.
 */
export interface RaftNode {
  readonly id: PeerIdString
  /** Time passes. `nowMs` is monotonic; a value lower than one before counts as that one. */
  tick(nowMs: number): void
  /** When `tick` has something to do if no input comes before. `Infinity` for a node that waits for others only. */
  nextTickAtMs(): number
  /** A message that `validateMessage` returned, from the peer that the connection authenticated. Never throws. */
  step(from: PeerIdString, message: Message): void
  /** Throws `NotLeaderError`, `ConsensusBusyError`, `TooLargeError`. */
  propose(data: Uint8Array): Proposed
  /**
   * Proposes a change of voters and learners, joint when more than one voter differs. One at a time. When it touches who votes
   * (`changesVoters`), a majority of the voters must have endorsed `votersStatement(status().configuration, status().term,
   * change)`, the leader among them or not; followers refuse the entry otherwise.
   * Throws `NotLeaderError`, `ConsensusBusyError`, `ConfigurationRefusedError`, `NotEndorsedError`.
   */
  proposeConfiguration(change: ConfigurationChange, endorsements?: readonly Endorsement[]): Proposed
  /** Hands leadership to a voter; given up after an election timeout. Throws `NotLeaderError`, `TransferRefusedError`. */
  transferLeadership(to: PeerIdString): void
  /** The voter to hand over to: active, connected, with the longest log. `undefined` on a follower or when there is none. */
  bestSuccessor(): PeerIdString | undefined
  /**
   * Asks for an index that is current as of now; answered in `readStates`, or listed in `abandonedReads`. Never by a
   * lease: a quorum confirms each round. Throws `NotLeaderError`, `ConsensusBusyError`, `TooLargeError`.
   */
  readIndex(context: string): void
  /** The last connection to `peer` closed. When it was the leader, a pre-vote starts within 30 ms (rule 2). */
  connectionClosed(peer: PeerIdString): void
  /** A connection to `peer` is open. Peers never reported count as connected. */
  connectionOpened(peer: PeerIdString): void
  /** Starts an election now, without waiting for a timeout. Ignored on a leader, a learner, or a node without configuration. */
  campaign(): void
  hasReady(): boolean
  /** Throws `InvalidArgumentError` while an earlier one is not yet advanced. */
  ready(): Ready
  advance(ready: Ready): void
  /** The index to compact to, once `COMPACT_AFTER_ENTRIES` were applied since the last snapshot, or the log holds `COMPACT_AFTER_BYTES`. */
  compactionDue(): number | undefined
  /** A snapshot of the state machine as of everything advanced. Throws `TooLargeError`, and `InvalidArgumentError` between `ready` and `advance`. */
  createSnapshot(data: Uint8Array): Snapshot
  /** Drops entries up to `index` and keeps `snapshot` for followers that need it. Call it when both are stored. Throws `InvalidArgumentError`. */
  compact(index: number, snapshot: Snapshot): void
  /** As of now, be it written or not: a single voter leads from the moment it campaigns. What others may rely on comes by `Ready.softState`. */
  status(): RaftStatus
}

export const raftNode =
  (init: RaftInit) =>
  (components: RaftComponents): RaftNode =>
    new CoreRaftNode(init, components)

export {
  ConfigurationRefusedError,
  ConsensusBusyError,
  InvalidMessageError,
  NotEndorsedError,
  NotLeaderError,
  StateCorruptError,
  TooLargeError,
  TransferRefusedError,
} from './errors.ts'
export {
  ALERT_SUBJECT_MAX,
  ALERT_TEXT_MAX,
  ALERTS_OPEN_PER_MEMBER_MAX,
  ANCHORS_LEVEL,
  AUTHORITY_LEVEL,
  CLOCKS_LEVEL,
  DELEGATES_WANTED,
  FEATURE_LEVEL,
  GOVERNING_LEVEL,
  GROUP_DEPTH_MAX,
  GROUPS_LEVEL,
  MOVES_LEVEL,
  GROUPS_MAX,
  LINKS_FOR_RECOVERY_AT,
  LINKS_BESIDE_ANCHOR,
  LINKS_KEPT_FREE_AT,
  LINKS_MAX,
  LINKS_TOLD_FROM,
  ORGANS_LEVEL,
  POLICY_HISTORY_MAX,
  PROVIDERS_LEVEL,
  RECOVERERS_LEVEL,
  RECOVERERS_MAX,
  UNIT_PROVIDERS_MAX,
} from './constants.ts'
export { type EpochEffect, EpochRules } from './epoch/epoch-rules.ts'
export { readMessageOfEpoch } from './epoch/message-of-epoch.ts'
export { charterOfEpoch, epochOfLog, firstIndexOf, isOver, nextEpoch, type Remains, remainsOf } from './epoch/next-epoch.ts'
export { whichCounts } from './epoch/parting.ts'
export { applyEntry } from './group/apply-entry.ts'
export { isCertified } from './group/charter-change.ts'
export { type AnchorFacts, type Authority, type CertificateFacts, NO_AUTHORITY, type Signer } from './group/authority.ts'
export {
  type Charter,
  depthOf,
  MESH_KEY_SIGNER,
  type Operator,
  operatorsVersionOf,
  pathBelow,
  type PolicyChange,
  policyVersionOf,
  readCharter,
  recoverersOf,
  type Revoked,
} from './group/charter.ts'
export type {
  AlertContent,
  AlertMark,
  AlertRecord,
  CharterMark,
  ChildGroup,
  GroupPlace,
  Invitation,
  Link,
  Member,
  MemberRole,
  NameGrant,
  PendingChange,
  ProposalRecord,
  SessionKeyRecord,
  UnitClaim,
  UnitProvider,
} from './group/docket.ts'
export { claimKey } from './group/claims.ts'
export type { MissedPolicy, OccurrenceOutcome, PastOccurrence, ResourceClaim, Schedule } from './group/coordination.ts'
export { decodeGroupState, encodeGroupState, foundGroup } from './group/group-codec.ts'
export type { Applied, Founder, GroupState } from './group/group-state.ts'
export { isPlaceNews } from './group/group-moves.ts'
export { delegatesOf, groupNamed, hasSay, listsGroup, mayBeAwayMs } from './group/groups.ts'
export { canonicalBytes, type Json, type JsonObject } from './json/json.ts'
export type { AlertRaise, Operation, OperatorSignedOperation, VoterEndorsedOperation } from './group/operation.ts'
export type { ApplyResult, RefusalCode } from './group/apply-result.ts'
export type { GroupEffect } from './group/group-effect.ts'
export type { GroupMove, GroupOperation } from './group/group-operation.ts'
export type { OccurrenceDue } from './group/coordination-operation.ts'
export { operationStatement, type Provable, type StatementScope, votersStatementBytes } from './group/statement.ts'
export { isProvider, providersOf } from './group/providers.ts'
export { Table } from './group/table.ts'
export { decodeOperation, encodeOperation } from './group/read-operation.ts'
export { type Candidate, chooseVoters, type ChooseVotersInit, type Reachability } from './group/voters.ts'
export type { Configuration, ConfigurationChange, MemberChange } from './raft/configuration.ts'
export {
  EMPTY_HARD_STATE,
  type Entry,
  type EntryType,
  type HardState,
  type RaftWrite,
  type Snapshot,
  type StoredRaft,
} from './raft/entry.ts'
export type { Message, OutgoingMessage, SignedVote, VoteProof } from './raft/message.ts'
export type { PeerProgress, RaftStatus, ReadState, Ready, Role, SoftState } from './raft/ready.ts'
export { validateMessage } from './raft/validate-message.ts'
export { changesVoters, type Endorsement, lackingEndorsement, type VotersStatement, votersStatement } from './raft/endorsement.ts'
export { bootstrap } from './raft/bootstrap.ts'
