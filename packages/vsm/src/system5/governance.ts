import { messageOf, parseDurationMs, type Proposer, PROPOSERS, type UnitName } from '@vsmcp/kernel'
import { z } from 'zod'
import { patternField, unitField } from '../fields.ts'
import type { GroupDirective, GroupOrder } from '../recursion/parent-record.ts'
import { WEIGHT_MAX } from '../system3/constants.ts'
import { type BelowRule, belowSchema, ordersOfIdentity, tooMuchFor } from './below.ts'
import {
  HOLD_MAX_MS,
  HOLD_MIN_MS,
  IDENTITY_LIST_MAX,
  IDENTITY_NAME_MAX,
  POLICY_CONCURRENCY_MAX,
  PURPOSE_MAX,
} from './constants.ts'

/** Who a group is, and what must never change: no policy and no directive may contradict it. */
export interface Identity {
  readonly name: string
  readonly purpose: string
  /** Units from which nothing is ever taken away. */
  readonly keep: readonly UnitName[]
  /** No unit is ever directed to have more calls in work; null for no such bound. */
  readonly concurrencyMax: number | null
  /** Tools that are never sought, by name; `*` at the end stands for any ending. */
  readonly never: readonly string[]
}

/** By what System 5 decides. */
export interface Policy {
  readonly resourced: readonly Proposer[]
  /** Ceilings: nobody, no person either, is given more. */
  readonly weightMax: number
  readonly concurrencyMax: number
  /** Up to this weight a node's own System 5 decides, for itself. */
  readonly nodeWeight: number
  /** What is decided without a person. */
  readonly accept: {
    readonly weight: number
    readonly concurrency: number
    /** Nodes that must find the same before a unit is put into quarantine. */
    readonly witnesses: number
    readonly capability: boolean
  }
  readonly evidence: { readonly probability: number; readonly samples: number }
  /** Directives in force at once. */
  readonly directives: number
  readonly holdMs: number
  readonly checkMs: number
  readonly balance: {
    /** Decisions that it looks back upon. */
    readonly window: number
    readonly starvedBelow: number
    readonly fedAbove: number
    /** Share of the places that is kept for the side that starves. */
    readonly reserved: number
  }
}

/** What the policy file says of System 5, as far as it can be read. */
export interface Governance {
  /** Undefined when it cannot be read: then no directive is given, and none obeyed. */
  readonly identity: Identity | undefined
  readonly policy: Policy
  /** What of identity and ceilings binds the groups below, too. */
  readonly binding: readonly GroupOrder[]
  /** What the groups below are held to; nothing while it cannot be read. */
  readonly below: readonly BelowRule[]
  /** Directives of the groups above that hold here: none, as far as a group's own policies go (`governedFromAbove`). */
  readonly above: readonly GroupDirective[]
  /** Where it cannot be read or contradicts itself, each as a sentence: while there is one, nothing is decided without a person. */
  readonly flaws: readonly string[]
}

const text = (max: number) =>
  z
    .string()
    .min(1)
    .max(max)
    .regex(/^[^\p{Cc}\u2028\u2029]+$/u, 'one line of text is needed')
const share = z.number().min(0).max(1)
const duration = z.string().transform((value, context) => {
  try {
    const ms = parseDurationMs(value)
    if (ms >= HOLD_MIN_MS && ms <= HOLD_MAX_MS) return ms
    context.addIssue({
      code: 'custom',
      message: `${value} is not between ${HOLD_MIN_MS / 1_000}s and ${HOLD_MAX_MS / 86_400_000}d`,
    })
  } catch (error) {
    context.addIssue({ code: 'custom', message: messageOf(error) })
  }
  return z.NEVER
})

const identitySchema = z.strictObject({
  name: text(IDENTITY_NAME_MAX),
  purpose: text(PURPOSE_MAX),
  keep: z.array(unitField).max(IDENTITY_LIST_MAX).default([]),
  concurrencyMax: z.int().positive().max(POLICY_CONCURRENCY_MAX).nullable().default(null),
  never: z.array(patternField).max(IDENTITY_LIST_MAX).default([]),
})

const weight = z.number().positive().max(WEIGHT_MAX)
const concurrency = z.int().min(0).max(POLICY_CONCURRENCY_MAX)

const policySchema = z.strictObject({
  resourced: z
    .array(z.enum(PROPOSERS))
    .max(PROPOSERS.length)
    .default([...PROPOSERS]),
  weightMax: weight.default(8),
  concurrencyMax: concurrency.optional(),
  nodeWeight: weight.default(2),
  accept: z
    .strictObject({
      weight: weight.default(4),
      concurrency: concurrency.default(0),
      witnesses: z.int().min(1).max(9).default(2),
      capability: z.boolean().default(true),
    })
    .prefault({}),
  evidence: z.strictObject({ probability: share.default(0.8), samples: z.int().min(1).max(1_000_000).default(3) }).prefault({}),
  directives: z.int().min(1).max(64).default(16),
  hold: duration.prefault('1h'),
  check: duration.prefault('2m'),
  balance: z
    .strictObject({
      window: z.int().min(4).max(64).default(20),
      starvedBelow: share.default(0.2),
      fedAbove: share.default(0.35),
      reserved: share.default(0.5),
    })
    .prefault({}),
})

/** Who has said nothing of itself. */
const UNNAMED: Identity = { name: '', purpose: '', keep: [], concurrencyMax: null, never: [] }
const DEFAULT_CONCURRENCY_MAX = 128

/** Reads `identity`, `system5` and `below` of the policies. What is absent is as by default; what is wrong is named. */
export function readGovernance(policies: Readonly<Record<string, unknown>>): Governance {
  const flaws: string[] = []
  const said = policies['identity'] === undefined ? UNNAMED : read('identity', identitySchema, policies['identity'], flaws)
  const system5 = read('system5', policySchema, policies['system5'] ?? {}, flaws) ?? policySchema.parse({})
  const { hold, check, concurrencyMax, ...rest } = system5
  const most = concurrencyMax ?? Math.min(DEFAULT_CONCURRENCY_MAX, said?.concurrencyMax ?? DEFAULT_CONCURRENCY_MAX)
  const policy: Policy = { ...rest, concurrencyMax: most, holdMs: hold, checkMs: check }
  const below = read('below', belowSchema, policies['below'] ?? [], flaws) ?? []
  const isNamed = Object.hasOwn(policies['system5'] ?? {}, 'weightMax')
  const binding = ordersOfIdentity(said ?? UNNAMED, { concurrencyMax, weightMax: isNamed ? policy.weightMax : undefined })
  const tooMuch = tooMuchFor({ binding, below })
  flaws.push(...tooMuch)
  return {
    identity: said,
    policy,
    binding,
    below: tooMuch.length === 0 ? below : [],
    above: [],
    flaws: [...flaws, ...(said === undefined ? [] : contradictions(policy, said))],
  }
}

function contradictions(policy: Policy, { concurrencyMax }: Identity): string[] {
  const { accept, balance, holdMs, checkMs } = policy
  const flaws: string[] = []
  const must = (holds: boolean, flaw: string): void => void (holds || flaws.push(flaw))
  must(
    policy.concurrencyMax <= (concurrencyMax ?? Infinity),
    `system5.concurrencyMax (${policy.concurrencyMax}) contradicts identity.concurrencyMax (${concurrencyMax ?? ''})`,
  )
  must(accept.concurrency <= policy.concurrencyMax, 'system5.accept.concurrency is above system5.concurrencyMax')
  must(accept.weight <= policy.weightMax, 'system5.accept.weight is above system5.weightMax')
  must(policy.nodeWeight <= accept.weight, 'system5.nodeWeight is above system5.accept.weight')
  must(balance.starvedBelow < balance.fedAbove, 'system5.balance.starvedBelow is not below system5.balance.fedAbove')
  must(checkMs < holdMs, 'system5.check is not shorter than system5.hold')
  return flaws
}

function read<T>(name: string, schema: z.ZodType<T>, value: unknown, flaws: string[]): T | undefined {
  const parsed = schema.safeParse(value)
  if (parsed.success) return parsed.data
  for (const { path, message } of parsed.error.issues.slice(0, 8)) flaws.push(`${[name, ...path].join('.')}: ${message}`)
  return undefined
}
