/** Mean of paired differences, with its 95 % confidence interval by Student's t, and the interval that holds for so many comparisons at once (Bonferroni). */
export interface Difference {
  readonly mean: number
  readonly low: number
  readonly high: number
  /** Zero lies outside the wider interval, too. */
  readonly isCertain: boolean
}

export interface Interval {
  readonly mean: number
  readonly low: number
  readonly high: number
}

export function intervalOf(values: readonly number[], confidence = 0.95): Interval {
  const count = values.length
  const mean = values.reduce((sum, value) => sum + value, 0) / count
  if (count < 2) return { mean, low: mean, high: mean }
  const variance = values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / (count - 1)
  const half = studentQuantile((1 + confidence) / 2, count - 1) * Math.sqrt(variance / count)
  return { mean, low: mean - half, high: mean + half }
}

/** @param comparisons made in all */
export function differenceOf(ablated: readonly number[], whole: readonly number[], comparisons: number): Difference {
  const differences = ablated.map((value, at) => value - (whole[at] ?? 0))
  const wide = intervalOf(differences, 1 - 0.05 / comparisons)
  return { ...intervalOf(differences), isCertain: wide.low > 0 || wide.high < 0 }
}

/** By bisection of the distribution, which is integrated: exact to six digits, and nobody waits for it. */
export function studentQuantile(probability: number, freedom: number): number {
  let [low, high] = [0, 1_000]
  for (let i = 0; i < 60; i++) {
    const middle = (low + high) / 2
    if (studentCumulative(middle, freedom) < probability) low = middle
    else high = middle
  }
  return (low + high) / 2
}

/** For t ≥ 0. With t = √ν tan θ the density is cosᵛ⁻¹ θ, up to a factor that falls out; Simpson's rule. */
function studentCumulative(t: number, freedom: number): number {
  const integral = (to: number): number => {
    const steps = 2_000
    const width = to / steps
    let sum = 0
    for (let step = 0; step <= steps; step++) {
      const weight = step === 0 || step === steps ? 1 : step % 2 === 1 ? 4 : 2
      sum += weight * Math.cos(step * width) ** (freedom - 1)
    }
    return (sum * width) / 3
  }
  return 0.5 + (0.5 * integral(Math.atan(t / Math.sqrt(freedom)))) / integral(Math.PI / 2)
}
