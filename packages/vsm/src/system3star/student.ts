/**
 * Upper tail of Student's t. By Wallace's approximation (D. Wallace, "Bounds on normal approximations to Student's and the chi-square
 * distributions", 1959), some per cent off at five degrees of freedom and better beyond, and always for larger tails when it matters here:
 * it is calibrated, not exact.
 */
export function studentTail(t: number, freedom: number): number {
  if (t <= 0) return 1 - (t === 0 ? 0.5 : studentTail(-t, freedom))
  const z = Math.sqrt(freedom * Math.log1p((t * t) / freedom)) * ((8 * freedom + 1) / (8 * freedom + 3))
  return 0.5 * complementaryError(z / Math.SQRT2)
}

/** Chebyshev fit with a relative error below 1.2e-7 (W. Press et al., "Numerical Recipes", 2nd ed., 6.2); for x ≥ 0. */
function complementaryError(x: number): number {
  const t = 1 / (1 + 0.5 * x)
  const coefficients = [
    0.17087277, -0.82215223, 1.48851587, -1.13520398, 0.27886807, -0.18628806, 0.09678418, 0.37409196, 1.00002368, -1.26551223,
  ]
  const exponent = coefficients.reduce((sum, coefficient) => sum * t + coefficient, 0)
  return t * Math.exp(-x * x + exponent)
}
