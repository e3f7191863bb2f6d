import type {
  AlertEvent,
  AlertMarkRequest,
  AlertRaised,
  AlertRequest,
  AlertsRequest,
  AlertView,
  ApplyRequest,
  ApplyResult,
  AttachRequest,
  AttachResult,
  ChainAnchored,
  CharterChanged,
  CharterFile,
  CharterView,
  DecideRequest,
  DoctorReport,
  EvictionDraft,
  FindingView,
  FeedRequest,
  FeedView,
  ForecastRequest,
  ForecastView,
  FutureView,
  GroupCreateRequest,
  GroupMoved,
  GroupMoveDraft,
  GroupMoveRequest,
  GroupRenameRequest,
  GroupView,
  InvitationCreated,
  InvitationRequest,
  InvitationView,
  KeysView,
  LogLine,
  LogsRequest,
  MemberView,
  NodeControl,
  NodeStatus,
  PartView,
  ProposalsRequest,
  ProposalView,
  ResourceView,
  ScheduleAdded,
  ScheduleRequest,
  ScheduleView,
  SeatRequest,
  SelfView,
  SignedChange,
  SignedEviction,
  SignedMove,
  ToolCallAnswer,
  ToolCallRequest,
  ToolView,
  UnitView,
  WaitConditions,
  WaitResult,
  WhatIfRequest,
} from '@vsmcp/node'
import { ANSWER_TIMEOUT_MS, DEADLINE_MARGIN_MS, SIMULATION_TIMEOUT_MS, STOP_TIMEOUT_MS } from './constants.ts'
import { BadAnswerError } from './errors.ts'
import { exchange, type ExchangeOptions, exchangeLines, type Target } from './exchange.ts'
import type { ApiClientInit } from './index.ts'
import { findControlSocket } from './socket-path.ts'

/** `NodeControl` over the control socket: each method is its endpoint, typed by the interface both ends share. */
export class ControlClient implements NodeControl {
  readonly #target: Target
  readonly #answerTimeoutMs: number

  constructor(init: ApiClientInit) {
    this.#target = { socketPath: findControlSocket(init.dataDir, init.env), dataDir: init.dataDir }
    this.#answerTimeoutMs = init.answerTimeoutMs ?? ANSWER_TIMEOUT_MS
  }

  status(): Promise<NodeStatus> {
    return this.#ask('status')
  }

  tree(): Promise<PartView[]> {
    return this.#ask('tree')
  }

  members(request: { group?: string } = {}): Promise<MemberView[]> {
    return this.#ask('members', { input: request })
  }

  groups(): Promise<GroupView[]> {
    return this.#ask('groups')
  }

  group(path: string): Promise<GroupView> {
    return this.#ask('group', { input: { path } })
  }

  createGroup(request: GroupCreateRequest): Promise<GroupView> {
    return this.#ask('createGroup', { input: request, timeoutMs: STOP_TIMEOUT_MS })
  }

  renameGroup(request: GroupRenameRequest): Promise<GroupView> {
    return this.#ask('renameGroup', { input: request })
  }

  async removeGroup(path: string): Promise<void> {
    await this.#ask('removeGroup', { input: { path }, timeoutMs: STOP_TIMEOUT_MS })
  }

  draftGroupMove(request: GroupMoveRequest & { token?: string }): Promise<GroupMoveDraft> {
    return this.#ask('draftGroupMove', { input: request, timeoutMs: STOP_TIMEOUT_MS })
  }

  moveGroup(request: GroupMoveRequest & { order?: SignedMove }): Promise<GroupMoved> {
    return this.#ask('moveGroup', { input: request, timeoutMs: STOP_TIMEOUT_MS })
  }

  takeSeat(request: SeatRequest): Promise<GroupView> {
    return this.#ask('takeSeat', { input: request, timeoutMs: STOP_TIMEOUT_MS })
  }

  wait(conditions: WaitConditions, signal?: AbortSignal): Promise<WaitResult> {
    const timeoutMs = conditions.timeoutMs + DEADLINE_MARGIN_MS
    return this.#ask('wait', { input: conditions, timeoutMs, ...(signal === undefined ? {} : { signal }) })
  }

  createInvitation(request: InvitationRequest): Promise<InvitationCreated> {
    return this.#ask('createInvitation', { input: request })
  }

  invitations(): Promise<InvitationView[]> {
    return this.#ask('invitations')
  }

  async revokeInvitation(id: string): Promise<void> {
    await this.#ask('revokeInvitation', { input: { id } })
  }

  charter(request: { group?: string } = {}): Promise<CharterView> {
    return this.#ask('charter', { input: request })
  }

  exportCharter(request: { group?: string } = {}): Promise<CharterFile> {
    return this.#ask('exportCharter', { input: request })
  }

  changeCharter(change: SignedChange & { group?: string }): Promise<CharterChanged> {
    return this.#ask('changeCharter', { input: change })
  }

  anchorChain(request: { anchor: string; group?: string }): Promise<ChainAnchored> {
    return this.#ask('anchorChain', { input: request })
  }

  draftEviction(member: string, request: { group?: string } = {}): Promise<EvictionDraft> {
    return this.#ask('draftEviction', { input: { member, ...request } })
  }

  async evict(order: SignedEviction & { group?: string }): Promise<void> {
    // The voters are changed first, perhaps after leadership is handed over.
    await this.#ask('evict', { input: order, timeoutMs: STOP_TIMEOUT_MS })
  }

  keys(): Promise<KeysView> {
    return this.#ask('keys')
  }

  rotateSessionKey(): Promise<{ id: string }> {
    return this.#ask('rotateSessionKey')
  }

  backup(): Promise<{ text: string }> {
    return this.#ask('backup')
  }

  async leave(): Promise<void> {
    await this.#ask('leave', { timeoutMs: STOP_TIMEOUT_MS })
  }

  async shutdown(): Promise<void> {
    await this.#ask('shutdown', { timeoutMs: STOP_TIMEOUT_MS })
  }

  attach(request: AttachRequest): Promise<AttachResult> {
    return this.#ask('attach', { input: request, timeoutMs: request.startTimeoutMs + DEADLINE_MARGIN_MS })
  }

  async detach(name: string): Promise<void> {
    await this.#ask('detach', { input: { name } })
  }

  apply(request: ApplyRequest): Promise<ApplyResult> {
    // Units may be started one after the other.
    const startMs = request.units.reduce((sum, unit) => sum + unit.startTimeoutMs, 0)
    return this.#ask('apply', { input: request, timeoutMs: startMs + this.#answerTimeoutMs })
  }

  units(request: { group?: string } = {}): Promise<UnitView[]> {
    return this.#ask('units', { input: request })
  }

  findings(): Promise<FindingView[]> {
    return this.#ask('findings')
  }

  claims(): Promise<ResourceView[]> {
    return this.#ask('claims')
  }

  schedules(): Promise<ScheduleView[]> {
    return this.#ask('schedules')
  }

  addSchedule(request: ScheduleRequest): Promise<ScheduleAdded> {
    return this.#ask('addSchedule', { input: request })
  }

  async removeSchedule(name: string): Promise<void> {
    await this.#ask('removeSchedule', { input: { name } })
  }

  tools(request: { group?: string } = {}): Promise<ToolView[]> {
    return this.#ask('tools', { input: request })
  }

  async call(request: ToolCallRequest): Promise<ToolCallAnswer> {
    const { signal, onProgress, ...input } = request
    const timeoutMs = input.timeoutMs + DEADLINE_MARGIN_MS
    const options = { input, timeoutMs, ...(signal === undefined ? {} : { signal }) }
    if (onProgress === undefined) return this.#ask('call', options)
    for await (const line of exchangeLines(this.#target, 'call', options)) {
      const frame = line as { progress?: Parameters<typeof onProgress>[0]; answer?: ToolCallAnswer }
      if (frame.progress !== undefined) onProgress(frame.progress)
      if (frame.answer !== undefined) return frame.answer
    }
    throw new BadAnswerError('the node ended the call without an answer')
  }

  alerts(request: AlertsRequest): Promise<AlertView[]> {
    return this.#ask('alerts', { input: request })
  }

  async *watchAlerts({ signal }: { signal?: AbortSignal }): AsyncIterable<AlertEvent> {
    const options = signal === undefined ? {} : { signal }
    yield* exchangeLines(this.#target, 'watchAlerts', options) as AsyncIterable<AlertEvent>
  }

  raiseAlert(request: AlertRequest): Promise<AlertRaised> {
    return this.#ask('raiseAlert', { input: request })
  }

  async acknowledgeAlert(request: AlertMarkRequest): Promise<void> {
    await this.#ask('acknowledgeAlert', { input: request })
  }

  async resolveAlert(request: AlertMarkRequest): Promise<void> {
    await this.#ask('resolveAlert', { input: request })
  }

  proposals(request: ProposalsRequest): Promise<ProposalView[]> {
    return this.#ask('proposals', { input: request })
  }

  decideProposal(request: DecideRequest): Promise<ProposalView> {
    return this.#ask('decideProposal', { input: request })
  }

  forecast(request: ForecastRequest): Promise<ForecastView> {
    return this.#ask('forecast', { input: request })
  }

  feeds(): Promise<FeedView[]> {
    return this.#ask('feeds')
  }

  addFeed(request: FeedRequest): Promise<FeedView> {
    return this.#ask('addFeed', { input: request })
  }

  async removeFeed(name: string): Promise<void> {
    await this.#ask('removeFeed', { input: { name } })
  }

  whatIf(request: WhatIfRequest, signal?: AbortSignal): Promise<FutureView> {
    const options = { input: request, timeoutMs: SIMULATION_TIMEOUT_MS, ...(signal === undefined ? {} : { signal }) }
    return this.#ask('whatIf', options)
  }

  self(): Promise<SelfView> {
    return this.#ask('self')
  }

  async *logs(request: LogsRequest): AsyncIterable<LogLine> {
    const { signal, ...input } = request
    const options = { input, ...(signal === undefined ? {} : { signal }) }
    yield* exchangeLines(this.#target, 'logs', options) as AsyncIterable<LogLine>
  }

  doctor(): Promise<DoctorReport> {
    // Reaching for the addresses of members that are down takes its time.
    return this.#ask('doctor', { timeoutMs: 2 * this.#answerTimeoutMs })
  }

  async #ask<T>(name: keyof NodeControl, options: ExchangeOptions = {}): Promise<T> {
    return (await exchange(this.#target, name, { timeoutMs: this.#answerTimeoutMs, ...options })) as T
  }
}
