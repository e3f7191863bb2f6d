import type { MeshId, PeerIdString, UnitName } from '@vsmcp/kernel'
import type { CharterChanged, CharterFile, CharterView, EvictionDraft, SignedChange, SignedEviction } from './charter/contract.ts'

import type { AlertEvent, AlertMarkRequest, AlertRaised, AlertRequest, AlertsRequest, AlertView } from './algedonic/contract.ts'
import type { KeysView } from './keys/contract.ts'
import type { ApplyRequest, ApplyResult, AttachRequest, AttachResult, UnitView, WorkView } from './system1/contract.ts'
import type { ResourceView, ScheduleAdded, ScheduleRequest, ScheduleView } from './system2/contract.ts'
import type { DegradationView } from './degradation/contract.ts'
import type {
  GroupCreateRequest,
  GroupMoved,
  GroupMoveDraft,
  GroupMoveRequest,
  GroupRenameRequest,
  GroupView,
  RecursionView,
  SeatRequest,
  SignedMove,
} from './seats/contract.ts'
import type { FindingView } from './system3/contract.ts'
import type { SelfView } from './self/contract.ts'
import type { DecideRequest, ProposalCounts, ProposalsRequest, ProposalView } from './system5/governing/contract.ts'
import type { PartView } from './tree/contract.ts'
import type { FeedRequest, FeedView, ForecastRequest, ForecastView, FutureView, WhatIfRequest } from './system4/contract.ts'

export type * from './algedonic/contract.ts'
export type * from './charter/contract.ts'
export type * from './degradation/contract.ts'
export type * from './keys/contract.ts'
export type * from './seats/contract.ts'
export type * from './system1/contract.ts'
export type * from './system2/contract.ts'
export type * from './system3/contract.ts'
export type * from './self/contract.ts'
export type * from './system5/governing/contract.ts'
export type * from './tree/contract.ts'
export type * from './system4/contract.ts'

/** What a running node can be asked and told: the one face behind `/v1` and so behind every command. */
export interface NodeControl {
  status(): Promise<NodeStatus>
  /** The supervisors and parts of this node, in the order they start. */
  tree(): Promise<PartView[]>
  /** Of the home group, or of another that this node has a seat in. */
  members(request?: { group?: string }): Promise<MemberView[]>
  /** The groups this node takes part in, and those below them. */
  groups(): Promise<GroupView[]>
  /** By path or id. */
  group(path: string): Promise<GroupView>
  /** Founds a group; this node is its first member, until others decide there. */
  createGroup(request: GroupCreateRequest): Promise<GroupView>
  renameGroup(request: GroupRenameRequest): Promise<GroupView>
  removeGroup(path: string): Promise<void>
  /** What an operator has to sign to move a group below another one; with a token this node first takes a seat in that one. */
  draftGroupMove(request: GroupMoveRequest & { token?: string }): Promise<GroupMoveDraft>
  /** Asked again it goes on where it was cut off. */
  moveGroup(request: GroupMoveRequest & { order?: SignedMove }): Promise<GroupMoved>
  /** Takes a seat in a further group, by an invitation to it. */
  takeSeat(request: SeatRequest): Promise<GroupView>
  /** Resolves when the conditions hold together; rejects with `TimeoutError` naming what is still missing. */
  wait(conditions: WaitConditions, signal?: AbortSignal): Promise<WaitResult>

  createInvitation(request: InvitationRequest): Promise<InvitationCreated>
  invitations(): Promise<InvitationView[]>
  revokeInvitation(id: string): Promise<void>
  /** What System 5 has decided, and how it is certified. */
  charter(request?: { group?: string }): Promise<CharterView>
  /** For a file that anybody can verify offline. */
  exportCharter(): Promise<CharterFile>
  /** Carries what an operator signed to System 5. */
  changeCharter(change: SignedChange): Promise<CharterChanged>
  /** What an operator has to sign to evict a member, by PeerId or name. */
  draftEviction(member: string, request?: { group?: string }): Promise<EvictionDraft>
  /** From the home group, or from another that this node has a seat in. */
  evict(order: SignedEviction & { group?: string }): Promise<void>
  keys(): Promise<KeysView>
  /** Has the group go on with another session key; resolves when it is decided. */
  rotateSessionKey(): Promise<{ id: string }>
  /** All that a node can be made anew from, as the text of a file; secrets of units are in it. */
  backup(): Promise<{ text: string }>
  /** Hands over, drops out of the group, says goodbye; the node stops afterwards by itself. */
  leave(): Promise<void>
  /** Stops the node in order, as SIGTERM does. Resolves before the process exits. */
  shutdown(): Promise<void>

  attach(request: AttachRequest): Promise<AttachResult>
  detach(name: UnitName): Promise<void>
  /** Brings the units of this node to what is declared. */
  apply(request: ApplyRequest): Promise<ApplyResult>
  /** Units of the whole group, those of this node with their figures. */
  units(): Promise<UnitView[]>

  /** Targets that units of the group miss, and what audits by this node found. */
  findings(): Promise<FindingView[]>
  /** Resources that units of the group claim: who has them, and who waits. */
  claims(): Promise<ResourceView[]>

  /** What Systems 3 and 4 ask of System 5, and what became of it; those that wait for a person first. */
  proposals(request: ProposalsRequest): Promise<ProposalView[]>
  /** A person decides; rejects with `ProposalUnknownError`, or `ProposalRefusedError` when it must not be accepted. */
  decideProposal(request: DecideRequest): Promise<ProposalView>

  /** Jobs that come again, with what became of them lately. */
  schedules(): Promise<ScheduleView[]>
  addSchedule(request: ScheduleRequest): Promise<ScheduleAdded>
  removeSchedule(name: string): Promise<void>

  tools(): Promise<ToolView[]>
  call(request: ToolCallRequest): Promise<ToolCallAnswer>

  /** Pain that is not remedied, the most severe first. */
  alerts(request: AlertsRequest): Promise<AlertView[]>
  /** What is open, then whatever becomes of alerts, until the signal aborts. */
  watchAlerts(request: { signal?: AbortSignal }): AsyncIterable<AlertEvent>
  /** A person feels something: straight to System 5. Kept here while there is none. */
  raiseAlert(request: AlertRequest): Promise<AlertRaised>
  /** Somebody sees to it. */
  acknowledgeAlert(request: AlertMarkRequest): Promise<void>
  /** It is remedied. */
  resolveAlert(request: AlertMarkRequest): Promise<void>

  /** What System 4 expects of units and group, and how well it did. */
  forecast(request: ForecastRequest): Promise<ForecastView>
  feeds(): Promise<FeedView[]>
  /** Reads it once; rejects with `FeedUnreadableError` when that gives no number. */
  addFeed(request: FeedRequest): Promise<FeedView>
  removeFeed(name: string): Promise<void>
  /** Simulates what becomes of latencies and refusals; rejects with `BusyError` when too many ask. */
  whatIf(request: WhatIfRequest, signal?: AbortSignal): Promise<FutureView>
  /** What the node knows of itself and of its group. */
  self(): Promise<SelfView>

  /** Past lines, then with `follow` new ones until the signal aborts. */
  logs(request: LogsRequest): AsyncIterable<LogLine>
  doctor(): Promise<DoctorReport>
}

export type Health = 'ok' | 'degraded' | 'failing'
export type MemberState = 'alive' | 'suspect' | 'failed' | 'left'
export type MemberRole = 'member' | 'edge'
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

export interface MemberView {
  peerId: PeerIdString
  /** Its credential is over, and no majority of the voters can be reached to renew it: it goes on all the same. */
  stale?: true
  /** Forgotten after an absence. */
  ephemeral?: true
  name: string
  role: MemberRole
  state: MemberState
  /** When this node saw the state begin. */
  since: string
  /** What this node knows of it, as a phrase: "silent for 3 s; asked through mill, quarry". Empty for this node. */
  why: string
  /** Whether a connection from here stands; a member can be alive by the word of others. */
  connected: boolean
  /** The connection leads through another member, because no direct way was found yet. */
  relayed: boolean
  self: boolean
  voter: boolean
  leader: boolean
  addresses: string[]
  units: UnitName[]
  /** Round trip of the last ping over the open connection; null when there is none. */
  rttMs: number | null
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

export interface ToolView {
  /** The name in `tools/list`. */
  name: string
  /** `unit__tool`: works always. */
  qualifiedName: string
  unit: UnitName
  node: PeerIdString
  nodeName: string
  title?: string
  description?: string
  readOnly: boolean
}

export interface ToolCallRequest {
  tool: string
  args: Record<string, unknown>
  timeoutMs: number
  signal?: AbortSignal
  onProgress?: (progress: { progress: number; total?: number; message?: string }) => void
}

export interface ToolCallAnswer {
  /** The server's `CallToolResult`, as it came. */
  result: Record<string, unknown>
  isError: boolean
  /** Why the unit did not answer, when what it declared for that stands in for its answer. */
  synthetic?: string
  unit: UnitName
  node: PeerIdString
  nodeName: string
  latencyMs: number
}

export interface LogsRequest {
  unit?: UnitName
  /** Only lines from then on, milliseconds since the epoch. */
  sinceMs?: number
  follow: boolean
  signal?: AbortSignal
}

export interface LogLine {
  time: string
  level: 'debug' | 'info' | 'warn' | 'error'
  msg: string
  unit?: UnitName
  fields?: Record<string, unknown>
}

export interface DoctorReport {
  checks: { name: string; state: 'ok' | 'warn' | 'fail'; found: string; advice?: string }[]
}
