import { z } from 'zod'
import { count, nullableText, text } from './schema-fields.ts'

// Shapes of claims and schedules, as in schemas.ts.

const claimantView = z.object({ unit: text, node: text, nodeName: text, shared: z.boolean(), since: text })
export const resourceView = z.object({
  resource: text,
  holders: z.array(claimantView.extend({ token: count, epoch: count, recalled: z.boolean() })),
  waiters: z.array(claimantView),
})

const missedPolicy = z.enum(['skip', 'once', 'all'])
export const scheduleName = z.object({ name: text.min(1) })
export const scheduleRequest = z.object({
  name: text.min(1),
  cron: text.min(1).max(128),
  timezone: text.min(1).max(64).exactOptional(),
  tool: text.min(1).max(160),
  args: z.record(text, z.unknown()),
  missed: missedPolicy.exactOptional(),
  idempotent: z.boolean().exactOptional(),
  timeoutMs: z.number().min(1_000).max(86_400_000).exactOptional(),
  node: text.min(1).exactOptional(),
})
export const scheduleAdded = z.object({
  outcome: z.enum(['added', 'unchanged']),
  name: text,
  next: z.array(text),
  warnings: z.array(text),
})
const occurrenceView = z.object({
  due: text,
  outcome: z.enum(['done', 'failed', 'unknown', 'skipped']),
  reason: text,
  node: text.exactOptional(),
  nodeName: text.exactOptional(),
  startedAt: text.exactOptional(),
  endedAt: text.exactOptional(),
  attempt: count.exactOptional(),
  lastDue: text.exactOptional(),
  count: count.exactOptional(),
})
export const scheduleView = z.object({
  name: text,
  cron: text,
  timezone: text,
  tool: text,
  args: z.record(text, z.unknown()),
  missed: missedPolicy,
  idempotent: z.boolean(),
  timeoutMs: count,
  node: text.exactOptional(),
  nodeName: text.exactOptional(),
  addedBy: text,
  addedAt: text,
  problem: text.exactOptional(),
  next: nullableText,
  running: z.object({ due: text, state: z.enum(['assigned', 'running']), node: text, nodeName: text, attempt: count }).nullable(),
  waiting: count,
  recent: z.array(occurrenceView),
})
