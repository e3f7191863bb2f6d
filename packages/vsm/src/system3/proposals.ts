import type { ProposalContent, UnitLimits } from '@vsmcp/kernel'
import { P_MIN } from '../system3star/constants.ts'
import type { Finding } from '../system3star/auditor.ts'
import { ASKED_DOSE, BOUND_SHARE, WEIGHT_MAX } from './constants.ts'
import type { MetricOwed } from './performance-monitor.ts'

/** A proposal before it is told where, and until when. */
export type Draft = Omit<ProposalContent, 'at' | 'expiresAtMs'>

/** A unit as its System 3 sees it: what it is granted, on which terms, and whether that is what it lacks. */
export interface UnitStanding {
  readonly unit: string
  readonly weight: number
  /** What it may have in work by the terms it was attached on, and by its last grant. */
  readonly concurrencyMax: number
  readonly limits: UnitLimits
  /** More than that in work no unit can have. */
  readonly concurrencyMost: number
  readonly calls: number
  readonly turnedAway: number
  readonly meanInFlight: number
  readonly meanQueued: number
}

export interface MissedTarget {
  readonly metric: MetricOwed
  readonly target: number
  readonly measured: number
  /** Windows in a row. */
  readonly windows: number
}

/**
 * After so many in a row: that it is so more often than not, with nothing known before (the posterior of a share above one half, from a uniform
 * prior).
 */
export function probabilityAfterRun(times: number): number {
  return 1 - 0.5 ** (Math.max(0, times) + 1)
}

/** Whether calls wait for want of what System 3 has to give; else more of it would change nothing. */
export function lacksRoom({ turnedAway, meanInFlight, meanQueued, limits }: UnitStanding): boolean {
  return turnedAway > 0 || meanQueued > 0.5 || meanInFlight >= BOUND_SHARE * limits.concurrency
}

/**
 * What System 3 asks for when a target is missed though it has bargained again: more weight while others take what the unit needs; more calls at once
 * where its own terms are the bound. Undefined where neither would help: the unit itself is too slow, or fails by itself.
 */
export function proposalOfMiss(standing: UnitStanding, { metric, target, measured, windows }: MissedTarget): Draft | undefined {
  if (!lacksRoom(standing)) return undefined
  if (metric === 'errors' && standing.turnedAway === 0) return undefined
  const more = moreFor(standing)
  if (more === undefined) return undefined
  const text = `missed in ${windows} windows in a row, though bargained for anew`
  return {
    from: 'system3',
    ...more,
    effect: { metric, before: measured, goal: target },
    evidence: {
      probability: probabilityAfterRun(windows),
      samples: windows,
      figures: figuresOf(standing),
      text,
    },
  }
}

/** Twice as much of what is the bound; undefined where there is no more of it. */
export function moreFor(standing: UnitStanding): Pick<Draft, 'kind' | 'subject' | 'asked' | 'held'> | undefined {
  const { unit: subject, weight, concurrencyMax, concurrencyMost, limits } = standing
  if (limits.concurrency < concurrencyMax) {
    return weight < WEIGHT_MAX
      ? { kind: 'weight', subject, asked: Math.min(WEIGHT_MAX, weight * ASKED_DOSE), held: weight }
      : undefined
  }
  const asked = Math.min(concurrencyMost, concurrencyMax * ASKED_DOSE)
  return asked > concurrencyMax ? { kind: 'concurrency', subject, asked, held: concurrencyMax } : undefined
}

export function figuresOf({ limits, meanInFlight, meanQueued, turnedAway, calls }: UnitStanding): Draft['evidence']['figures'] {
  return [
    { name: 'calls', value: calls },
    { name: 'turned away', value: turnedAway },
    { name: 'in flight', value: meanInFlight },
    { name: 'queued', value: meanQueued },
    { name: 'granted', value: limits.concurrency },
  ]
}

/** What 3* found of a unit elsewhere, as a proposal to take its room away. Undefined for what is over, or about a node as a whole. */
export function proposalOfFinding({ unit, kind, audits, overMs, claimed, measured }: Finding, held: number): Draft | undefined {
  if (unit === undefined || overMs !== undefined) return undefined
  return {
    from: 'system3',
    kind: 'quarantine',
    subject: unit,
    asked: 1,
    held,
    effect: { metric: 'in-flight', before: held, goal: 1 },
    evidence: {
      probability: 1 - P_MIN,
      samples: Math.max(1, audits),
      figures: [{ name: 'audits', value: audits }],
      text: `${kind}: claimed ${claimed}, found ${measured}`.slice(0, 160),
    },
  }
}
