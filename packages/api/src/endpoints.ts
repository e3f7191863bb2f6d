import type { NodeControl } from '@vsmcp/node'

/** Each operation of a node is one endpoint. */
export type EndpointName = keyof NodeControl

export interface Endpoint {
  method: 'GET' | 'POST' | 'PUT' | 'DELETE'
  /** `:name` stands for a field of the input; the other fields are the query of GET and DELETE, the body of the rest. */
  path: string
  summary: string
  /**
   * `json`: one JSON value. `ndjson`: lines as they come. `progress`: one JSON value, or, for who accepts
   * `application/x-ndjson`, lines `{"progress":…}` and at last `{"answer":…}`. A stream that fails ends in
   * `{"error":…}`.
   */
  answer: 'json' | 'ndjson' | 'progress'
  /** Whether the same request again does no harm. */
  idempotent: boolean
}

/** Method and path of everything, without the schemas: all that the client needs. */
export const ENDPOINTS = {
  status: {
    method: 'GET',
    path: '/v1/status',
    summary: 'This node, its group and its System 5',
    answer: 'json',
    idempotent: true,
  },
  tree: {
    method: 'GET',
    path: '/v1/tree',
    summary: 'The supervisors and parts of this node',
    answer: 'json',
    idempotent: true,
  },
  members: {
    method: 'GET',
    path: '/v1/members',
    summary: 'The members of the group as this node sees them',
    answer: 'json',
    idempotent: true,
  },
  wait: {
    method: 'POST',
    path: '/v1/wait',
    summary: 'Answers once the conditions hold together',
    answer: 'json',
    idempotent: true,
  },
  createInvitation: {
    method: 'POST',
    path: '/v1/invitations',
    summary: 'Makes an invitation and gives its token, once',
    answer: 'json',
    idempotent: false,
  },
  invitations: {
    method: 'GET',
    path: '/v1/invitations',
    summary: 'The invitations of the group, without their tokens',
    answer: 'json',
    idempotent: true,
  },
  revokeInvitation: {
    method: 'DELETE',
    path: '/v1/invitations/:id',
    summary: 'Makes an invitation useless',
    answer: 'json',
    idempotent: false,
  },
  charter: {
    method: 'GET',
    path: '/v1/charter',
    summary: 'What System 5 has decided: voters, policies, operators, revocations',
    answer: 'json',
    idempotent: true,
  },
  exportCharter: {
    method: 'GET',
    path: '/v1/charter/file',
    summary: 'The charter with all it takes to verify it offline',
    answer: 'json',
    idempotent: true,
  },
  changeCharter: {
    method: 'POST',
    path: '/v1/charter/changes',
    summary: 'Changes policies or operators, as an operator has signed it',
    answer: 'json',
    idempotent: true,
  },
  draftEviction: {
    method: 'GET',
    path: '/v1/evictions/:member',
    summary: 'What an operator has to sign to evict this member',
    answer: 'json',
    idempotent: true,
  },
  evict: {
    method: 'POST',
    path: '/v1/evictions',
    summary: 'Evicts a member, as an operator has signed it',
    answer: 'json',
    idempotent: true,
  },
  keys: {
    method: 'GET',
    path: '/v1/keys',
    summary: 'The keys this node goes by, and where they are; never the keys',
    answer: 'json',
    idempotent: true,
  },
  rotateSessionKey: {
    method: 'POST',
    path: '/v1/keys/session/rotation',
    summary: 'Has the group go on with another session key',
    answer: 'json',
    idempotent: true,
  },
  backup: {
    method: 'GET',
    path: '/v1/backup',
    summary: 'All that a node can be made anew from, secrets of units included',
    answer: 'json',
    idempotent: true,
  },
  leave: {
    method: 'POST',
    path: '/v1/leave',
    summary: 'Drops out of the group for good and stops the node',
    answer: 'json',
    idempotent: false,
  },
  shutdown: {
    method: 'POST',
    path: '/v1/shutdown',
    summary: 'Stops the node in order; it stays a member',
    answer: 'json',
    idempotent: false,
  },
  attach: {
    method: 'POST',
    path: '/v1/units',
    summary: 'Attaches an MCP server as a unit and answers once its tools are listed',
    answer: 'json',
    idempotent: false,
  },
  detach: {
    method: 'DELETE',
    path: '/v1/units/:name',
    summary: 'Detaches a unit of this node',
    answer: 'json',
    idempotent: false,
  },
  apply: {
    method: 'PUT',
    path: '/v1/units',
    summary: 'Brings the units of this node to what is declared',
    answer: 'json',
    idempotent: false,
  },
  units: {
    method: 'GET',
    path: '/v1/units',
    summary: 'The units of the group',
    answer: 'json',
    idempotent: true,
  },
  findings: {
    method: 'GET',
    path: '/v1/findings',
    summary: 'What System 3 of this node found: targets missed here, reports elsewhere that audits do not bear out',
    answer: 'json',
    idempotent: true,
  },
  claims: {
    method: 'GET',
    path: '/v1/claims',
    summary: 'Resources that units of the group claim: who has them, and who waits',
    answer: 'json',
    idempotent: true,
  },
  schedules: {
    method: 'GET',
    path: '/v1/schedules',
    summary: 'Jobs that come again, and what became of them lately',
    answer: 'json',
    idempotent: true,
  },
  addSchedule: {
    method: 'POST',
    path: '/v1/schedules',
    summary: 'Has a tool called again and again, at the times of a cron pattern',
    answer: 'json',
    idempotent: true,
  },
  removeSchedule: {
    method: 'DELETE',
    path: '/v1/schedules/:name',
    summary: 'Removes a schedule; what is being run goes on',
    answer: 'json',
    idempotent: false,
  },
  tools: {
    method: 'GET',
    path: '/v1/tools',
    summary: 'The tools of the group, and where they are',
    answer: 'json',
    idempotent: true,
  },
  call: {
    method: 'POST',
    path: '/v1/call',
    summary: 'Calls a tool, wherever it is',
    answer: 'progress',
    idempotent: false,
  },
  alerts: {
    method: 'GET',
    path: '/v1/alerts',
    summary: 'Pain that is not remedied, as this node knows it',
    answer: 'json',
    idempotent: true,
  },
  watchAlerts: {
    method: 'GET',
    path: '/v1/alerts/events',
    summary: 'The open alerts, then whatever becomes of alerts',
    answer: 'ndjson',
    idempotent: true,
  },
  raiseAlert: {
    method: 'POST',
    path: '/v1/alerts',
    summary: 'Tells System 5 of pain or pleasure',
    answer: 'json',
    idempotent: true,
  },
  acknowledgeAlert: {
    method: 'POST',
    path: '/v1/alerts/:id/acknowledgement',
    summary: 'Says that somebody sees to an alert',
    answer: 'json',
    idempotent: true,
  },
  resolveAlert: {
    method: 'POST',
    path: '/v1/alerts/:id/resolution',
    summary: 'Says that an alert is remedied',
    answer: 'json',
    idempotent: true,
  },
  proposals: {
    method: 'GET',
    path: '/v1/proposals',
    summary: 'What Systems 3 and 4 ask of System 5, and what became of it',
    answer: 'json',
    idempotent: true,
  },
  decideProposal: {
    method: 'POST',
    path: '/v1/proposals/:id/decision',
    summary: 'Decides what System 5 leaves to a person',
    answer: 'json',
    idempotent: true,
  },
  forecast: {
    method: 'GET',
    path: '/v1/forecast',
    summary: 'What is expected of units and group, how sure that is, and how well it was foretold lately',
    answer: 'json',
    idempotent: true,
  },
  feeds: {
    method: 'GET',
    path: '/v1/feeds',
    summary: 'Numbers from outside that this node watches',
    answer: 'json',
    idempotent: true,
  },
  addFeed: {
    method: 'POST',
    path: '/v1/feeds',
    summary: 'Has a number from outside watched; the same again changes nothing',
    answer: 'json',
    idempotent: true,
  },
  removeFeed: {
    method: 'DELETE',
    path: '/v1/feeds/:name',
    summary: 'Has a feed watched no more',
    answer: 'json',
    idempotent: false,
  },
  whatIf: {
    method: 'POST',
    path: '/v1/whatif',
    summary: 'Simulates latencies and refusals if nodes were gone, demand or service others',
    answer: 'json',
    idempotent: true,
  },
  self: {
    method: 'GET',
    path: '/v1/self',
    summary: 'What the node knows of itself and of its group',
    answer: 'json',
    idempotent: true,
  },
  logs: {
    method: 'GET',
    path: '/v1/logs',
    summary: "The node's log, or what one unit wrote",
    answer: 'ndjson',
    idempotent: true,
  },
  doctor: {
    method: 'GET',
    path: '/v1/doctor',
    summary: 'Checks of clock, ports, reachability, disk and versions, with advice',
    answer: 'json',
    idempotent: true,
  },
} as const satisfies Record<EndpointName, Endpoint>
