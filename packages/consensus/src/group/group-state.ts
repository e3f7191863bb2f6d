import type { GroupId } from '@vsmcp/kernel'
import type { Configuration } from '../raft/configuration.ts'
import type { Charter } from './charter.ts'
import type { ResourceClaim, Schedule } from './coordination.ts'
import type {
  AlertRecord,
  CharterMark,
  ChildGroup,
  DepartedGroup,
  GroupPlace,
  Invitation,
  Link,
  Member,
  NameGrant,
  PendingChange,
  ProposalRecord,
  SessionKeyRecord,
  UnitClaim,
} from './docket.ts'
import type { JsonObject } from '../json/json.ts'
import type { ApplyResult } from './apply-result.ts'
import type { GroupEffect } from './group-effect.ts'
import type { Table } from './table.ts'

/** A group's charter and docket as of one log index: the replicated state machine. Never changed, only replaced. */
export interface GroupState {
  readonly charter: Charter
  /** Follows the configuration entries of the log; equal to the Raft node's own at the same index. */
  readonly configuration: Configuration
  /** By PeerId. */
  readonly members: Table<Member>
  /** By id. */
  readonly invitations: Table<Invitation>
  readonly units: Table<UnitClaim>
  /** By bare name. */
  readonly names: Table<NameGrant>
  /** Bare names of each unit, sorted: the inverse of `names`. */
  readonly namesOfUnit: Table<readonly string[]>
  /** By id; those that are over as well, for a while. */
  readonly alerts: Table<AlertRecord>
  /** In order of index. */
  readonly links: readonly Link[]
  /** Committed changes of voters whose links are not in the docket yet, in order. */
  readonly pendingChanges: readonly PendingChange[]
  /** The newest change of the charter by an entry; `undefined` while it is the group's first. */
  readonly charterMark: CharterMark | undefined
  readonly sessionKey: SessionKeyRecord | undefined
  /** By peer and unit, see `claimKey`. */
  readonly claims: Table<ResourceClaim>
  /** By name. */
  readonly schedules: Table<Schedule>
  /** By id; those that are over as well, for a while. */
  readonly proposals: Table<ProposalRecord>
  /** Groups below this one, by id. */
  readonly groups: Table<ChildGroup>
  /** Ids of removed ones, the newest last; the oldest are forgotten. */
  readonly removedGroups: readonly GroupId[]
  /** Those that were moved away, likewise. */
  readonly departedGroups: readonly DepartedGroup[]
  /** Where the group stands since it was moved; `undefined` where it was founded. */
  readonly place: GroupPlace | undefined
  /** Bytes of all records together, the measure of `STATE_BYTES_MAX`. */
  readonly bytes: number
  /** Top-level fields of a newer version. */
  readonly unknown: JsonObject
}

export interface Applied {
  readonly state: GroupState
  readonly result: ApplyResult
  readonly effects: readonly GroupEffect[]
}

/** The first member of a new group. */
export interface Founder {
  readonly peer: string
  readonly name: string
  readonly role: 'member' | 'edge'
  readonly zone: string
  readonly addresses: readonly string[]
  readonly joinedAtMs: number
}
