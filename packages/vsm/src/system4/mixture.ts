/** One Student-t distribution of a mixture. */
export interface Component {
  weight: number
  mean: number
  /** Square of its scale: the variance of the normal distribution it tends to. */
  scale: number
}

/** How fine a quantile is found: halvings of an interval some hundred scales wide, to a millionth of a scale. */
const HALVINGS = 30

/** What weighs less moves no quantile that anybody asks for. */
const WEIGHT_MIN = 1e-5

/** Scales left and right of the outermost means between which every quantile asked for lies. */
const REACH = 40

/**
 * Probability that a mixture of Student-t distributions with the same degrees of freedom lies at or below `x`.
 * @param weights of the components sum to one
 */
export function cumulative(components: readonly Component[], freedom: number, x: number): number {
  let total = 0
  for (const { weight, mean, scale } of components) total += weight * studentCumulative((x - mean) / Math.sqrt(scale), freedom)
  return total
}

/** The `x` at which the mixture's cumulative probability is `probability`, between 0.001 and 0.999. */
export function quantile(all: readonly Component[], freedom: number, probability: number): number {
  const components = all.filter(({ weight }) => weight >= WEIGHT_MIN)
  const total = components.reduce((sum, { weight }) => sum + weight, 0)
  let low = Number.POSITIVE_INFINITY
  let high = Number.NEGATIVE_INFINITY
  for (const { mean, scale } of components) {
    const reach = REACH * Math.sqrt(scale)
    low = Math.min(low, mean - reach)
    high = Math.max(high, mean + reach)
  }
  for (let i = 0; i < HALVINGS; i++) {
    const middle = (low + high) / 2
    if (cumulative(components, freedom, middle) < probability * total) low = middle
    else high = middle
  }
  return (low + high) / 2
}

/** By the normal deviate of the same probability (D. L. Wallace, Annals of Mathematical Statistics 30, 1959): to 0.005 from two degrees on. */
export function studentCumulative(t: number, freedom: number): number {
  const deviate = ((8 * freedom + 1) / (8 * freedom + 3)) * Math.sqrt(freedom * Math.log1p((t * t) / freedom))
  return normalCumulative(t < 0 ? -deviate : deviate)
}

/** M. Abramowitz, I. A. Stegun, Handbook of Mathematical Functions, 26.2.17: to 7.5e-8. */
export function normalCumulative(z: number): number {
  const t = 1 / (1 + 0.2316419 * Math.abs(z))
  const polynomial = t * (0.31938153 + t * (-0.356563782 + t * (1.781477937 + t * (-1.821255978 + t * 1.330274429))))
  const tail = (Math.exp((-z * z) / 2) / Math.sqrt(2 * Math.PI)) * polynomial
  return z < 0 ? tail : 1 - tail
}
