import type { Severity } from '@vsmcp/kernel'

/** Whose affair an alert is: the node's that felt it, the group's System 5, or what is above the group. */
export type Level = 'node' | 'group' | 'above'

/** Milliseconds a level has to remedy an alert before the next one is told. Above the group there is no term: there it stays. */
export type Terms = Readonly<Record<Exclude<Level, 'above'>, Readonly<Record<Severity, number>>>>

/**
 * Chosen for tools that people wait for: what is critical goes straight to the top; a unit gets its restarts (three in ten seconds)
 * before anybody hears of it; what nobody saw to within an hour is somebody else's affair.
 */
export const DEFAULT_TERMS: Terms = {
  node: { critical: 0, high: 10_000, low: 60_000 },
  group: { critical: 60_000, high: 5 * 60_000, low: 60 * 60_000 },
}

/** What the group has not remedied within its term. Times are of one clock. */
export function isOverdue(alert: { severity: Severity; raisedAtMs: number }, terms: Terms, nowMs: number): boolean {
  return nowMs - alert.raisedAtMs >= terms.group[alert.severity]
}
