import { type Draft, figuresOf, moreFor, probabilityAfterRun, type UnitStanding } from '../system3/proposals.ts'
import type { CapabilityRequest } from '../variety/unmet.ts'
import { TURNED_AWAY_GOAL } from './constants.ts'

/** What System 4 foretells of a unit's demand. */
export interface DemandAhead {
  /** Calls per second. */
  readonly foretold: number
  /** What it does at the most with what it is granted, calls per second. */
  readonly capacityPerS: number
  /** That demand is above it by then. */
  readonly probability: number
  readonly aheadMs: number
  /** Values that the forecast rests upon. */
  readonly observed: number
}

/** What System 4 asks for when demand is foretold to be above what a unit can do. Undefined while that is not more likely than not. */
export function proposalOfDemand(standing: UnitStanding, demand: DemandAhead): Draft | undefined {
  const { foretold, capacityPerS, probability, aheadMs, observed } = demand
  if (!(capacityPerS > 0) || !Number.isFinite(foretold) || probability <= 0.5) return undefined
  const more = moreFor(standing)
  if (more === undefined) return undefined
  const { calls, turnedAway } = standing
  const before = calls === 0 ? 0 : turnedAway / calls
  return {
    from: 'system4',
    ...more,
    effect: { metric: 'turned-away', before, goal: TURNED_AWAY_GOAL },
    evidence: {
      probability,
      samples: observed,
      figures: [
        { name: 'calls per s foretold', value: Math.max(0, foretold) },
        { name: 'calls per s at most', value: capacityPerS },
        ...figuresOf(standing),
      ],
      text: `demand in ${Math.round(aheadMs / 1_000)} s is above what it can do`,
    },
  }
}

/** The request that the search for a capability begins with: a tool asked for again and again, that nobody has. */
export function proposalOfLack({ tool, need, calls }: CapabilityRequest): Draft | undefined {
  if (need !== 'tool') return undefined
  return {
    from: 'system4',
    kind: 'capability',
    subject: tool,
    asked: calls,
    held: 0,
    effect: { metric: 'offered', before: 0, goal: 1 },
    evidence: {
      probability: probabilityAfterRun(calls),
      samples: calls,
      figures: [{ name: 'calls in vain', value: calls }],
      text: 'asked for, and nobody has it',
    },
  }
}
