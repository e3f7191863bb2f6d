import type { GroupId, UnitName } from '@vsmcp/kernel'
import { z } from 'zod'
import { patternField, unitField } from '../fields.ts'
import { DIRECTIVE_END_STEP_MS, DIRECTIVE_LIFE_MS, DIRECTIVE_REASON_LENGTH_MAX, DIRECTIVES_MAX } from '../recursion/constants.ts'
import type { GroupDirective, GroupOrder } from '../recursion/parent-record.ts'
import { WEIGHT_MAX } from '../system3/constants.ts'
import { IDENTITY_LIST_MAX, POLICY_CONCURRENCY_MAX } from './constants.ts'

/** All groups below, whatever they are called. */
const ALL = '*'

const ruleFields = z.strictObject({
  group: z.union([z.literal(ALL), unitField]),
  never: z.array(patternField).max(IDENTITY_LIST_MAX).default([]),
  concurrencyMax: z.int().positive().max(POLICY_CONCURRENCY_MAX).nullable().default(null),
  weightMax: z.number().positive().max(WEIGHT_MAX).nullable().default(null),
  quarantine: z.array(unitField).max(IDENTITY_LIST_MAX).default([]),
  reason: z
    .string()
    .max(DIRECTIVE_REASON_LENGTH_MAX)
    .regex(/^[^\p{Cc}\u2028\u2029]*$/u, 'one line of text is needed')
    .default(''),
})

/** What the policies of a group hold the groups below it to: those of one name, or all. */
export type BelowRule = z.infer<typeof ruleFields>

const ruleSchema = ruleFields.refine((rule) => ordersOf(rule).length > 0, {
  message: 'orders nothing: it needs never, concurrencyMax, weightMax or quarantine',
})

export const belowSchema = z
  .array(ruleSchema)
  .max(DIRECTIVES_MAX)
  .refine((rules) => rules.flatMap(ordersOf).length <= DIRECTIVES_MAX, {
    message: `these are more than ${DIRECTIVES_MAX} directives, as many as a group is told at once`,
  })

/** The directives of these rules for the child group of this name, in the order of the rules. */
export function directivesBelow(
  name: UnitName,
  rules: readonly BelowRule[],
  { by, version, atMs, nowMs }: { readonly by: GroupId; readonly version: number; readonly atMs: number; readonly nowMs: number },
): GroupDirective[] {
  const untilMs = Math.ceil((nowMs + DIRECTIVE_LIFE_MS) / DIRECTIVE_END_STEP_MS) * DIRECTIVE_END_STEP_MS
  return rules.flatMap((rule, at) => {
    if (rule.group !== ALL && rule.group !== name) return []
    // Policies of a version are the same on every node, and so are their ids.
    return ordersOf(rule).map((order) => ({
      id: `${version}-${at}-${order.kind}`,
      by,
      order,
      reason: rule.reason,
      atMs,
      untilMs,
    }))
  })
}

function ordersOf({
  never,
  concurrencyMax,
  weightMax,
  quarantine,
}: Pick<BelowRule, 'never' | 'concurrencyMax' | 'weightMax' | 'quarantine'>): GroupOrder[] {
  return [
    ...(never.length === 0 ? [] : [{ kind: 'never', tools: never } as const]),
    ...(concurrencyMax === null ? [] : [{ kind: 'concurrency', most: concurrencyMax } as const]),
    ...(weightMax === null ? [] : [{ kind: 'weight', most: weightMax } as const]),
    ...(quarantine.length === 0 ? [] : [{ kind: 'quarantine', units: quarantine } as const]),
  ]
}
