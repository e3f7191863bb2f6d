import { z } from 'zod'
import { ANCHOR_LENGTH_MAX } from './constants.ts'
import { groupView, recursionView, work } from './group-schemas.ts'
import { proposalCounts } from './proposal-schemas.ts'
import { count, nullableText, queryBoolean, signed, text, unitName } from './schema-fields.ts'

// Shapes of everything `/v1` takes and gives. They equal the types of `NodeControl` both ways: test/schemas.test.ts.

const health = z.enum(['ok', 'degraded', 'failing'])
const memberState = z.enum(['alive', 'suspect', 'failed', 'left'])
const memberRole = z.enum(['member', 'edge'])
const profile = z.enum(['mesh', 'edge'])
const unitKind = z.enum(['stdio', 'worker', 'http', 'group'])

export const nothing = z.object({})
export const done = z.object({ done: z.literal(true) })

const rate = z.number().nonnegative()

export const nodeStatus = z.object({
  version: text,
  node: z.object({
    peerId: text,
    name: text,
    role: memberRole,
    profile,
    pid: z.int().positive(),
    startedAt: text,
    dataDir: text,
  }),
  mesh: z.object({ id: text, name: text }),
  group: z.object({ id: text, path: text }),
  groups: z.array(groupView),
  recursion: recursionView,
  listen: z.array(text),
  mcp: text,
  system5: z.object({
    leader: nullableText,
    leaderName: nullableText,
    since: nullableText,
    epoch: count,
    term: count,
    appliedIndex: count,
    voters: z.array(text),
    quorum: count,
    failuresTolerated: count,
    role: text,
  }),
  members: z.object({ known: count, alive: count }),
  units: z.object({ local: count, group: count, ready: count }),
  tools: count,
  degradation: z.object({
    step: z.enum(['normal', 'cached', 'reduced', 'essential']),
    since: text,
    reasons: z.array(text),
    paused: z.array(text),
    shed: count,
    synthetic: count,
  }),
  alerts: z.object({ open: count, acknowledged: count, critical: count, overdue: count }),
  proposals: proposalCounts,
  work: z.object({ node: work, group: work }),
  health,
  problems: z.array(text),
  process: z.object({ rssBytes: z.number(), uptimeS: z.number(), eventLoopLagMs: z.number() }),
})

export const memberView = z.object({
  peerId: text,
  stale: z.literal(true).exactOptional(),
  ephemeral: z.literal(true).exactOptional(),
  name: text,
  role: memberRole,
  state: memberState,
  since: text,
  why: text,
  connected: z.boolean(),
  relayed: z.boolean(),
  self: z.boolean(),
  voter: z.boolean(),
  leader: z.boolean(),
  addresses: z.array(text),
  units: z.array(text),
  rttMs: z.number().nullable(),
})

export const waitConditions = z.object({
  members: z.int().positive().exactOptional(),
  leader: z.boolean().exactOptional(),
  tool: text.min(1).exactOptional(),
  timeoutMs: z.number().positive(),
})
export const waitResult = z.object({ waitedMs: z.number() })

export const invitationRequest = z.object({
  role: memberRole,
  ttlMs: z.number().positive(),
  uses: z.int().positive(),
  absenceMs: z.number().positive().exactOptional(),
  group: text.min(1).exactOptional(),
  delegateOf: text.min(1).exactOptional(),
})
export const invitationCreated = z.object({ id: text, token: text, expiresAt: text, warnings: z.array(text) })
export const invitationView = z.object({
  id: text,
  role: memberRole,
  uses: count,
  used: count,
  absenceMs: z.number().exactOptional(),
  createdBy: text,
  expiresAt: text,
  state: z.enum(['open', 'used', 'expired', 'revoked']),
})
export const invitationId = z.object({ id: text.min(1) })

const operatorView = z.object({ name: text, publicKey: text, recovery: z.boolean() })
export const charterView = z.object({
  mesh: z.object({ id: text, name: text }),
  group: z.object({ id: text, path: text }),
  epoch: count,
  featureLevel: count,
  index: count,
  digest: text,
  current: z.boolean(),
  certifiedBy: z.enum(['mesh-key', 'grant', 'link', 'certificate']).nullable(),
  voters: z.array(text),
  policies: z.record(text, z.unknown()),
  policyVersion: count,
  policyHistory: z.array(z.object({ version: count, digest: text, by: text, reason: text, at: text, index: count })),
  operators: z.array(operatorView),
  operatorsVersion: count,
  revocations: z.array(z.object({ peerId: text, by: text, reason: text, at: text, until: text })),
})
export const charterFile = z.object({ file: text })

const inGroup = { group: text.min(1).exactOptional() }
/** Signed is all but the group: whose charter names the operator. */
export const groupChange = z.discriminatedUnion('op', [
  z.strictObject({ ...signed, ...inGroup, op: z.literal('policy:set'), policies: z.record(text, z.unknown()), expects: count }),
  z.strictObject({
    ...signed,
    ...inGroup,
    op: z.literal('operator:add'),
    name: text.min(1),
    publicKey: text.min(1),
    recovery: z.boolean().exactOptional(),
    expects: count,
  }),
  z.strictObject({ ...signed, ...inGroup, op: z.literal('operator:remove'), name: text.min(1), expects: count }),
])
export const anchor = z.object({ anchor: z.base64url().max(ANCHOR_LENGTH_MAX), group: text.min(1).exactOptional() })
export const chainAnchored = z.object({ changed: z.boolean(), links: z.int().nonnegative() })
export const charterChanged = z.object({ changed: z.boolean() })
export const evictionOf = z.object({ member: text.min(1), group: text.min(1).exactOptional() })
export const evictionDraft = z.object({ peerId: text, name: text, joinedAtIndex: count, untilMs: count })
export const signedEviction = z.strictObject({
  ...signed,
  op: z.literal('member:evict'),
  peer: text.min(1),
  joinedAtIndex: count,
  untilMs: count,
})
export const groupEviction = signedEviction.extend({ group: text.min(1).exactOptional() })

export const keysView = z.object({
  identity: text,
  mesh: z.object({ id: text, here: z.boolean() }),
  session: z
    .object({
      id: text,
      rotatedAt: text,
      held: z.boolean(),
      previous: z.object({ id: text, acceptedUntil: text }).nullable(),
    })
    .nullable(),
})
export const sessionKeyRotated = z.object({ id: text })
export const backupText = z.object({ text })

const unitSource = z.discriminatedUnion('kind', [
  z.object({
    kind: z.literal('stdio'),
    command: text.min(1),
    args: z.array(text),
    env: z.record(text, text),
    cwd: text.min(1),
  }),
  z.object({
    kind: z.literal('worker'),
    module: text.min(1),
    threads: z.number().positive(),
    threadMemoryMb: z.number().positive(),
    env: z.record(text, text),
    cwd: text.min(1),
  }),
  z.object({ kind: z.literal('http'), url: text.min(1), headers: z.record(text, text) }),
])
export const attachRequest = z.object({
  name: unitName,
  source: unitSource,
  startTimeoutMs: z.number().positive(),
  terms: z
    .strictObject({
      weight: z.number().exactOptional(),
      concurrency: z.number().exactOptional(),
      ratePerS: z.number().exactOptional(),
      targetP99Ms: z.number().exactOptional(),
      targetErrors: z.number().exactOptional(),
      essential: z.boolean().exactOptional(),
    })
    .exactOptional(),
  replica: z.boolean().exactOptional(),
  claims: z.array(z.object({ resource: text.min(1), shared: z.boolean() })).exactOptional(),
  fallbacks: z
    .record(
      text,
      z.looseObject({
        content: z.array(z.looseObject({ type: text })),
        structuredContent: z.record(text, z.unknown()).exactOptional(),
        isError: z.literal(false).exactOptional(),
        _meta: z.record(text, z.unknown()).exactOptional(),
      }),
    )
    .exactOptional(),
  replace: z.boolean(),
})
export const unitView = z.object({
  name: text,
  node: text,
  nodeName: text,
  local: z.boolean(),
  kind: unitKind,
  state: z.enum(['starting', 'ready', 'backing-off', 'failed', 'stopped', 'unreachable', 'differs']),
  weight: rate.exactOptional(),
  reason: text.exactOptional(),
  server: z.object({ name: text, version: text }).exactOptional(),
  era: z.enum(['legacy', 'modern']).exactOptional(),
  tools: count,
  resources: count,
  prompts: count,
  figures: z
    .object({
      calls: count,
      errors: count,
      inFlight: count,
      latencyP50Ms: z.number().nullable(),
      latencyP99Ms: z.number().nullable(),
    })
    .exactOptional(),
  work: work
    .extend({
      windowMs: rate,
      queued: count,
      turnedAway: count,
      meanInFlight: rate,
      meanQueued: rate,
      limits: z.object({ concurrency: count, ratePerS: rate.nullable() }),
      grant: z.object({ owedP99Ms: rate.nullable(), owedErrors: rate.nullable(), expiresAt: text }).nullable(),
      directed: z
        .object({
          weight: rate.nullable(),
          concurrency: count.nullable(),
          quarantined: z.boolean(),
          stopped: z.boolean(),
          proposals: z.array(text),
        })
        .nullable(),
    })
    .exactOptional(),
})
export const findingView = z.object({
  system: z.enum(['system3', 'system3*']),
  unit: nullableText,
  node: text,
  nodeName: text,
  kind: z.enum(['calls', 'errors', 'latency', 'definitions', 'reports']),
  claimed: text,
  measured: text,
  grave: z.boolean(),
  audits: count.nullable(),
  foundAt: text,
  overAt: nullableText,
})
export const attachResult = z.object({ outcome: z.enum(['attached', 'unchanged', 'replaced']), unit: unitView })
export const unitNameInput = z.object({ name: text.min(1) })
export const applyRequest = z.object({ units: z.array(attachRequest.omit({ replace: true })), prune: z.boolean() })
export const applyResult = z.object({
  changes: z.array(
    z.object({
      name: text,
      outcome: z.enum(['attached', 'unchanged', 'replaced', 'detached', 'failed']),
      error: z.object({ code: text, message: text, hint: text.exactOptional() }).exactOptional(),
    }),
  ),
})

export const toolView = z.object({
  name: text,
  qualifiedName: text,
  unit: text,
  node: text,
  nodeName: text,
  title: text.exactOptional(),
  description: text.exactOptional(),
  readOnly: z.boolean(),
})
export const toolCallRequest = z.object({
  tool: text.min(1),
  args: z.record(text, z.unknown()),
  timeoutMs: z.number().positive(),
})
export const toolCallProgress = z.object({
  progress: z.number(),
  total: z.number().exactOptional(),
  message: text.exactOptional(),
})
export const toolCallAnswer = z.object({
  result: z.record(text, z.unknown()),
  isError: z.boolean(),
  synthetic: text.exactOptional(),
  unit: text,
  node: text,
  nodeName: text,
  latencyMs: z.number(),
})

/** Text of a query, too; see `queryBoolean`. */
const queryNumber = z.union([z.number(), z.string().regex(/^\d+$/, 'a number of milliseconds').transform(Number)])

export const logsRequest = z.object({
  unit: text.min(1).exactOptional(),
  sinceMs: queryNumber.exactOptional(),
  follow: queryBoolean.default(false),
})
export const logLine = z.object({
  time: text,
  level: z.enum(['debug', 'info', 'warn', 'error']),
  msg: text,
  unit: text.exactOptional(),
  fields: z.record(text, z.unknown()).exactOptional(),
})

export const doctorReport = z.object({
  checks: z.array(z.object({ name: text, state: z.enum(['ok', 'warn', 'fail']), found: text, advice: text.exactOptional() })),
})

/** The body of every failed request, and the last line of a failed stream. */
export const errorBody = z.object({
  error: z.object({
    code: text,
    message: text,
    hint: text.exactOptional(),
    details: z.record(text, z.union([text, z.number(), z.boolean(), z.null(), z.array(text)])).exactOptional(),
  }),
})
