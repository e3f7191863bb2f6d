import type { UnitName } from '@vsmcp/kernel'
import type { AlertEvent, AlertMarkRequest, AlertRaised, AlertRequest, AlertView, AlertsRequest } from './algedonic/contract.ts'
import type {
  ChainAnchored,
  CharterChanged,
  CharterFile,
  CharterView,
  EvictionDraft,
  SignedChange,
  SignedEviction,
} from './charter/contract.ts'
import type { DoctorReport, NodeStatus, WaitConditions, WaitResult } from './control/contract.ts'
import type { KeysView } from './keys/contract.ts'
import type { LogLine, LogsRequest } from './log/contract.ts'
import type { MemberView } from './members/contract.ts'
import type { ToolCallAnswer, ToolCallRequest, ToolView } from './route/contract.ts'
import type {
  GroupCreateRequest,
  GroupMoveDraft,
  GroupMoveRequest,
  GroupMoved,
  GroupRenameRequest,
  GroupView,
  SeatRequest,
  SignedMove,
} from './seats/contract.ts'
import type { SelfView } from './self/contract.ts'
import type { ApplyRequest, ApplyResult, AttachRequest, AttachResult, UnitView } from './system1/contract.ts'
import type { ResourceView, ScheduleAdded, ScheduleRequest, ScheduleView } from './system2/contract.ts'
import type { FindingView } from './system3/contract.ts'
import type { FeedRequest, FeedView, ForecastRequest, ForecastView, FutureView, WhatIfRequest } from './system4/contract.ts'
import type { InvitationCreated, InvitationRequest, InvitationView } from './system5/contract.ts'
import type { DecideRequest, ProposalView, ProposalsRequest } from './system5/governing/contract.ts'
import type { PartView } from './tree/contract.ts'

export type * from './algedonic/contract.ts'
export type * from './charter/contract.ts'
export type * from './control/contract.ts'
export type * from './degradation/contract.ts'
export type * from './keys/contract.ts'
export type * from './log/contract.ts'
export type * from './members/contract.ts'
export type * from './route/contract.ts'
export type * from './seats/contract.ts'
export type * from './self/contract.ts'
export type * from './system1/contract.ts'
export type * from './system2/contract.ts'
export type * from './system3/contract.ts'
export type * from './system4/contract.ts'
export type * from './system5/contract.ts'
export type * from './system5/governing/contract.ts'
export type * from './tree/contract.ts'

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
  exportCharter(request?: { group?: string }): Promise<CharterFile>
  /** Carries what an operator signed to System 5. */
  changeCharter(change: SignedChange & { group?: string }): Promise<CharterChanged>
  /** Carries to System 5 what the mesh key signed to shorten the chain of voters (base64url). */
  anchorChain(request: { anchor: string; group?: string }): Promise<ChainAnchored>
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
  /** Units of the whole group, those of this node with their figures: of the home group, or of another that this node has a seat in. */
  units(request?: { group?: string }): Promise<UnitView[]>

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

  /** Of the home group, or of another that this node has a seat in. */
  tools(request?: { group?: string }): Promise<ToolView[]>
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
