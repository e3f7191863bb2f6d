import type { PeerIdString } from '@vsmcp/kernel'
import type { MeasuredReport, ReportedAccount } from '../system1/unit-report.ts'
import { REPORT_CALLERS_MAX } from '../system1/constants.ts'
import { AUDIT_CALLS_MIN, CLAIM_RATIO, P_MIN } from './constants.ts'
import type { Span } from './own-record.ts'
import { studentTail } from './student.ts'

/** What was claimed against what was seen, and how probable that is of an honest host. */
export interface Check {
  readonly kind: 'calls' | 'errors' | 'latency'
  readonly claimed: number
  readonly measured: number
  readonly p: number
}

type Growth = Omit<ReportedAccount, 'node'>

/** What the host says it did for this caller between two of its reports; undefined when they do not say. */
export function claimedBetween(self: PeerIdString, before: MeasuredReport, now: MeasuredReport): Growth | undefined {
  if (before.life !== now.life) return undefined
  const [from, to] = [accountOf(self, before), accountOf(self, now)]
  if (from === undefined || to === undefined) return undefined
  return { answered: to.answered - from.answered, refused: to.refused - from.refused, latencyMs: to.latencyMs - from.latencyMs }
}

function accountOf(self: PeerIdString, { callers }: MeasuredReport): Growth | undefined {
  const account = callers.find(({ node }) => node === self)
  if (account !== undefined) return account
  // Among the first sixteen of more it may just not be.
  return callers.length < REPORT_CALLERS_MAX ? { answered: 0, refused: 0, latencyMs: 0 } : undefined
}

/**
 * The host's account of the auditor's own calls against the auditor's record of the same calls, so that no difference between callers
 * can look like a lie. Numbers are compared outright, but for calls near the edges. The latency is a one-sided t-test of the mean time that
 * was surely the host's against the claimed mean, which may be a fifth too low before it counts.
 */
export function compare(claimed: Growth, seen: Span): readonly Check[] {
  const claimedCalls = claimed.answered + claimed.refused
  const sure = seen.answered + seen.refused
  const isCallsOff = claimedCalls < sure || claimedCalls > seen.possibly
  const checks: Check[] = [
    { kind: 'calls', claimed: claimedCalls, measured: sure, p: isCallsOff ? P_MIN : 1 },
    { kind: 'errors', claimed: claimed.refused, measured: seen.refused, p: claimed.refused < seen.refused ? P_MIN : 1 },
  ]
  if (sure < AUDIT_CALLS_MIN || claimedCalls === 0) return checks
  const claimedMs = claimed.latencyMs / claimedCalls
  const { mean, deviation } = momentsOf(seen.atHostMs)
  const difference = mean - claimedMs / CLAIM_RATIO
  const p = deviation === 0 ? (difference > 0 ? P_MIN : 1) : studentTail((difference * Math.sqrt(sure)) / deviation, sure - 1)
  return [...checks, { kind: 'latency', claimed: claimedMs, measured: mean, p }]
}

function momentsOf(values: readonly number[]): { mean: number; deviation: number } {
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length
  const squares = values.reduce((sum, value) => sum + (value - mean) ** 2, 0)
  return { mean, deviation: Math.sqrt(squares / (values.length - 1)) }
}
