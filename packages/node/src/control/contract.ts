import type { MeshId, PeerIdString } from '@vsmcp/kernel'
import type { DegradationView } from '../degradation/contract.ts'
import type { MemberRole } from '../members/contract.ts'
import type { GroupView, RecursionView } from '../seats/contract.ts'
import type { WorkView } from '../system1/contract.ts'
import type { ProposalCounts } from '../system5/governing/contract.ts'

export type Health = 'ok' | 'degraded' | 'failing'
export type Profile = 'mesh' | 'edge'

export interface NodeStatus {
  version: string
  node: {
    peerId: PeerIdString
    name: string
    role: MemberRole
    profile: Profile
    pid: number
    startedAt: string
    dataDir: string
  }
  mesh: { id: MeshId; name: string }
  group: { id: string; path: string }
  /** The groups this node takes part in, its home group among them. */
  groups: GroupView[]
  /** What is above and below its home group, as it has heard. */
  recursion: RecursionView
  listen: string[]
  /** Address of the MCP endpoint, e.g. `http://127.0.0.1:4951/mcp`. */
  mcp: string
  /** The group's System 5; `leader` is null while there is none. */
  system5: {
    leader: PeerIdString | null
    leaderName: string | null
    /** When the term began, by the clock of who leads; null until it has said so. */
    since: string | null
    /** Raised by a recovery only; see `vsmcp recover`. */
    epoch: number
    term: number
    /** Index of the last entry applied here. */
    appliedIndex: number
    voters: PeerIdString[]
    quorum: number
    /** How many voters may fail before decisions stop. */
    failuresTolerated: number
    /** This node's part: leader, follower, learner … */
    role: string
  }
  members: { known: number; alive: number }
  units: { local: number; group: number; ready: number }
  tools: number
  /** Pain that its node did not remedy in time; of these how many somebody sees to, are critical, and are not remedied within the group's term. */
  alerts: { open: number; acknowledged: number; critical: number; overdue: number }
  /** What is proposed to System 5, of the group and of this node. */
  proposals: ProposalCounts
  /** This node as a unit of its group, and the group as a unit. */
  work: { node: WorkView; group: WorkView }
  /** What this node still does, and why not all. */
  degradation: DegradationView
  health: Health
  /** Why the health is not `ok`, each as a sentence. */
  problems: string[]
  process: { rssBytes: number; uptimeS: number; eventLoopLagMs: number }
}

export interface WaitConditions {
  /** At least so many members alive, this node included. */
  members?: number
  leader?: boolean
  /** A tool of this exposed or qualified name is listed and its unit ready. */
  tool?: string
  timeoutMs: number
}

export interface WaitResult {
  waitedMs: number
}

export interface DoctorReport {
  checks: { name: string; state: 'ok' | 'warn' | 'fail'; found: string; advice?: string }[]
}
