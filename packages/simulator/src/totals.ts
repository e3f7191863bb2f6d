import type { LifeSummary } from './life.ts'

/** Sums over many lives. */
export type Totals = Record<Exclude<keyof LifeSummary, 'seed' | 'ordered' | 'recoveredMs'>, number> & {
  lives: number
  /** Lives whose calls the search found an order for; in the others it reached its bound. */
  ordered: number
  recoveredMaxMs: number
}

export function noTotals(): Totals {
  return {
    lives: 0,
    elections: 0,
    decided: 0,
    answered: 0,
    redemptions: 0,
    evictions: 0,
    certificates: 0,
    founded: 0,
    granted: 0,
    recoveries: 0,
    rivals: 0,
    faults: 0,
    steps: 0,
    ordered: 0,
    recoveredMaxMs: 0,
  }
}

export function addLife(totals: Totals, { ordered, recoveredMs, ...counts }: LifeSummary): void {
  totals.lives++
  totals.ordered += Number(ordered)
  totals.recoveredMaxMs = Math.max(totals.recoveredMaxMs, recoveredMs)
  for (const [name, count] of Object.entries(counts) as [keyof typeof counts, number][]) {
    if (name !== 'seed') totals[name] += count
  }
}

export function addTotals(totals: Totals, more: Totals): void {
  for (const [name, count] of Object.entries(more) as [keyof Totals, number][]) {
    totals[name] = name === 'recoveredMaxMs' ? Math.max(totals[name], count) : totals[name] + count
  }
}
