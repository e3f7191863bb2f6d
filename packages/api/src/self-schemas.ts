import { UNIT_NAME_PATTERN } from '@vsmcp/kernel'
import { z } from 'zod'
import { recursionView } from './group-schemas.ts'
import { balanceView } from './proposal-schemas.ts'
import { count, text } from './schema-fields.ts'

// Shapes of what a node says of what it expects and of itself, as in schemas.ts.

const number = z.number()

const turnView = z.object({
  at: text,
  subject: text,
  measure: text,
  change: z.enum(['step', 'slope']),
  probability: number,
  from: number.nullable(),
  to: number.nullable(),
})

export const forecastRequest = z.object({ unit: text.min(1).exactOptional() })
const posteriorView = z.object({ 'no-change': number, step: number, slope: number, transient: number })
const seriesView = z.object({
  subject: text,
  measure: z.enum(['calls', 'failures', 'latency', 'alive', 'units', 'feed']),
  observed: count,
  last: number.nullable(),
  level: number.nullable(),
  slope: number.nullable(),
  ahead: z.array(z.object({ ahead: count, mean: number, low: number, high: number })),
  current: posteriorView,
  settled: posteriorView,
  skill: z.object({ forecasts: count, meanError: number, naiveMeanError: number, bandHeld: number }).nullable(),
})
export const forecastView = z.object({ tickMs: number, nodeName: text, series: z.array(seriesView), turns: z.array(turnView) })

const feedFields = {
  name: text.regex(UNIT_NAME_PATTERN, 'a feed is named with a-z, 0-9 and "-", at most 24 characters, the first not "-"'),
  source: z.discriminatedUnion('kind', [
    z.object({ kind: z.literal('url'), url: z.url({ protocol: /^https?$/ }) }),
    z.object({ kind: z.literal('resource'), uri: text.min(1).max(2_048) }),
  ]),
  pointer: text
    .regex(/^(\/.*)?$/, 'a JSON pointer is empty or begins with a slash')
    .max(1_024)
    .exactOptional(),
}
export const feedRequest = z.object(feedFields)
export const feedView = z.object({ ...feedFields, last: number.nullable(), at: text.nullable(), problem: text.nullable() })
export const feedName = z.object({ name: text.min(1) })

export const whatIfRequest = z.object({
  without: z.array(text.min(1)).max(1_000),
  demand: number,
  slow: z.record(text, number),
  seed: z.int(),
})
const estimateView = z.object({ mean: number, within: number })
const futureFigures = z.object({
  latencyP50Ms: estimateView.nullable(),
  latencyP99Ms: estimateView.nullable(),
  utilisation: estimateView.nullable(),
  refused: estimateView,
})
export const futureView = z.object({
  seed: z.int(),
  units: z.array(
    z.object({ unit: text, node: text, callsPerS: number, servers: count, now: futureFigures, later: futureFigures }),
  ),
  unknown: z.array(text),
  assumptions: z.array(text),
  silentNodes: z.array(text),
})

const varietyView = z.object({
  calls: count,
  outcomes: z.record(text, count),
  demandBits: number,
  responseBits: number,
  outcomeBits: number,
  residualBits: number,
  choosableBits: number,
  unmatchedBits: number,
})
export const selfView = z.object({
  identity: z.object({
    node: text,
    peerId: text,
    mesh: text,
    meshId: text,
    group: text,
    version: text,
    says: z.object({ name: text, purpose: text }).nullable(),
    charterVersion: count,
    policies: z.array(text),
  }),
  does: z.object({ units: count, tools: count, toolsOfGroup: count, callsInFlight: count }),
  is: z.object({
    health: z.enum(['ok', 'degraded', 'failing']),
    problems: z.array(text),
    members: z.object({ known: count, alive: count }),
    system5: text.nullable(),
    alerts: count,
  }),
  recursion: recursionView,
  variety: z.object({
    windowMs: number,
    node: varietyView,
    group: varietyView,
    nodes: count,
    silentNodes: count,
    regulators: z.array(
      z.object({ name: text, kind: z.enum(['attenuator', 'amplifier']), effect: number, unit: text, what: text }),
    ),
    unmet: z.array(
      z.object({
        tool: text,
        cause: z.enum(['unknown', 'refused', 'late']),
        unit: text.nullable(),
        calls: count,
        since: text,
        last: text,
        remedy: text,
        requested: z.boolean(),
      }),
    ),
    beyondBounds: z.object({ calls: count, unmet: count }),
  }),
  expects: z.array(z.object({ subject: text, measure: text, mean: number, low: number, high: number })),
  noticed: z.array(turnView),
  decided: z.array(z.object({ at: text, what: text, by: text, why: text })),
  balance: balanceView,
  foresight: z.object({ forecasts: count, errorAgainstNaive: number.nullable(), bandHeld: number }).nullable(),
})

export const partView = z.object({
  path: z.array(z.string()),
  state: z.enum(['waiting', 'starting', 'running', 'crashed', 'restarting', 'stopping', 'ended', 'absent']),
  strategy: z.enum(['one_for_one', 'rest_for_one', 'one_for_all']).nullable(),
  restart: z.enum(['permanent', 'transient', 'temporary']),
  restarts: z.int().nonnegative(),
  lastError: z.string().nullable(),
  mailbox: z
    .object({
      length: z.int().nonnegative(),
      lengthMax: z.int().positive(),
      refused: z.int().nonnegative(),
      dropped: z.int().nonnegative(),
    })
    .readonly()
    .nullable(),
})
