import type { UnitName } from '@vsmcp/kernel'
import {
  type AuditorSnapshot,
  type KeptBargain,
  type KeptDamping,
  type KeptErrors,
  type KeptLatency,
  type KeptWatch,
  type MeterSnapshot,
  type MetricOwed,
  OUTCOMES,
} from '@vsmcp/vsm'
import { z } from 'zod'
import type { CheckpointShape } from './checkpoint.ts'

const finite = z.number()
const whole = z.int().nonnegative()
const name = z.string().max(1_024)

/** Of a model of `MultiProcess`: none of its hypotheses, or all four. */
const hypothesis = z.object({
  probability: finite.min(0).max(1),
  level: finite,
  slope: finite,
  levelVariance: finite.nonnegative(),
  covariance: finite,
  slopeVariance: finite.nonnegative(),
  scale: finite.positive(),
})
export const modelSchema = z.object({
  warmUp: z.array(finite.nullable()).max(1_000),
  hypotheses: z.union([z.array(hypothesis).length(0), z.array(hypothesis).length(4)]),
  previous: z.array(finite).max(4),
  freedom: finite.positive(),
  observed: whole,
})

/** Unmet demand, and the calls of the last minutes. */
export const VARIETY: CheckpointShape<MeterSnapshot> = {
  name: 'variety',
  version: 1,
  schema: z.object({
    unmet: z.array(
      z.object({
        tool: name,
        cause: z.enum(['unknown', 'refused', 'late']),
        unit: name.nullable(),
        calls: z.int().positive(),
        firstMs: finite,
        lastMs: finite,
      }),
    ),
    window: z
      .array(
        z.object({
          endsMs: finite,
          counts: z.array(z.object({ demand: name, response: name, outcome: z.enum(OUTCOMES), calls: z.int().positive() })),
        }),
      )
      .max(1_000),
  }),
}

export interface PerformanceKept {
  readonly watches: readonly KeptWatch[]
  readonly exceptions: readonly {
    readonly unit: UnitName
    readonly metric: MetricOwed
    readonly target: number
    readonly measured: number
    readonly sinceMs: number
    readonly isGrave: boolean
  }[]
}

/** Targets that units miss, and how long. */
export const PERFORMANCE: CheckpointShape<PerformanceKept> = {
  name: 'performance',
  version: 1,
  schema: z.object({
    watches: z.array(
      z.object({
        unit: name,
        metric: z.enum(['latency', 'errors']),
        missed: whole,
        met: whole,
        state: z.enum(['fine', 'raised', 'grave']),
        measured: finite,
      }),
    ),
    exceptions: z.array(
      z.object({
        unit: name,
        metric: z.enum(['latency', 'errors']),
        target: finite,
        measured: finite,
        sinceMs: finite,
        isGrave: z.boolean(),
      }),
    ),
  }),
}

const findingKind = z.enum(['calls', 'errors', 'latency', 'definitions', 'reports'])

/** What audits add up to, and what they found. */
export const AUDITS: CheckpointShape<AuditorSnapshot> = {
  name: 'audits',
  version: 1,
  schema: z.object({
    evidence: z.array(
      z.object({
        unit: name,
        node: name,
        kind: findingKind,
        log: finite.nonnegative(),
        clean: whole,
        against: whole,
        accuses: z.boolean(),
      }),
    ),
    findings: z.array(
      z.object({
        unit: name.nullable(),
        node: name,
        kind: findingKind,
        claimed: z.string(),
        measured: z.string(),
        audits: whole,
        foundAgoMs: finite,
        overAgoMs: finite.nullable(),
      }),
    ),
  }),
}

const counted = z.object({ errors: finite.nonnegative(), successes: finite.nonnegative() })

export interface SensedKept {
  readonly unit: UnitName
  readonly uncalled: number
  readonly errors: KeptErrors
  readonly latency: KeptLatency
}

/** What is usual of each unit, and what hurts. */
export const SENSES: CheckpointShape<readonly SensedKept[]> = {
  name: 'senses',
  version: 1,
  schema: z.array(
    z.object({
      unit: name,
      uncalled: whole,
      errors: z.object({
        recent: z.array(z.object({ calls: whole, errors: whole })).max(1_000),
        usual: counted,
        painful: counted,
        hurts: z.boolean(),
      }),
      latency: z.object({ model: modelSchema, usual: finite.nullable(), hurts: z.boolean() }),
    }),
  ),
}

export interface BargainKept extends KeptBargain {
  readonly damping: KeptDamping | null
}

/** Whether allocations swing, how they are damped, and what is granted. */
export const BARGAIN: CheckpointShape<BargainKept> = {
  name: 'bargain',
  version: 1,
  schema: z.object({
    ordinal: whole,
    held: z.array(
      z.object({ unit: name, concurrency: z.int().positive(), ratePerS: finite.nullable(), bargained: finite.nonnegative() }),
    ),
    damping: z
      .object({
        gain: finite.positive().max(1),
        oscillations: whole,
        dwellForMs: finite.nonnegative(),
        turnedAgoMs: finite.nonnegative().nullable(),
      })
      .nullable(),
  }),
}
