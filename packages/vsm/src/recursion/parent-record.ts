import { GROUP_DEPTH_MAX } from '@vsmcp/kernel'
import { z } from 'zod'
import { countField, digestField, patternField, unitField } from '../fields.ts'
import { LATENCY_MAX_MS } from '../system1/constants.ts'
import { WEIGHT_MAX } from '../system3/constants.ts'
import { IDENTITY_LIST_MAX, POLICY_CONCURRENCY_MAX } from '../system5/constants.ts'
import { DIRECTIVE_REASON_LENGTH_MAX, DIRECTIVES_BYTES_MAX, DIRECTIVES_MAX, RECORD_REVOCATIONS_MAX } from './constants.ts'
import { isPath, PATH_LENGTH_MAX } from './group-path.ts'
import { BRIEF, DOWNWARD, fitting, groupField, headShape, isBrief, RecordCodec, wallField } from './record-head.ts'
import { revocationSchema } from './revocation.ts'

/** What a directive to a group may be: each a bound that those below may stay within as they like, and not leave. */
const orders = {
  /** Tools that are never sought, by name; `*` at the end stands for any ending. */
  never: z.object({ kind: z.literal('never'), tools: z.array(patternField).min(1).max(IDENTITY_LIST_MAX) }),
  /** No unit has more calls in work. */
  concurrency: z.object({ kind: z.literal('concurrency'), most: z.int().positive().max(POLICY_CONCURRENCY_MAX) }),
  /** No unit weighs more in a bargain. */
  weight: z.object({ kind: z.literal('weight'), most: z.number().positive().max(WEIGHT_MAX) }),
  /** No System 5 gives any unit more than that; null for no such ceiling. */
  ceiling: z
    .object({
      kind: z.literal('ceiling'),
      concurrency: z.int().nonnegative().max(POLICY_CONCURRENCY_MAX).nullable(),
      weight: z.number().positive().max(WEIGHT_MAX).nullable(),
    })
    .refine(({ concurrency, weight }) => concurrency !== null || weight !== null, { message: 'bounds nothing' }),
  /** Each unit owes at least that: a 99th percentile of its latency in milliseconds, a share of calls that may fail. */
  target: z
    .object({
      kind: z.literal('target'),
      p99Ms: z.number().positive().max(LATENCY_MAX_MS).nullable(),
      errors: z.number().min(0).lt(1).nullable(),
    })
    .refine(({ p99Ms, errors }) => p99Ms !== null || errors !== null, { message: 'asks for nothing' }),
  /** These units, where there are any of that name, are not called. */
  stop: z.object({ kind: z.literal('stop'), units: z.array(unitField).min(1).max(IDENTITY_LIST_MAX) }),
  /** These units, where there are any of that name, work on one call at a time. */
  quarantine: z.object({ kind: z.literal('quarantine'), units: z.array(unitField).min(1).max(IDENTITY_LIST_MAX) }),
}

const directiveSchema = z.object({
  id: z.string().regex(/^[A-Za-z0-9_-]{1,32}$/),
  /** The group whose System 5 gave it: the parent, or one above. */
  by: groupField,
  order: z.discriminatedUnion('kind', [
    orders.never,
    orders.concurrency,
    orders.weight,
    orders.ceiling,
    orders.target,
    orders.stop,
    orders.quarantine,
  ]),
  reason: z.string().max(DIRECTIVE_REASON_LENGTH_MAX),
  atMs: wallField,
  untilMs: wallField,
})

/** What a group is to do by the word of those above it. */
export type GroupDirective = z.infer<typeof directiveSchema>
export type GroupOrder = GroupDirective['order']

/** Of a kind that this version knows: those of a later one are left out, and the rest holds. */
function isOfKnownKind(directive: unknown): boolean {
  const kind = (directive as { order?: { kind?: unknown } } | null)?.order?.kind
  return typeof kind !== 'string' || Object.hasOwn(orders, kind)
}

const lineageField = z.array(groupField).min(1).max(GROUP_DEPTH_MAX)
const toldSchema = z.object({
  directives: z.array(directiveSchema).max(DIRECTIVES_MAX),
  lineage: z.array(groupField).max(GROUP_DEPTH_MAX),
})

/** What the groups above told, as it was kept. @returns undefined for what is none */
export function readTold(value: unknown): z.infer<typeof toldSchema> | undefined {
  return toldSchema.safeParse(value).data
}

const parentRecordSchema = z
  .object({
    ...headShape,
    parent: groupField,
    /** The child's path, as the parent's docket has it. */
    path: z.string().max(PATH_LENGTH_MAX).refine(isPath, { message: 'no path of a group' }),
    /** Ids from the root to the parent. With the child among them, the groups go in a circle: it is told so, and obeys nothing of it. */
    lineage: lineageField,
    /** The parent's charter: readers fetch it when they have an older one, and verify it by its own signatures. */
    charter: z.object({ version: countField, digest: digestField }),
    directives: z
      .array(z.unknown())
      .max(DIRECTIVES_MAX)
      .transform((directives) => directives.filter(isOfKnownKind))
      .pipe(z.array(directiveSchema))
      .refine((directives) => fitting(directives, DIRECTIVES_MAX, DIRECTIVES_BYTES_MAX).length === directives.length, {
        message: 'more than a record has room for',
      }),
    revocations: z.array(revocationSchema).max(RECORD_REVOCATIONS_MAX),
  })
  .refine(isBrief, BRIEF)
  .refine(({ lineage, parent }) => lineage.at(-1) === parent && new Set(lineage).size === lineage.length, {
    message: 'does not lead to the parent',
    path: ['lineage'],
  })
  .transform(({ v: _v, channel: _channel, ...record }) => record)

/** What a parent tells one of its children: amplification, the same to all but for path and revocations. */
export type ParentRecord = z.infer<typeof parentRecordSchema>

export const parentRecords = new RecordCodec<ParentRecord>('the record of a parent', DOWNWARD, parentRecordSchema)

/** As many directives, those of the groups highest up first, as one record carries. */
export function carriedDirectives(all: readonly GroupDirective[]): GroupDirective[] {
  return fitting(all, DIRECTIVES_MAX, DIRECTIVES_BYTES_MAX)
}

/** Why a directive is not followed. */
export interface RefusedDirective {
  readonly directive: GroupDirective
  readonly reason: string
}

/**
 * Which directives hold here. One that ended, was not given by a group above, or contradicts what the group is, is refused with a reason.
 * @param contradiction what of the group's identity it contradicts, in words; undefined for nothing
 */
export function judgeDirectives(
  { directives, lineage }: Pick<ParentRecord, 'directives' | 'lineage'>,
  contradiction: (directive: GroupDirective) => string | undefined,
  nowMs: number,
): { readonly held: readonly GroupDirective[]; readonly refused: readonly RefusedDirective[] } {
  const held: GroupDirective[] = []
  const refused: RefusedDirective[] = []
  for (const directive of directives) {
    const contradicts = contradiction(directive)
    if (!lineage.includes(directive.by)) refused.push({ directive, reason: `${directive.by} is no group above this one` })
    else if (directive.untilMs <= nowMs) refused.push({ directive, reason: 'its time is over' })
    else if (contradicts !== undefined) refused.push({ directive, reason: contradicts })
    else held.push(directive)
  }
  return { held, refused }
}
