import { InvalidArgumentError } from '@vsmcp/kernel'
import { type Owed, WEIGHT_MAX } from '@vsmcp/vsm'
import { z } from 'zod'
import type { UnitTerms } from '../system1/contract.ts'

/** On what terms a unit works: what it weighs when capacity is scarce, its own bounds, and what it owes. */
export const unitTermsSchema = z.strictObject({
  weight: z.number().positive().max(WEIGHT_MAX).exactOptional(),
  /** Calls in work at once, at the most. */
  concurrency: z.int().positive().exactOptional(),
  /** Calls begun per second, at the most. */
  ratePerS: z.number().positive().exactOptional(),
  /** 99th percentile of its latency. */
  targetP99Ms: z.number().positive().exactOptional(),
  /** Share of calls that may end with an error. */
  targetErrors: z.number().min(0).lt(1).exactOptional(),
  /** Served when no others are, for want of capacity. */
  essential: z.boolean().exactOptional(),
})

/** Throws `InvalidArgumentError` for terms that cannot be. */
export function checkedTerms(terms: unknown): UnitTerms {
  const checked = unitTermsSchema.safeParse(terms)
  if (checked.success) return checked.data
  const [issue] = checked.error.issues
  throw new InvalidArgumentError(`${issue?.path.join('.') ?? 'terms'}: ${issue?.message ?? 'malformed'}`, {
    hint: `A weight is above 0 and at most ${WEIGHT_MAX}; concurrency, rate and latency are above 0; a share of errors is below 100%.`,
  })
}

export function owedBy({ targetP99Ms, targetErrors }: UnitTerms): Owed {
  return { p99Ms: targetP99Ms ?? null, errorShare: targetErrors ?? null }
}
