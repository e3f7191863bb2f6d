/** Parameters of a beta distribution: successes and failures seen, and those that the prior counts for. */
export interface Beta {
  readonly a: number
  readonly b: number
}

/** Cells that a distribution is cut into for an integral, and how many standard deviations of it they cover. */
const CELLS = 64
const REACH = 8

/** Terms of the continued fraction, and the change at which it is precise enough. */
const TERMS_MAX = 300
const PRECISE = 1e-12
const TINY = 1e-300

/**
 * Probability that a share X exceeds another, Y, by more than a margin, both known as independent beta distributions: the integral of
 * P(X > y + margin) over Y, cell by cell with the exact mass of each.
 */
export function probabilityOfExcess(x: Beta, y: Beta, margin: number): number {
  const mean = y.a / (y.a + y.b)
  const deviation = Math.sqrt((mean * (1 - mean)) / (y.a + y.b + 1))
  const low = Math.max(0, mean - REACH * deviation)
  const width = (Math.min(1, mean + REACH * deviation) - low) / CELLS
  let total = 0
  let mass = 0
  let before = betaCumulative(low, y)
  for (let cell = 0; cell < CELLS; cell++) {
    const middle = low + (cell + 0.5) * width
    const now = betaCumulative(low + (cell + 1) * width, y)
    total += (now - before) * (1 - betaCumulative(middle + margin, x))
    mass += now - before
    before = now
  }
  return total / mass
}

/** The regularized incomplete beta function I_x(a, b): NIST Digital Library of Mathematical Functions, 8.17.22, by Lentz's method. */
export function betaCumulative(x: number, { a, b }: Beta): number {
  if (x <= 0) return 0
  if (x >= 1) return 1
  // The fraction converges fast on this side of the mean only.
  if (x > (a + 1) / (a + b + 2)) return 1 - betaCumulative(1 - x, { a: b, b: a })
  const front = Math.exp(a * Math.log(x) + b * Math.log1p(-x) + logGamma(a + b) - logGamma(a) - logGamma(b)) / a
  let c = 1
  let d = reciprocal(1 - ((a + b) * x) / (a + 1))
  let fraction = d
  for (let m = 1; m <= TERMS_MAX; m++) {
    const even = (m * (b - m) * x) / ((a + 2 * m - 1) * (a + 2 * m))
    d = reciprocal(1 + even * d)
    c = bounded(1 + even / c)
    fraction *= d * c
    const odd = (-(a + m) * (a + b + m) * x) / ((a + 2 * m) * (a + 2 * m + 1))
    d = reciprocal(1 + odd * d)
    c = bounded(1 + odd / c)
    fraction *= d * c
    if (Math.abs(d * c - 1) < PRECISE) break
  }
  return Math.min(1, front * fraction)
}

const bounded = (value: number): number => (Math.abs(value) < TINY ? TINY : value)
const reciprocal = (value: number): number => 1 / bounded(value)

/** Lanczos' series (SIAM Journal on Numerical Analysis B 1, 1964) with the nine coefficients for g = 7; fifteen digits. */
const LANCZOS = [
  676.5203681218851, -1259.1392167224028, 771.3234287776531, -176.6150291621406, 12.507343278686905, -0.13857109526572012,
  9.984369578019572e-6, 1.5056327351493116e-7,
]

function logGamma(z: number): number {
  let sum = 0.9999999999998099
  for (const [at, coefficient] of LANCZOS.entries()) sum += coefficient / (z + at)
  const t = z + 6.5
  return Math.log(2 * Math.PI) / 2 + (z - 0.5) * Math.log(t) - t + Math.log(sum)
}
