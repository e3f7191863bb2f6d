import { CLOSURES, DECIDERS, EFFECT_METRICS, PROPOSAL_KINDS, PROPOSERS, VERDICTS } from '@vsmcp/kernel'
import { z } from 'zod'
import { count, queryBoolean, text } from './schema-fields.ts'

// Shapes of what Systems 3 and 4 propose, as in schemas.ts.

const amount = z.number().nonnegative()
const side = z.object({ proposed: count, decided: count, resourced: count })

export const balanceView = z.object({ system3: side, system4: side, starved: z.enum(PROPOSERS).nullable() })
export const proposalCounts = z.object({ waiting: count, person: count, inForce: count })
export const proposalView = z.object({
  id: text,
  level: z.enum(['node', 'group']),
  node: text,
  nodeName: text,
  from: z.enum(PROPOSERS),
  kind: z.enum(PROPOSAL_KINDS),
  subject: text,
  atName: text,
  asked: amount,
  held: amount,
  effect: z.object({ metric: z.enum(EFFECT_METRICS), before: amount, goal: amount }).readonly(),
  evidence: z
    .object({
      probability: amount,
      samples: count,
      figures: z.array(z.object({ name: text, value: amount }).readonly()).readonly(),
      text,
    })
    .readonly(),
  seconds: z.array(text),
  proposedAt: text,
  expiresAt: text,
  state: z.enum(['waiting', 'person', 'refused', 'in-force', 'met', 'unmet', 'lapsed', 'disobeyed', 'ended']),
  decision: z
    .object({
      verdict: z.enum(VERDICTS),
      by: z.enum(DECIDERS),
      authorName: text,
      clause: text,
      reason: text,
      latencyMs: amount,
      at: text,
    })
    .nullable(),
  directive: z.object({ value: amount, attempt: count, checkAt: text, expiresAt: text }).nullable(),
  closure: z.object({ outcome: z.enum(CLOSURES), measured: amount.nullable(), reason: text, at: text }).nullable(),
})
export const proposalsRequest = z.object({ all: queryBoolean.default(false) })
export const decideRequest = z.object({ id: text.min(1).max(64), accept: z.boolean(), reason: text.min(1).max(500) })
