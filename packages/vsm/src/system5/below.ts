import { type GroupId, messageOf, parseDurationMs, type UnitName } from '@vsmcp/kernel'
import { z } from 'zod'
import { patternField, unitField } from '../fields.ts'
import {
  DIRECTIVE_END_STEP_MS,
  DIRECTIVE_LIFE_MS,
  DIRECTIVE_REASON_LENGTH_MAX,
  DIRECTIVES_BYTES_MAX,
  DIRECTIVES_MAX,
} from '../recursion/constants.ts'
import { carriedDirectives, type GroupDirective, type GroupOrder } from '../recursion/parent-record.ts'
import { WALL_MS_MAX } from '../recursion/record-head.ts'
import { LATENCY_MAX_MS } from '../system1/constants.ts'
import { WEIGHT_MAX } from '../system3/constants.ts'
import { IDENTITY_LIST_MAX, POLICY_CONCURRENCY_MAX } from './constants.ts'
import type { Governance, Identity } from './governance.ts'

/** All groups below, whatever they are called. */
const ALL = '*'

/** As the digest of a first charter names a group; longer than any name. */
const GROUP_ID = /^[0-9a-f]{40}$/

const latencyField = z.string().transform((value, context) => {
  try {
    const ms = parseDurationMs(value)
    if (ms > 0 && ms <= LATENCY_MAX_MS) return ms
    context.addIssue({ code: 'custom', message: `${value} is no latency: above 0, and at most ${LATENCY_MAX_MS / 1_000}s` })
  } catch (error) {
    context.addIssue({ code: 'custom', message: messageOf(error) })
  }
  return z.NEVER
})

const ruleFields = z.strictObject({
  group: z.union([z.literal(ALL), unitField, z.string().regex(GROUP_ID)]),
  never: z.array(patternField).max(IDENTITY_LIST_MAX).default([]),
  concurrencyMax: z.int().positive().max(POLICY_CONCURRENCY_MAX).nullable().default(null),
  weightMax: z.number().positive().max(WEIGHT_MAX).nullable().default(null),
  target: z
    .strictObject({ p99: latencyField.nullable().default(null), errors: z.number().min(0).lt(1).nullable().default(null) })
    .nullable()
    .default(null),
  quarantine: z.array(unitField).max(IDENTITY_LIST_MAX).default([]),
  stop: z.array(unitField).max(IDENTITY_LIST_MAX).default([]),
  reason: z
    .string()
    .max(DIRECTIVE_REASON_LENGTH_MAX)
    .regex(/^[^\p{Cc}\u2028\u2029]*$/u, 'one line of text is needed')
    .default(''),
})

/** What the policies of a group hold the groups below it to: the one of a name, or of an id, which it keeps whatever it is called; or all. */
export type BelowRule = z.infer<typeof ruleFields>

const ruleSchema = ruleFields.refine((rule) => ordersOf(rule).length > 0, {
  message: 'orders nothing: it needs never, concurrencyMax, weightMax, target, quarantine or stop',
})

export const belowSchema = z.array(ruleSchema).max(DIRECTIVES_MAX)

/** What binds a group by its identity and by the ceilings that its policies name, as orders: nobody below it is freer than it is itself. */
export function ordersOfIdentity(
  { never, concurrencyMax }: Pick<Identity, 'never' | 'concurrencyMax'>,
  ceilings: { readonly concurrencyMax: number | undefined; readonly weightMax: number | undefined },
): GroupOrder[] {
  const most = Math.min(concurrencyMax ?? Infinity, ceilings.concurrencyMax ?? Infinity)
  const concurrency = Number.isFinite(most) ? most : null
  const weight = ceilings.weightMax ?? null
  return [
    ...(never.length === 0 ? [] : [{ kind: 'never' as const, tools: [...never] }]),
    ...(concurrency === null && weight === null ? [] : [{ kind: 'ceiling' as const, concurrency, weight }]),
  ]
}

/** The directives of a group's policies for one child group: of its identity first, then in the order of the rules. */
export function directivesBelow(
  child: { readonly group: GroupId; readonly name: UnitName },
  { binding, below }: Pick<Governance, 'binding' | 'below'>,
  { by, version, atMs, nowMs }: { readonly by: GroupId; readonly version: number; readonly atMs: number; readonly nowMs: number },
): GroupDirective[] {
  const untilMs = Math.ceil((nowMs + DIRECTIVE_LIFE_MS) / DIRECTIVE_END_STEP_MS) * DIRECTIVE_END_STEP_MS
  // Policies of a version are the same on every node, and so are their ids.
  const given = (of: string, reason: string) => (order: GroupOrder) => {
    return { id: `${version}-${of}-${order.kind}`, by, order, reason, atMs, untilMs }
  }
  return [
    ...binding.map(given('identity', 'it binds the group above itself')),
    ...below.flatMap((rule, at) =>
      rule.group === ALL || rule.group === child.name || rule.group === child.group
        ? ordersOf(rule).map(given(String(at), rule.reason))
        : [],
    ),
  ]
}

/** Should all rules be of one group, and be more than it is told at once, a sentence that says so. */
export function tooMuchFor({ binding, below }: Pick<Governance, 'binding' | 'below'>): string[] {
  const rules = below.map((rule) => ({ ...rule, group: ALL }))
  const all = directivesBelow({ group: ALL, name: ALL }, { binding, below: rules }, LONGEST)
  if (carriedDirectives(all).length === all.length) return []
  return [
    `below: with what the identity binds these are ${all.length} directives, and a group is told ${DIRECTIVES_MAX} at once, in ${DIRECTIVES_BYTES_MAX} bytes`,
  ]
}

/** As long as each may get. */
const LONGEST = { by: 'x'.repeat(64), version: 1e9, atMs: WALL_MS_MAX, nowMs: WALL_MS_MAX }

function ordersOf({
  never,
  concurrencyMax,
  weightMax,
  target,
  quarantine,
  stop,
}: Pick<BelowRule, 'never' | 'concurrencyMax' | 'weightMax' | 'target' | 'quarantine' | 'stop'>): GroupOrder[] {
  const isOwing = target !== null && (target.p99 !== null || target.errors !== null)
  return [
    ...(never.length === 0 ? [] : [{ kind: 'never', tools: never } as const]),
    ...(concurrencyMax === null ? [] : [{ kind: 'concurrency', most: concurrencyMax } as const]),
    ...(weightMax === null ? [] : [{ kind: 'weight', most: weightMax } as const]),
    ...(isOwing ? [{ kind: 'target', p99Ms: target.p99, errors: target.errors } as const] : []),
    ...(quarantine.length === 0 ? [] : [{ kind: 'quarantine', units: quarantine } as const]),
    ...(stop.length === 0 ? [] : [{ kind: 'stop', units: stop } as const]),
  ]
}
