import { type Clock, toErrorShape, type UnitName } from '@vsmcp/kernel'
import type { AlertDesk } from '../algedonic/alert-desk.ts'
import type { Catalog } from '../catalog/catalog.ts'
import type { KeysDesk } from '../keys/keys-view.ts'
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
} from '../control.ts'
import { UnitUnknownError } from '../errors.ts'
import type { Members } from '../members/members.ts'
import type { NodeLog } from '../log/node-log.ts'
import type { Router } from '../route/router.ts'
import type { GroupDesk } from '../seats/group-desk.ts'
import type { Self } from '../self/self-view.ts'
import type { LocalUnits } from '../system1/local-units.ts'
import type { ProposalDesk } from '../system5/governing/proposal-desk.ts'
import type { Feeds } from '../system4/feeds.ts'
import type { ForecastDesk } from '../system4/forecast-desk.ts'
import type { Futures } from '../system4/futures.ts'
import type { Admission } from '../system5/admission.ts'
import type { ScheduleDesk } from '../system2/schedule-desk.ts'
import { waitFor } from './conditions.ts'
import { type DoctorFacts, examine } from './doctor.ts'
import type { StatusView } from './status-view.ts'
import { callTool } from './tool-call.ts'
import type { UnitsView } from './units-view.ts'

export interface NodeControlComponents {
  statusView: StatusView
  unitsView: UnitsView
  units: LocalUnits
  catalog: Catalog
  members: Pick<Members, 'want'>
  router: Router
  admission: Admission
  groups: GroupDesk
  alerts: AlertDesk
  keys: KeysDesk
  forecasts: ForecastDesk
  futures: Futures
  feeds: Feeds
  self: Self
  backup: () => Promise<string>
  claims: () => ResourceView[]
  schedules: ScheduleDesk
  proposals: ProposalDesk
  findings: () => FindingView[]
  tree: () => PartView[]
  log: NodeLog
  clock: Clock
  facts: () => Pick<DoctorFacts, 'versions' | 'clockAheadMs'>
  onChange: (listener: () => void) => () => void
  leave: () => Promise<void>
  shutdown: () => Promise<void>
}

/** The one face behind `/v1`: each question goes to the part of the node that knows. */
export class RunningNodeControl implements NodeControl {
  readonly #c: NodeControlComponents

  constructor(components: NodeControlComponents) {
    this.#c = components
  }

  async status(): Promise<NodeStatus> {
    const { statusView, groups } = this.#c
    const { group, health, problems, ...status } = statusView.status()
    const all = [...problems, ...groups.problems()]
    return {
      ...status,
      group: { ...group, path: groups.pathOf(groups.membership()) },
      groups: groups.views().filter(({ part }) => part !== 'none'),
      recursion: groups.recursion(),
      health: health === 'ok' && all.length > 0 ? 'degraded' : health,
      problems: all,
    }
  }

  async tree(): Promise<PartView[]> {
    return this.#c.tree()
  }

  async members({ group }: { group?: string } = {}): Promise<MemberView[]> {
    return group === undefined ? this.#c.statusView.members() : this.#c.groups.members(group)
  }

  async groups(): Promise<GroupView[]> {
    return this.#c.groups.views()
  }

  async group(path: string): Promise<GroupView> {
    return this.#c.groups.view(path)
  }

  createGroup(request: GroupCreateRequest): Promise<GroupView> {
    return this.#c.groups.create(request)
  }

  renameGroup(request: GroupRenameRequest): Promise<GroupView> {
    return this.#c.groups.rename(request)
  }

  removeGroup(path: string): Promise<void> {
    return this.#c.groups.remove(path)
  }

  draftGroupMove(request: GroupMoveRequest & { token?: string }): Promise<GroupMoveDraft> {
    return this.#c.groups.moving.draft(request)
  }

  moveGroup(request: GroupMoveRequest & { order?: SignedMove }): Promise<GroupMoved> {
    return this.#c.groups.move(request)
  }

  async takeSeat({ token }: SeatRequest): Promise<GroupView> {
    return this.#c.groups.view(await this.#c.groups.take(token))
  }

  wait(conditions: WaitConditions, signal?: AbortSignal): Promise<WaitResult> {
    const { clock, onChange } = this.#c
    return waitFor({ clock, onChange, missing: (wanted) => this.#missing(wanted) }, conditions, signal)
  }

  createInvitation(request: InvitationRequest): Promise<InvitationCreated> {
    return this.#c.groups.invite(request)
  }

  invitations(): Promise<InvitationView[]> {
    return this.#c.admission.list()
  }

  revokeInvitation(id: string): Promise<void> {
    return this.#c.admission.revoke(id)
  }

  async charter({ group }: { group?: string } = {}): Promise<CharterView> {
    return this.#c.groups.charter(group).show()
  }

  async exportCharter({ group }: { group?: string } = {}): Promise<CharterFile> {
    return this.#c.groups.charter(group).export()
  }

  async changeCharter({ group, ...change }: SignedChange & { group?: string }): Promise<CharterChanged> {
    return this.#c.groups.charter(group).change(change)
  }

  async anchorChain({ anchor, group }: { anchor: string; group?: string }): Promise<ChainAnchored> {
    return this.#c.groups.charter(group).anchor(anchor)
  }

  async draftEviction(member: string, { group }: { group?: string } = {}): Promise<EvictionDraft> {
    return this.#c.groups.charter(group).draftEviction(member)
  }

  async evict({ group, ...order }: SignedEviction & { group?: string }): Promise<void> {
    return this.#c.groups.charter(group).evict(order)
  }

  keys(): Promise<KeysView> {
    return this.#c.keys.show()
  }

  async rotateSessionKey(): Promise<{ id: string }> {
    return { id: await this.#c.keys.rotate() }
  }

  async backup(): Promise<{ text: string }> {
    return { text: await this.#c.backup() }
  }

  leave(): Promise<void> {
    return this.#c.leave()
  }

  shutdown(): Promise<void> {
    return this.#c.shutdown()
  }

  async attach(request: AttachRequest): Promise<AttachResult> {
    const outcome = await this.#c.units.attach(request)
    return { outcome, unit: this.#c.unitsView.local(request.name) }
  }

  async detach(name: UnitName): Promise<void> {
    const { units, catalog, statusView } = this.#c
    const elsewhere = catalog.units.find(({ unit }) => unit === name)
    if (units.get(name) === undefined && elsewhere !== undefined) {
      const node = statusView.nameOf(elsewhere.node)
      throw new UnitUnknownError(`unit ${name} is attached to the node ${node}, not to this one`, {
        hint: `Run \`vsmcp detach ${name}\` on ${node}.`,
        details: { node: elsewhere.node, nodeName: node },
      })
    }
    await units.detach(name)
  }

  async apply({ units: declared, prune }: ApplyRequest): Promise<ApplyResult> {
    const { units } = this.#c
    const changes: ApplyResult['changes'] = []
    for (const request of declared) {
      try {
        changes.push({ name: request.name, outcome: await units.attach({ ...request, replace: true }) })
      } catch (error) {
        changes.push({ name: request.name, outcome: 'failed', error: toErrorShape(error) })
      }
    }
    const names = new Set(declared.map(({ name }) => name))
    for (const { name } of prune ? units.list() : []) {
      if (names.has(name)) continue
      try {
        await units.detach(name)
        changes.push({ name, outcome: 'detached' })
      } catch (error) {
        changes.push({ name, outcome: 'failed', error: toErrorShape(error) })
      }
    }
    return { changes }
  }

  async units({ group }: { group?: string } = {}): Promise<UnitView[]> {
    return this.#c.groups.membership(group).units()
  }

  async findings(): Promise<FindingView[]> {
    return this.#c.findings()
  }

  async claims(): Promise<ResourceView[]> {
    return this.#c.claims()
  }

  async proposals(request: ProposalsRequest): Promise<ProposalView[]> {
    return this.#c.proposals.list(request)
  }

  decideProposal(request: DecideRequest): Promise<ProposalView> {
    return this.#c.proposals.decide(request)
  }

  schedules(): Promise<ScheduleView[]> {
    return this.#c.schedules.list()
  }

  addSchedule(request: ScheduleRequest): Promise<ScheduleAdded> {
    return this.#c.schedules.add(request)
  }

  removeSchedule(name: string): Promise<void> {
    return this.#c.schedules.remove(name)
  }

  async tools({ group }: { group?: string } = {}): Promise<ToolView[]> {
    return this.#c.groups.membership(group).tools()
  }

  call(request: ToolCallRequest): Promise<ToolCallAnswer> {
    const { catalog, router, clock, statusView } = this.#c
    return callTool({ catalog, router, clock, nameOf: (peer) => statusView.nameOf(peer) }, request)
  }

  async alerts(request: AlertsRequest): Promise<AlertView[]> {
    return this.#c.alerts.list(request)
  }

  watchAlerts(request: { signal?: AbortSignal }): AsyncIterable<AlertEvent> {
    return this.#c.alerts.watch(request)
  }

  raiseAlert(request: AlertRequest): Promise<AlertRaised> {
    return this.#c.alerts.raise(request, 'person')
  }

  acknowledgeAlert(request: AlertMarkRequest): Promise<void> {
    return this.#c.alerts.acknowledge(request)
  }

  resolveAlert(request: AlertMarkRequest): Promise<void> {
    return this.#c.alerts.resolve(request)
  }

  forecast(request: ForecastRequest): Promise<ForecastView> {
    return this.#c.forecasts.forecast(request)
  }

  async feeds(): Promise<FeedView[]> {
    return this.#c.feeds.list()
  }

  addFeed(request: FeedRequest): Promise<FeedView> {
    return this.#c.feeds.add(request)
  }

  removeFeed(name: string): Promise<void> {
    return this.#c.feeds.remove(name)
  }

  whatIf(request: WhatIfRequest, signal?: AbortSignal): Promise<FutureView> {
    return this.#c.futures.whatIf(request, signal)
  }

  self(): Promise<SelfView> {
    return this.#c.self.view()
  }

  logs(request: LogsRequest): AsyncIterable<LogLine> {
    return this.#c.log.read(request)
  }

  async doctor(): Promise<DoctorReport> {
    const { statusView, facts } = this.#c
    return examine({ status: await this.status(), members: statusView.members(), ...facts() })
  }

  #missing({ members, leader, tool }: WaitConditions): string[] {
    const { statusView, catalog, unitsView, members: view } = this.#c
    const missing: string[] = []
    const alive = members === undefined ? 0 : statusView.aliveCount()
    if (members !== undefined && alive < members) missing.push(`${members} members alive (there are ${alive})`)
    if (leader === true && !statusView.hasLeader()) missing.push('a System 5')
    if (tool !== undefined) {
      const entry = catalog.tools.find(({ exposedName, qualifiedName }) => exposedName === tool || qualifiedName === tool)
      if (entry === undefined) missing.push(`the tool ${tool} in the list`)
      else if (!unitsView.isReady(entry)) {
        view.want(entry.node)
        missing.push(`its unit ${entry.unit} ready`)
      }
    }
    return missing
  }
}
