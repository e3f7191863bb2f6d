import { OBSERVATION_MAX, SCALE_DISCOUNT, SCALE_EVIDENCE_AT_START, STATES, WARM_UP_TICKS } from './constants.ts'
import type { Component } from './mixture.ts'

export type StateName = (typeof STATES)[number]['name']
export type Posterior = Readonly<Record<StateName, number>>

export interface MultiProcessInit {
  /**
   * The smallest difference that the series can show: 1 for counts. What it is measured to is a bound on how well it can be foretold, so that a
   * series that stood still for an hour does not take the next call for a miracle.
   */
  resolution: number
  /**
   * By how much the level and the slope wander at every tick, whatever its state: variances as multiples of the observation variance. Harrison's and
   * Stevens's model has none. @default none
   */
  wander?: Wander
}

export interface Wander {
  readonly level: number
  readonly slope: number
}

/** What is known of the series if this tick was in a given state: a normal-gamma of level and slope. */
interface Hypothesis {
  probability: number
  level: number
  slope: number
  levelVariance: number
  covariance: number
  slopeVariance: number
  /** Estimate of the observation variance. */
  scale: number
}

/** Plain data: what a model goes on from. */
export interface MultiProcessSnapshot {
  /** Values before the model could begin; `null` is a tick without one. */
  warmUp: readonly (number | null)[]
  hypotheses: readonly Hypothesis[]
  previous: readonly number[]
  freedom: number
  observed: number
}

export type Learned =
  | { taken: false; reason: string }
  | {
      taken: true
      /** Logarithm of how likely the value was, but for a term that is the same for every model of the series. Null while warming up. */
      evidence: number | null
    }

const STILL: Wander = { level: 0, slope: 0 }

const NONE: Posterior = { 'no-change': 1, step: 0, slope: 0, transient: 0 }

/**
 * The multi-process dynamic linear model of class II that Cybersyn's Cyberstride went by: linear growth, and four things that may be happening
 * at any tick. Each tick every hypothesis on the last one is carried on under every hypothesis on this one; the sixteen that result are collapsed to four
 * by their moments. That makes a step known from a transient one tick late, when the next value has come (`settled`).
 *
 * P. J. Harrison, C. F. Stevens, "Bayesian forecasting", Journal of the Royal Statistical Society B 38 (1976); with the observation variance
 * learned from the series, M. West, J. Harrison, Bayesian Forecasting and Dynamic Models, 2nd ed. (1997), section 12.4.
 */
export class MultiProcess {
  readonly #scaleMin: number
  readonly #wander: Wander
  readonly #warmUp: (number | null)[]
  #hypotheses: readonly Hypothesis[]
  #previous: readonly number[]
  #freedom: number
  #observed: number

  constructor({ resolution, wander = STILL }: MultiProcessInit, snapshot?: MultiProcessSnapshot) {
    // Variance of rounding to multiples of the resolution.
    this.#scaleMin = (resolution * resolution) / 12
    this.#wander = wander
    this.#warmUp = [...(snapshot?.warmUp ?? [])]
    this.#hypotheses = snapshot?.hypotheses ?? []
    this.#previous = snapshot?.previous ?? []
    this.#freedom = snapshot?.freedom ?? SCALE_EVIDENCE_AT_START
    this.#observed = snapshot?.observed ?? 0
  }

  /** Values taken so far. */
  get observed(): number {
    return this.#observed
  }

  /** Whether there have been values enough to foretell anything. */
  get isReady(): boolean {
    return this.#hypotheses.length > 0
  }

  get level(): number | null {
    return this.isReady ? this.#mean((each) => each.level) : null
  }

  /** Per tick. */
  get slope(): number | null {
    return this.isReady ? this.#mean((each) => each.slope) : null
  }

  /** Standard deviation of the observations around the level. */
  get noise(): number | null {
    return this.isReady ? Math.sqrt(this.#mean((each) => each.scale)) : null
  }

  /** What this tick was, by what is known at this tick: a step cannot be told from a transient yet. */
  get current(): Posterior {
    return this.isReady ? posterior(this.#hypotheses.map((each) => each.probability)) : NONE
  }

  /** What the tick before was, now that the one after is known. */
  get settled(): Posterior {
    return this.#previous.length === 0 ? NONE : posterior(this.#previous)
  }

  snapshot(): MultiProcessSnapshot {
    return {
      warmUp: [...this.#warmUp],
      hypotheses: this.#hypotheses,
      previous: this.#previous,
      freedom: this.#freedom,
      observed: this.#observed,
    }
  }

  /** One tick with its value. What is no value is refused, and the tick has yet to come. */
  observe(value: number): Learned {
    if (!Number.isFinite(value)) return { taken: false, reason: `${value} is not a number` }
    if (Math.abs(value) > OBSERVATION_MAX) return { taken: false, reason: `${value} is beyond ${OBSERVATION_MAX}` }
    this.#observed++
    if (this.isReady) return { taken: true, evidence: this.#update(value) }
    this.#begin(value)
    return { taken: true, evidence: null }
  }

  /** One tick without a value: what is known ages, nothing is learned. */
  miss(): void {
    if (!this.isReady) {
      this.#missWhileWarmingUp()
      return
    }
    this.#previous = this.#hypotheses.map((each) => each.probability)
    this.#hypotheses = STATES.map((state) => collapse(this.#hypotheses.map((each) => carry(each, state, this.#wander))))
  }

  get freedom(): number {
    return this.#freedom
  }

  /**
   * The mixture of Student-t distributions, of `freedom` degrees, that is foretold `ahead` ticks after the last; empty while warming up. Exact for
   * the next tick; further ahead at most one lasting change on the way is counted, at any tick with equal chance.
   */
  foretell(ahead: number): Component[] {
    const before = ahead - 1
    const components: Component[] = []
    const { level: levelWander, slope: slopeWander } = this.#wander
    const wandered = ahead * levelWander + slopeWander * squaresUpTo(ahead)
    for (const { way, chance } of waysAhead(before)) {
      // A slope that changes at a tick has moved the level at each tick from then on: the mean of the squares of 2 to `ahead`.
      const changed = way === 'step' ? STEP.level : way === 'slope' ? (SLOPE.slope * (squaresUpTo(ahead) - 1)) / before : 0
      for (const each of this.#hypotheses) {
        const { levelVariance, covariance, slopeVariance, scale } = each
        const level = levelVariance + 2 * ahead * covariance + ahead * ahead * slopeVariance
        for (const state of STATES) {
          components.push({
            weight: each.probability * chance * state.prior,
            mean: each.level + ahead * each.slope,
            scale: level + scale * (changed + wandered + state.level + state.slope + state.observation),
          })
        }
      }
    }
    return components
  }

  #missWhileWarmingUp(): void {
    if (this.#warmUp.length === 0) return
    this.#warmUp.push(null)
    const gap = this.#warmUp.length - 1 - this.#warmUp.findLastIndex((value) => value !== null)
    // What lies before so long a gap says little of what comes after it; this is the bound of the warm-up, too.
    if (gap >= WARM_UP_TICKS) this.#warmUp.length = 0
  }

  #begin(value: number): void {
    this.#warmUp.push(value)
    const values = this.#warmUp.filter((each) => each !== null)
    if (values.length < WARM_UP_TICKS) return
    const scale = Math.max(roughVariance(values), this.#scaleMin)
    const first = values[0] ?? value
    const vague = { level: first, slope: 0, levelVariance: scale * 100, covariance: 0, slopeVariance: scale, scale }
    this.#hypotheses = STATES.map(({ prior }) => ({ probability: prior, ...vague }))
    for (const each of this.#warmUp.splice(0)) {
      if (each === null) this.miss()
      else this.#update(each)
    }
  }

  /** @returns the logarithm of how likely the value was, but for a constant */
  #update(value: number): number {
    const freedom = this.#freedom
    const evidence = SCALE_DISCOUNT * freedom + 1
    const branches = this.#hypotheses.map((from) =>
      STATES.map((state) => learn(carry(from, state, this.#wander), state, value, evidence)),
    )
    let likeliest = Number.NEGATIVE_INFINITY
    for (const row of branches) for (const { logWeight } of row) likeliest = Math.max(likeliest, logWeight)
    let total = 0
    for (const row of branches) {
      for (const branch of row) {
        branch.probability = Math.exp(branch.logWeight - likeliest)
        total += branch.probability
      }
    }
    for (const row of branches) for (const branch of row) branch.probability /= total
    this.#previous = branches.map((row) => row.reduce((sum, { probability }) => sum + probability, 0))
    this.#hypotheses = STATES.map((_, index) =>
      withScaleOfAtLeast(this.#scaleMin, collapse(branches.flatMap((row) => row[index] ?? []))),
    )
    this.#freedom = evidence
    return likeliest + Math.log(total)
  }

  #mean(of: (hypothesis: Hypothesis) => number): number {
    return this.#hypotheses.reduce((sum, each) => sum + each.probability * of(each), 0)
  }
}

const [, STEP, SLOPE] = STATES

type State = (typeof STATES)[number]

interface Branch extends Hypothesis {
  logWeight: number
}

/** What may have happened to level and slope in so many ticks. */
function waysAhead(ticks: number): { way: 'none' | 'step' | 'slope'; chance: number }[] {
  if (ticks === 0) return [{ way: 'none', chance: 1 }]
  const none = (1 - STEP.prior - SLOPE.prior) ** ticks
  const share = STEP.prior / (STEP.prior + SLOPE.prior)
  return [
    { way: 'none', chance: none },
    { way: 'step', chance: (1 - none) * share },
    { way: 'slope', chance: (1 - none) * (1 - share) },
  ]
}

/** A hypothesis of the last tick carried to this one, before its value is known. Its probability is that of both together. */
function carry(from: Hypothesis, state: State, wander: Wander): Hypothesis {
  const { level, slope, levelVariance, covariance, slopeVariance, scale } = from
  const turned = slopeVariance + scale * (state.slope + wander.slope)
  return {
    probability: from.probability * state.prior,
    level: level + slope,
    slope,
    levelVariance: levelVariance + 2 * covariance + turned + scale * (state.level + wander.level),
    covariance: covariance + turned,
    slopeVariance: turned,
    scale,
  }
}

/** The value is known: Kalman's step, with the scale learned beside it. `evidence` counts this value. */
function learn(prior: Hypothesis, state: State, value: number, evidence: number): Branch {
  const { level, slope, levelVariance, covariance, slopeVariance, scale } = prior
  const variance = levelVariance + scale * state.observation
  const error = value - level
  const surprise = (error * error) / variance
  const levelGain = levelVariance / variance
  const slopeGain = covariance / variance
  const learned = (evidence - 1 + surprise) / evidence
  const freedom = evidence - 1
  return {
    probability: 0,
    logWeight: Math.log(prior.probability) - Math.log(variance) / 2 - ((freedom + 1) / 2) * Math.log1p(surprise / freedom),
    level: level + levelGain * error,
    slope: slope + slopeGain * error,
    levelVariance: learned * (levelVariance - levelGain * levelGain * variance),
    covariance: learned * (covariance - levelGain * slopeGain * variance),
    slopeVariance: learned * (slopeVariance - slopeGain * slopeGain * variance),
    scale: learned * scale,
  }
}

/** One hypothesis for several, with their moments (West and Harrison, equation 12.44 ff.); the branches' weights need not sum to one. */
function collapse(branches: readonly Hypothesis[]): Hypothesis {
  let probability = 0
  for (const branch of branches) probability += branch.probability
  // None of them is possible: alike then, so that what comes next can still tell.
  const weightOf = (branch: Hypothesis): number => (probability > 0 ? branch.probability / probability : 1 / branches.length)
  let precision = 0
  for (const branch of branches) precision += weightOf(branch) / branch.scale
  const scale = 1 / precision
  let level = 0
  let slope = 0
  for (const branch of branches) {
    const weight = (weightOf(branch) * scale) / branch.scale
    level += weight * branch.level
    slope += weight * branch.slope
  }
  let levelVariance = 0
  let covariance = 0
  let slopeVariance = 0
  for (const branch of branches) {
    const weight = (weightOf(branch) * scale) / branch.scale
    const offLevel = branch.level - level
    const offSlope = branch.slope - slope
    levelVariance += weight * (branch.levelVariance + offLevel * offLevel)
    covariance += weight * (branch.covariance + offLevel * offSlope)
    slopeVariance += weight * (branch.slopeVariance + offSlope * offSlope)
  }
  return { probability, level, slope, levelVariance, covariance, slopeVariance, scale }
}

function withScaleOfAtLeast(scaleMin: number, hypothesis: Hypothesis): Hypothesis {
  return hypothesis.scale >= scaleMin ? hypothesis : { ...hypothesis, scale: scaleMin }
}

/** 1² + 2² + … + n² */
function squaresUpTo(n: number): number {
  return (n * (n + 1) * (2 * n + 1)) / 6
}

/** Half the square of the median change from value to value, brought to the scale of a normal distribution. */
function roughVariance(values: readonly number[]): number {
  const changes = values.slice(1).map((value, index) => Math.abs(value - (values[index] ?? value)))
  const median = changes.sort((a, b) => a - b)[Math.floor(changes.length / 2)] ?? 0
  return (1.4826 * median) ** 2 / 2
}

function posterior(probabilities: readonly number[]): Posterior {
  const [noChange = 0, step = 0, slope = 0, transient = 0] = probabilities
  return { 'no-change': noChange, step, slope, transient }
}
