import type { RaftStatus } from '@vsmcp/consensus'
import type { PeerIdString } from '@vsmcp/kernel'
import type { AppliedEntry, InstalledState } from './applied-group.ts'

/** What happens in a group's log, to whoever listens. */
export interface GroupLogEvents extends Record<string, unknown> {
  /** An entry changed the group's state here. */
  'entry:applied': AppliedEntry
  /** The whole state was replaced by a snapshot. */
  'state:installed': InstalledState
  /** Role, leader or term changed. */
  'leader:changed': { leader: PeerIdString | undefined; term: number; role: RaftStatus['role'] }
  /** The disk refuses: this node takes no part in decisions until it accepts again. */
  'storage:failed': { error: unknown }
  'storage:recovered': Record<string, never>
  /** A peer takes part in another epoch than this node. */
  'epoch:differs': { peer: PeerIdString }
}
