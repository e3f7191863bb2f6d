import { HORIZON_MAX_TICKS, MODEL_DISCOUNT, MODEL_PROBABILITY_MIN, WANDERS } from './constants.ts'
import { type Component, cumulative, quantile } from './mixture.ts'
import { MultiProcess, type MultiProcessSnapshot, type Posterior } from './multi-process.ts'

export interface ForecasterInit {
  /** The smallest difference that the series can show: 1 for counts. */
  resolution: number
  /** Values below it cannot be, such as negative counts: bands and means are cut there. @default none */
  least?: number
}

export interface Prediction {
  /** Ticks from the last one on. */
  ahead: number
  mean: number
  /** A tenth of the probability lies below, and a tenth above. */
  low: number
  high: number
}

export type Observed =
  | { taken: false; reason: string }
  | {
      taken: true
      /** Where in the distribution foretold for it the value came: uniform between 0 and 1 if the model is right. Null while warming up. */
      place: number | null
      /** The mean that was foretold. */
      expected: number | null
    }

/** Plain data: what a forecaster goes on from. */
export interface ForecasterSnapshot {
  models: readonly MultiProcessSnapshot[]
  /** Logarithms of what the models were worth so far. */
  evidence: readonly number[]
}

/**
 * Foretells one series: models of Harrison and Stevens that differ in how the series wanders, each weighed by how well it foretold the last values (a
 * mixture of class I over class II; West and Harrison, section 12.2).
 */
export class Forecaster {
  readonly #models: readonly MultiProcess[]
  readonly #evidence: number[]
  readonly #least: number
  #weights: readonly number[]

  constructor({ resolution, least = Number.NEGATIVE_INFINITY }: ForecasterInit, snapshot?: ForecasterSnapshot) {
    this.#models = WANDERS.map((wander, index) => new MultiProcess({ resolution, wander }, snapshot?.models[index]))
    this.#evidence = WANDERS.map((_, index) => snapshot?.evidence[index] ?? 0)
    this.#weights = weightsOf(this.#evidence)
    this.#least = least
  }

  /** Values taken so far. */
  get observed(): number {
    return this.#models[0]?.observed ?? 0
  }

  /** Whether there have been values enough to foretell anything. */
  get isReady(): boolean {
    return this.#models[0]?.isReady ?? false
  }

  get level(): number | null {
    return this.#mean((model) => model.level)
  }

  /** Per tick. */
  get slope(): number | null {
    return this.#mean((model) => model.slope)
  }

  /** What this tick was, by what is known at this tick: a step cannot be told from a transient yet. */
  get current(): Posterior {
    return this.#posterior((model) => model.current)
  }

  /** What the tick before was, now that the one after is known. */
  get settled(): Posterior {
    return this.#posterior((model) => model.settled)
  }

  /** How probable it is that the series does not wander: that the posteriors are those of Harrison's and Stevens's own model. */
  get stillness(): number {
    return this.#weights[0] ?? 0
  }

  snapshot(): ForecasterSnapshot {
    return { models: this.#models.map((model) => model.snapshot()), evidence: [...this.#evidence] }
  }

  /** One tick with its value. What is no value is refused, and the tick has yet to come. */
  observe(value: number): Observed {
    const freedom = this.#freedom
    const foretold = this.isReady ? this.#components(1) : undefined
    for (const [index, model] of this.#models.entries()) {
      const learned = model.observe(value)
      if (!learned.taken) return learned
      if (learned.evidence !== null) this.#evidence[index] = MODEL_DISCOUNT * (this.#evidence[index] ?? 0) + learned.evidence
    }
    this.#settleEvidence()
    if (foretold === undefined) return { taken: true, place: null, expected: null }
    return { taken: true, place: cumulative(foretold, freedom, value), expected: this.#possible(meanOf(foretold)) }
  }

  /** One tick without a value: what is known ages, nothing is learned. */
  miss(): void {
    for (const model of this.#models) model.miss()
  }

  /** What is to be expected `ahead` ticks from the last, a thousand at most; undefined while warming up. */
  predict(ahead: number): Prediction | undefined {
    if (!this.isReady) return undefined
    const horizon = Math.min(Math.max(1, Math.trunc(ahead)), HORIZON_MAX_TICKS)
    const components = this.#components(horizon)
    const at = (probability: number): number => this.#possible(quantile(components, this.#freedom, probability))
    return { ahead: horizon, mean: this.#possible(meanOf(components)), low: at(0.1), high: at(0.9) }
  }

  /** That the value `ahead` ticks from the last is above one; undefined while warming up. */
  probabilityAbove(value: number, ahead: number): number | undefined {
    if (!this.isReady) return undefined
    const horizon = Math.min(Math.max(1, Math.trunc(ahead)), HORIZON_MAX_TICKS)
    return 1 - cumulative(this.#components(horizon), this.#freedom, value)
  }

  /** Only differences count: the best model stands at nought, so that no sum grows without bound. */
  #settleEvidence(): void {
    const best = Math.max(...this.#evidence)
    const worst = Math.log(MODEL_PROBABILITY_MIN)
    for (const [index, value] of this.#evidence.entries()) this.#evidence[index] = Math.max(value - best, worst)
    this.#weights = weightsOf(this.#evidence)
  }

  get #freedom(): number {
    return this.#models[0]?.freedom ?? 1
  }

  #components(ahead: number): Component[] {
    const components: Component[] = []
    for (const [index, model] of this.#models.entries()) {
      const share = this.#weights[index] ?? 0
      for (const component of model.foretell(ahead)) {
        component.weight *= share
        components.push(component)
      }
    }
    return components
  }

  #possible(value: number): number {
    return Math.max(this.#least, value)
  }

  #mean(of: (model: MultiProcess) => number | null): number | null {
    let sum = 0
    for (const [index, model] of this.#models.entries()) {
      const value = of(model)
      if (value === null) return null
      sum += value * (this.#weights[index] ?? 0)
    }
    return sum
  }

  #posterior(of: (model: MultiProcess) => Posterior): Posterior {
    const at = (state: keyof Posterior): number => this.#mean((model) => of(model)[state]) ?? 0
    return { 'no-change': at('no-change'), step: at('step'), slope: at('slope'), transient: at('transient') }
  }
}

function weightsOf(evidence: readonly number[]): readonly number[] {
  const shares = evidence.map((value) => Math.exp(value))
  const total = shares.reduce((sum, share) => sum + share, 0)
  return shares.map((share) => share / total)
}

function meanOf(components: readonly Component[]): number {
  let sum = 0
  for (const { weight, mean } of components) sum += weight * mean
  return sum
}
