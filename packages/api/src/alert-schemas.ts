import { FEELINGS, ORIGINS, SEVERITIES } from '@vsmcp/kernel'
import { z } from 'zod'
import { count, nullableText, queryBoolean, text, unitName } from './schema-fields.ts'

// Shapes of alerts, as in schemas.ts.

const alertMark = z.object({ by: text, byName: text, reason: text, at: text })
export const alertView = z.object({
  id: text,
  feeling: z.enum(FEELINGS),
  severity: z.enum(SEVERITIES),
  level: z.enum(['node', 'group', 'above']),
  state: z.enum(['open', 'acknowledged', 'over']),
  decided: z.boolean(),
  node: text,
  nodeName: text,
  system: text,
  origin: z.enum(ORIGINS),
  unit: text.exactOptional(),
  subject: text,
  text,
  count,
  onset: text,
  last: text,
  due: nullableText,
  acknowledged: alertMark.exactOptional(),
  over: alertMark.exactOptional(),
})
export const alertEvent = z.object({
  event: z.enum(['open', 'raised', 'repeated', 'climbed', 'acknowledged', 'over', 'displaced']),
  at: text,
  alert: alertView,
})
export const alertsRequest = z.object({ all: queryBoolean.default(false) })
export const alertRequest = z.object({
  feeling: z.enum(FEELINGS),
  severity: z.enum(SEVERITIES),
  subject: text.min(1).max(160),
  text: text.max(500),
  unit: unitName.exactOptional(),
})
export const alertRaised = z.object({ id: text, outcome: z.enum(['raised', 'repeated', 'noted']), decided: z.boolean() })
export const alertMarkRequest = z.object({ id: text.min(1).max(64), reason: text.max(500) })
