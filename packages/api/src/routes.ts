import type { LogLine } from '@vsmcp/node'
import { z } from 'zod'
import { ALERT_ROUTES } from './alert-routes.ts'
import { COORDINATION_ROUTES } from './coordination-routes.ts'
import { type EndpointName, ENDPOINTS } from './endpoints.ts'
import { GROUP_ROUTES } from './group-routes.ts'
import * as groupSchema from './group-schemas.ts'
import { PROPOSAL_ROUTES } from './proposal-routes.ts'
import { finished, route } from './route.ts'
import * as schema from './schemas.ts'
import { SELF_ROUTES } from './self-routes.ts'

/** All endpoints. */
export const ROUTES = {
  status: route({
    ...ENDPOINTS.status,
    input: schema.nothing,
    output: schema.nodeStatus,
    errors: [],
    run: (control) => control.status(),
  }),
  members: route({
    ...ENDPOINTS.members,
    input: groupSchema.ofGroup,
    output: z.array(schema.memberView),
    errors: ['VSMCP_NODE_GROUP_UNKNOWN'],
    run: (control, input) => control.members(input),
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
    input: groupSchema.ofGroup,
    output: schema.charterFile,
    errors: ['VSMCP_NODE_CHARTER_UNCERTIFIED', 'VSMCP_NODE_GROUP_UNKNOWN'],
    run: (control, input) => control.exportCharter(input),
  }),
  changeCharter: route({
    ...ENDPOINTS.changeCharter,
    input: schema.groupChange,
    output: schema.charterChanged,
    errors: ['VSMCP_NODE_REFUSED', 'VSMCP_NODE_VERSION_DIFFERS', 'VSMCP_NODE_NO_SYSTEM5', 'VSMCP_NODE_GROUP_UNKNOWN'],
    run: (control, input) => control.changeCharter(input),
  }),
  anchorChain: route({
    ...ENDPOINTS.anchorChain,
    input: schema.anchor,
    output: schema.chainAnchored,
    errors: ['VSMCP_NODE_REFUSED', 'VSMCP_NODE_NO_SYSTEM5', 'VSMCP_NODE_GROUP_UNKNOWN'],
    run: (control, input) => control.anchorChain(input),
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
    input: groupSchema.ofGroup,
    output: z.array(schema.unitView),
    errors: ['VSMCP_NODE_GROUP_UNKNOWN'],
    run: (control, input) => control.units(input),
  }),
  findings: route({
    ...ENDPOINTS.findings,
    input: schema.nothing,
    output: z.array(schema.findingView),
    errors: [],
    run: (control) => control.findings(),
  }),
  tools: route({
    ...ENDPOINTS.tools,
    input: groupSchema.ofGroup,
    output: z.array(schema.toolView),
    errors: ['VSMCP_NODE_GROUP_UNKNOWN'],
    run: (control, input) => control.tools(input),
  }),
  call: route({
    ...ENDPOINTS.call,
    input: schema.toolCallRequest,
    output: schema.toolCallAnswer,
    progress: schema.toolCallProgress,
    errors: ['VSMCP_TIMEOUT', 'VSMCP_OUTCOME_UNKNOWN', 'VSMCP_NOT_SENT', 'VSMCP_REMOTE', 'VSMCP_BUSY'],
    run: (control, input, { signal, progress }) => control.call({ ...input, signal, onProgress: progress }),
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
  ...GROUP_ROUTES,
  ...COORDINATION_ROUTES,
  ...PROPOSAL_ROUTES,
  ...ALERT_ROUTES,
  ...SELF_ROUTES,
} as const satisfies Record<EndpointName, unknown>
