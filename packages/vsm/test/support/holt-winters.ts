const GRID = [0.01, 0.05, 0.1, 0.2, 0.3, 0.5, 0.7, 0.9]
const SEASONAL_GRID = [0.05, 0.1, 0.3, 0.6]

interface Weights {
  level: number
  trend: number
  season: number
}

/**
 * The additive method of Holt and Winters (P. R. Winters, Management Science 6, 1960); Holt's own where a season is one tick long. A missing value is
 * taken to be what was foretold for it. The weights are the best, by grid, for the values before `from`.
 * @returns for each tick from `from` on, what was foretold for it by what came before
 */
export function holtWinters(values: readonly (number | null)[], season: number, from: number): number[] {
  let best: { error: number; weights: Weights } | undefined
  for (const level of GRID) {
    for (const trend of GRID) {
      for (const seasonal of season === 1 ? [0] : SEASONAL_GRID) {
        const weights = { level, trend, season: seasonal }
        const foretold = run(values.slice(0, from), season, weights)
        let error = 0
        for (let tick = 2 * season; tick < from; tick++)
          error += Math.abs((values[tick] ?? foretold[tick] ?? 0) - (foretold[tick] ?? 0))
        if (best === undefined || error < best.error) best = { error, weights }
      }
    }
  }
  return run(values, season, best?.weights ?? { level: 0.5, trend: 0.1, season: 0.1 }).slice(from)
}

function run(values: readonly (number | null)[], season: number, weights: Weights): number[] {
  const known = values.map((value, index) => value ?? values.slice(0, index).findLast((each) => each !== null) ?? 0)
  const firsts = known.slice(0, season)
  const seconds = known.slice(season, 2 * season)
  let level = mean(firsts)
  let trend = (mean(seconds) - level) / season
  const seasonal = firsts.map((value) => (season === 1 ? 0 : value - level))
  const foretold: number[] = []
  for (const [tick, given] of values.entries()) {
    const offset = seasonal[tick % season] ?? 0
    const expected = level + trend + offset
    foretold.push(expected)
    const value = given ?? expected
    const before = level
    level = weights.level * (value - offset) + (1 - weights.level) * (level + trend)
    trend = weights.trend * (level - before) + (1 - weights.trend) * trend
    seasonal[tick % season] = weights.season * (value - level) + (1 - weights.season) * offset
  }
  return foretold
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / Math.max(1, values.length)
}
