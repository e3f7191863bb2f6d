/** What a bench is given. */
export interface BenchContext {
  /** How often everything is measured; figures are medians over the rounds. */
  rounds: number
  /** How long a bench lasts that watches for something that should not happen. */
  minutes: number
  /** A folder of this run's own; removed afterwards. */
  folder: string
  say(line: string): void
}

/** One of the things compared, ours or a reference, with its figures as medians over the rounds. */
export interface Subject {
  name: string
  figures: Record<string, number>
}

/** A figure that was asked for, and whether it was reached. */
export interface Target {
  what: string
  /** As a sentence: "at least 1.5", "at most 300 ms". */
  target: string
  value: number
  met: boolean
}

export interface BenchOutcome {
  /** What the figures are medians of, when it is not the rounds. */
  basis?: string
  subjects: Subject[]
  targets: Target[]
  /** What a reader must know to judge the figures. */
  notes: string[]
}

export interface Bench {
  name: string
  title: string
  run(context: BenchContext): Promise<BenchOutcome>
}

export const atLeast = (what: string, value: number, min: number, unit = ''): Target => ({
  what,
  target: `at least ${min}${unit}`,
  value,
  met: value >= min,
})

export const atMost = (what: string, value: number, max: number, unit = ''): Target => ({
  what,
  target: `at most ${max}${unit}`,
  value,
  met: value <= max,
})

/** How the first subject stands against each other one, in words. */
export function ratios([ours, ...others]: readonly Subject[], figure: string): string[] {
  const own = ours?.figures[figure] ?? Number.NaN
  return others.map(
    ({ name, figures }) => `${figure}: ${name} takes ${((figures[figure] ?? Number.NaN) / own).toPrecision(3)} × ours.`,
  )
}

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b)
  const middle = Math.floor(sorted.length / 2)
  const upper = sorted[middle] ?? Number.NaN
  return sorted.length % 2 === 1 ? upper : (upper + (sorted[middle - 1] ?? Number.NaN)) / 2
}

/** Medians, figure by figure, of what the rounds gave. */
export function medians(rounds: readonly Record<string, number>[]): Record<string, number> {
  const names = Object.keys(rounds[0] ?? {})
  return Object.fromEntries(names.map((name) => [name, median(rounds.map((round) => round[name] ?? Number.NaN))]))
}

/** A B C in one round, C B A in the next, so that a machine that slows down or warms up favours nobody. */
export function alternating<T>(items: readonly T[], round: number): T[] {
  return round % 2 === 0 ? [...items] : [...items].reverse()
}
