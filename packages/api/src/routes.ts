import type { AlertEvent, LogLine, NodeControl, ToolCallRequest } from '@vsmcp/node'
import { z } from 'zod'
import { type Endpoint, type EndpointName, ENDPOINTS } from './endpoints.ts'
import * as alertSchema from './alert-schemas.ts'
import * as proposalSchema from './proposal-schemas.ts'
import * as coordinationSchema from './coordination-schemas.ts'
import * as groupSchema from './group-schemas.ts'
import * as schema from './schemas.ts'
import * as selfSchema from './self-schemas.ts'

/** What a route may use besides its input. */
interface RouteContext {
  /** Aborts when the client goes away before it has its answer. */
  signal: AbortSignal
  /** Sends a progress line, where the client listens for them. */
  progress: NonNullable<ToolCallRequest['onProgress']>
}

/** One endpoint with its schemas, its errors and what it does: the one table behind server, client and OpenAPI. */
export interface Route<I extends z.ZodType = z.ZodType, O extends z.ZodType = z.ZodType> extends Endpoint {
  input: I
  /** Of the answer; of each line for an `ndjson` endpoint. */
  output: O
  /** Of the progress lines of a `progress` endpoint. */
  progress?: z.ZodType
  /** Codes that callers may meet and tell apart; any endpoint may also give those of `COMMON_ERRORS`. */
  errors: readonly string[]
  run(control: NodeControl, input: z.output<I>, context: RouteContext): Promise<z.input<O>> | AsyncIterable<z.input<O>>
}

/** A route whose own types are not of interest. */
export type AnyRoute = Endpoint & {
  input: z.ZodType
  output: z.ZodType
  progress?: z.ZodType
  errors: readonly string[]
  run(control: NodeControl, input: never, context: RouteContext): Promise<unknown> | AsyncIterable<unknown>
}

/** Any endpoint may give these. */
export const COMMON_ERRORS: readonly string[] = [
  'VSMCP_API_BAD_REQUEST',
  'VSMCP_API_TOO_LARGE',
  'VSMCP_INTERNAL',
  'VSMCP_INVALID_ARGUMENT',
  'VSMCP_STOPPED',
]

const ALERT_MARK_ERRORS = ['VSMCP_NODE_ALERT_UNKNOWN', 'VSMCP_NODE_REFUSED', 'VSMCP_NODE_NO_SYSTEM5'] as const

const route = <I extends z.ZodType, O extends z.ZodType>(definition: Route<I, O>): Route<I, O> => definition

const finished = async (work: Promise<void>): Promise<{ done: true }> => {
  await work
  return { done: true }
}

export const ROUTES = {
  status: route({
    ...ENDPOINTS.status,
    input: schema.nothing,
    output: schema.nodeStatus,
    errors: [],
    run: (control) => control.status(),
  }),
  tree: route({
    ...ENDPOINTS.tree,
    input: schema.nothing,
    output: z.array(selfSchema.partView),
    errors: [],
    run: (control) => control.tree(),
  }),
  members: route({
    ...ENDPOINTS.members,
    input: groupSchema.ofGroup,
    output: z.array(schema.memberView),
    errors: ['VSMCP_NODE_GROUP_UNKNOWN'],
    run: (control, input) => control.members(input),
  }),
  groups: route({
    ...ENDPOINTS.groups,
    input: schema.nothing,
    output: z.array(groupSchema.groupView),
    errors: [],
    run: (control) => control.groups(),
  }),
  group: route({
    ...ENDPOINTS.group,
    input: groupSchema.groupPath,
    output: groupSchema.groupView,
    errors: ['VSMCP_NODE_GROUP_UNKNOWN'],
    run: (control, { path }) => control.group(path),
  }),
  createGroup: route({
    ...ENDPOINTS.createGroup,
    input: groupSchema.groupCreateRequest,
    output: groupSchema.groupView,
    errors: ['VSMCP_NODE_GROUP_UNKNOWN', 'VSMCP_NODE_REFUSED', 'VSMCP_NODE_NO_SYSTEM5', 'VSMCP_SECURITY_GROUP_GRANT_SIGNATURES'],
    run: (control, input) => control.createGroup(input),
  }),
  renameGroup: route({
    ...ENDPOINTS.renameGroup,
    input: groupSchema.groupRenameRequest,
    output: groupSchema.groupView,
    errors: ['VSMCP_NODE_GROUP_UNKNOWN', 'VSMCP_NODE_REFUSED', 'VSMCP_NODE_NO_SYSTEM5'],
    run: (control, input) => control.renameGroup(input),
  }),
  removeGroup: route({
    ...ENDPOINTS.removeGroup,
    input: groupSchema.groupPath,
    output: schema.done,
    errors: ['VSMCP_NODE_GROUP_UNKNOWN', 'VSMCP_NODE_REFUSED', 'VSMCP_NODE_NO_SYSTEM5'],
    run: (control, { path }) => finished(control.removeGroup(path)),
  }),
  draftGroupMove: route({
    ...ENDPOINTS.draftGroupMove,
    input: groupSchema.groupMoveRequest,
    output: groupSchema.groupMoveDraft,
    errors: ['VSMCP_NODE_GROUP_UNKNOWN', 'VSMCP_NODE_GROUP_PLACE_REFUSED', 'VSMCP_NODE_NO_SYSTEM5'],
    run: (control, input) => control.draftGroupMove(input),
  }),
  moveGroup: route({
    ...ENDPOINTS.moveGroup,
    input: groupSchema.groupMove,
    output: groupSchema.groupMoved,
    errors: ['VSMCP_NODE_GROUP_UNKNOWN', 'VSMCP_NODE_GROUP_PLACE_REFUSED', 'VSMCP_NODE_REFUSED', 'VSMCP_NODE_NO_SYSTEM5'],
    run: (control, input) => control.moveGroup(input),
  }),
  takeSeat: route({
    ...ENDPOINTS.takeSeat,
    input: groupSchema.seatRequest,
    output: groupSchema.groupView,
    errors: ['VSMCP_NODE_REFUSED'],
    run: (control, input) => control.takeSeat(input),
  }),
  wait: route({
    ...ENDPOINTS.wait,
    input: schema.waitConditions,
    output: schema.waitResult,
    errors: ['VSMCP_TIMEOUT'],
    run: (control, input, { signal }) => control.wait(input, signal),
  }),
  createInvitation: route({
    ...ENDPOINTS.createInvitation,
    input: schema.invitationRequest,
    output: schema.invitationCreated,
    errors: ['VSMCP_TIMEOUT', 'VSMCP_OUTCOME_UNKNOWN', 'VSMCP_NODE_GROUP_UNKNOWN'],
    run: (control, input) => control.createInvitation(input),
  }),
  invitations: route({
    ...ENDPOINTS.invitations,
    input: schema.nothing,
    output: z.array(schema.invitationView),
    errors: [],
    run: (control) => control.invitations(),
  }),
  revokeInvitation: route({
    ...ENDPOINTS.revokeInvitation,
    input: schema.invitationId,
    output: schema.done,
    errors: ['VSMCP_TIMEOUT', 'VSMCP_OUTCOME_UNKNOWN'],
    run: (control, { id }) => finished(control.revokeInvitation(id)),
  }),
  charter: route({
    ...ENDPOINTS.charter,
    input: groupSchema.ofGroup,
    output: schema.charterView,
    errors: ['VSMCP_NODE_GROUP_UNKNOWN'],
    run: (control, input) => control.charter(input),
  }),
  exportCharter: route({
    ...ENDPOINTS.exportCharter,
    input: schema.nothing,
    output: schema.charterFile,
    errors: ['VSMCP_NODE_CHARTER_UNCERTIFIED'],
    run: (control) => control.exportCharter(),
  }),
  changeCharter: route({
    ...ENDPOINTS.changeCharter,
    input: schema.signedChange,
    output: schema.charterChanged,
    errors: ['VSMCP_NODE_REFUSED', 'VSMCP_NODE_VERSION_DIFFERS', 'VSMCP_NODE_NO_SYSTEM5'],
    run: (control, input) => control.changeCharter(input),
  }),
  draftEviction: route({
    ...ENDPOINTS.draftEviction,
    input: schema.evictionOf,
    output: schema.evictionDraft,
    errors: ['VSMCP_NODE_MEMBER_UNKNOWN', 'VSMCP_NODE_GROUP_UNKNOWN'],
    run: (control, { member, ...group }) => control.draftEviction(member, group),
  }),
  evict: route({
    ...ENDPOINTS.evict,
    input: schema.groupEviction,
    output: schema.done,
    errors: ['VSMCP_NODE_REFUSED', 'VSMCP_NODE_QUORUM_AT_RISK', 'VSMCP_NODE_NO_SYSTEM5'],
    run: (control, input) => finished(control.evict(input)),
  }),
  keys: route({
    ...ENDPOINTS.keys,
    input: schema.nothing,
    output: schema.keysView,
    errors: [],
    run: (control) => control.keys(),
  }),
  rotateSessionKey: route({
    ...ENDPOINTS.rotateSessionKey,
    input: schema.nothing,
    output: schema.sessionKeyRotated,
    errors: ['VSMCP_TIMEOUT', 'VSMCP_OUTCOME_UNKNOWN'],
    run: (control) => control.rotateSessionKey(),
  }),
  backup: route({
    ...ENDPOINTS.backup,
    input: schema.nothing,
    output: schema.backupText,
    errors: [],
    run: (control) => control.backup(),
  }),
  leave: route({
    ...ENDPOINTS.leave,
    input: schema.nothing,
    output: schema.done,
    errors: ['VSMCP_NODE_QUORUM_AT_RISK', 'VSMCP_TIMEOUT', 'VSMCP_OUTCOME_UNKNOWN'],
    run: (control) => finished(control.leave()),
  }),
  shutdown: route({
    ...ENDPOINTS.shutdown,
    input: schema.nothing,
    output: schema.done,
    errors: [],
    run: (control) => finished(control.shutdown()),
  }),
  attach: route({
    ...ENDPOINTS.attach,
    input: schema.attachRequest,
    output: schema.attachResult,
    errors: ['VSMCP_TIMEOUT'],
    run: (control, input) => control.attach(input),
  }),
  detach: route({
    ...ENDPOINTS.detach,
    input: schema.unitNameInput,
    output: schema.done,
    errors: [],
    run: (control, { name }) => finished(control.detach(name)),
  }),
  apply: route({
    ...ENDPOINTS.apply,
    input: schema.applyRequest,
    output: schema.applyResult,
    errors: [],
    run: (control, input) => control.apply(input),
  }),
  units: route({
    ...ENDPOINTS.units,
    input: schema.nothing,
    output: z.array(schema.unitView),
    errors: [],
    run: (control) => control.units(),
  }),
  findings: route({
    ...ENDPOINTS.findings,
    input: schema.nothing,
    output: z.array(schema.findingView),
    errors: [],
    run: (control) => control.findings(),
  }),
  claims: route({
    ...ENDPOINTS.claims,
    input: schema.nothing,
    output: z.array(coordinationSchema.resourceView),
    errors: [],
    run: (control) => control.claims(),
  }),
  schedules: route({
    ...ENDPOINTS.schedules,
    input: schema.nothing,
    output: z.array(coordinationSchema.scheduleView),
    errors: [],
    run: (control) => control.schedules(),
  }),
  addSchedule: route({
    ...ENDPOINTS.addSchedule,
    input: coordinationSchema.scheduleRequest,
    output: coordinationSchema.scheduleAdded,
    errors: ['VSMCP_NODE_SCHEDULE_EXISTS', 'VSMCP_NODE_MEMBER_UNKNOWN', 'VSMCP_NODE_REFUSED', 'VSMCP_NODE_NO_SYSTEM5'],
    run: (control, input) => control.addSchedule(input),
  }),
  removeSchedule: route({
    ...ENDPOINTS.removeSchedule,
    input: coordinationSchema.scheduleName,
    output: schema.done,
    errors: ['VSMCP_NODE_SCHEDULE_UNKNOWN', 'VSMCP_NODE_NO_SYSTEM5'],
    run: (control, { name }) => finished(control.removeSchedule(name)),
  }),
  tools: route({
    ...ENDPOINTS.tools,
    input: schema.nothing,
    output: z.array(schema.toolView),
    errors: [],
    run: (control) => control.tools(),
  }),
  call: route({
    ...ENDPOINTS.call,
    input: schema.toolCallRequest,
    output: schema.toolCallAnswer,
    progress: schema.toolCallProgress,
    errors: ['VSMCP_TIMEOUT', 'VSMCP_OUTCOME_UNKNOWN', 'VSMCP_NOT_SENT', 'VSMCP_REMOTE', 'VSMCP_BUSY'],
    run: (control, input, { signal, progress }) => control.call({ ...input, signal, onProgress: progress }),
  }),
  alerts: route({
    ...ENDPOINTS.alerts,
    input: alertSchema.alertsRequest,
    output: z.array(alertSchema.alertView),
    errors: [],
    run: (control, input) => control.alerts(input),
  }),
  watchAlerts: route({
    ...ENDPOINTS.watchAlerts,
    input: schema.nothing,
    output: alertSchema.alertEvent,
    errors: [],
    run: (control, _, { signal }): AsyncIterable<AlertEvent> => control.watchAlerts({ signal }),
  }),
  raiseAlert: route({
    ...ENDPOINTS.raiseAlert,
    input: alertSchema.alertRequest,
    output: alertSchema.alertRaised,
    errors: ['VSMCP_NODE_ALERT_REFUSED'],
    run: (control, input) => control.raiseAlert(input),
  }),
  acknowledgeAlert: route({
    ...ENDPOINTS.acknowledgeAlert,
    input: alertSchema.alertMarkRequest,
    output: schema.done,
    errors: ALERT_MARK_ERRORS,
    run: (control, input) => finished(control.acknowledgeAlert(input)),
  }),
  resolveAlert: route({
    ...ENDPOINTS.resolveAlert,
    input: alertSchema.alertMarkRequest,
    output: schema.done,
    errors: ALERT_MARK_ERRORS,
    run: (control, input) => finished(control.resolveAlert(input)),
  }),
  proposals: route({
    ...ENDPOINTS.proposals,
    input: proposalSchema.proposalsRequest,
    output: z.array(proposalSchema.proposalView),
    errors: [],
    run: (control, input) => control.proposals(input),
  }),
  decideProposal: route({
    ...ENDPOINTS.decideProposal,
    input: proposalSchema.decideRequest,
    output: proposalSchema.proposalView,
    errors: ['VSMCP_NODE_PROPOSAL_UNKNOWN', 'VSMCP_NODE_PROPOSAL_REFUSED', 'VSMCP_NODE_REFUSED', 'VSMCP_NODE_NO_SYSTEM5'],
    run: (control, input) => control.decideProposal(input),
  }),
  forecast: route({
    ...ENDPOINTS.forecast,
    input: selfSchema.forecastRequest,
    output: selfSchema.forecastView,
    errors: ['VSMCP_NODE_UNIT_UNKNOWN', 'VSMCP_NOT_SENT', 'VSMCP_TIMEOUT', 'VSMCP_OUTCOME_UNKNOWN', 'VSMCP_REMOTE'],
    run: (control, input) => control.forecast(input),
  }),
  feeds: route({
    ...ENDPOINTS.feeds,
    input: schema.nothing,
    output: z.array(selfSchema.feedView),
    errors: [],
    run: (control) => control.feeds(),
  }),
  addFeed: route({
    ...ENDPOINTS.addFeed,
    input: selfSchema.feedRequest,
    output: selfSchema.feedView,
    errors: ['VSMCP_NODE_FEED_UNREADABLE', 'VSMCP_BUSY'],
    run: (control, input) => control.addFeed(input),
  }),
  removeFeed: route({
    ...ENDPOINTS.removeFeed,
    input: selfSchema.feedName,
    output: schema.done,
    errors: ['VSMCP_NODE_FEED_UNKNOWN'],
    run: (control, { name }) => finished(control.removeFeed(name)),
  }),
  whatIf: route({
    ...ENDPOINTS.whatIf,
    input: selfSchema.whatIfRequest,
    output: selfSchema.futureView,
    errors: ['VSMCP_BUSY', 'VSMCP_TIMEOUT'],
    run: (control, input, { signal }) => control.whatIf(input, signal),
  }),
  self: route({
    ...ENDPOINTS.self,
    input: schema.nothing,
    output: selfSchema.selfView,
    errors: [],
    run: (control) => control.self(),
  }),
  logs: route({
    ...ENDPOINTS.logs,
    input: schema.logsRequest,
    output: schema.logLine,
    errors: [],
    run: (control, input, { signal }): AsyncIterable<LogLine> => control.logs({ ...input, signal }),
  }),
  doctor: route({
    ...ENDPOINTS.doctor,
    input: schema.nothing,
    output: schema.doctorReport,
    errors: [],
    run: (control) => control.doctor(),
  }),
} as const satisfies Record<EndpointName, unknown>
