import { measureNested, type NestedFigures } from '../nested/measure.ts'

/** What one size came to, with what it cost here. */
export interface SizeFigures extends NestedFigures {
  /** Seconds of one core for each simulated second of daily work. */
  readonly cpuPerS: number
}

/** Measures one size in this process. */
export function measureSize(nodes: number, seed: number, measuredMs: number): SizeFigures {
  let [begun, cpuS] = [process.cpuUsage(), Number.NaN]
  const mark = (at: 'begin' | 'end'): void => {
    if (at === 'begin') begun = process.cpuUsage()
    else {
      const { user, system } = process.cpuUsage(begun)
      cpuS = (user + system) / 1e6
    }
  }
  const figures = measureNested({ seed, nodes, measuredMs, mark })
  return { ...figures, cpuPerS: cpuS / figures.seconds }
}
