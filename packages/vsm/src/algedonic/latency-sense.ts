import { cumulative } from '../system4/mixture.ts'
import { MultiProcess, type MultiProcessSnapshot } from '../system4/multi-process.ts'
import { BRISK_PROBABILITY, LATENCY_CALLS_MIN, SLOW_FACTOR, SLOW_MIN_MS, SLOW_PROBABILITY, USUAL_KEPT } from './constants.ts'

export interface LatencyWindow {
  /** Calls that the server answered. */
  readonly answered: number
  /** Median of these, milliseconds; null when there is none. */
  readonly medianMs: number | null
}

export interface LatencyVerdict {
  readonly feeling: 'pain' | 'relief'
  /** That the next window is slow, by the model. */
  readonly probability: number
  readonly medianMs: number
  readonly usualMs: number
}

/** The model of it, what is usual, and whether it hurts. */
export interface KeptLatency {
  readonly model: MultiProcessSnapshot
  readonly usual: number | null
  readonly hurts: boolean
}

/** Of the logarithm: medians differ by a twentieth without a reason. */
const RESOLUTION = 0.05

/** Medians below a microsecond are clocks' noise. */
const MEDIAN_MIN_MS = 0.001

/**
 * Feels whether a unit is slower than usual: by the multi-process model of its median latency's logarithm, which tells a step from a transient one
 * window late (see `MultiProcess`). It hurts when the model foretells that the next window takes twice as long as usual; so a single slow window does
 * not hurt, two in a row do, and neither does what is faster than a person notices. What is usual fades over half an hour and learns nothing while it hurts.
 */
export class LatencySense {
  readonly #model: MultiProcess
  #usual: number | undefined
  #hurts = false

  constructor(kept?: KeptLatency) {
    this.#model = new MultiProcess({ resolution: RESOLUTION }, kept?.model)
    this.#usual = kept?.usual ?? undefined
    this.#hurts = kept?.hurts === true
  }

  snapshot(): KeptLatency {
    return { model: this.#model.snapshot(), usual: this.#usual ?? null, hurts: this.#hurts }
  }

  get hurts(): boolean {
    return this.#hurts
  }

  /** One window. @returns what has changed by it */
  observe({ answered, medianMs }: LatencyWindow): LatencyVerdict | undefined {
    if (medianMs === null || !(medianMs >= 0) || answered < LATENCY_CALLS_MIN) {
      this.#model.miss()
      return undefined
    }
    if (!this.#model.observe(Math.log(Math.max(medianMs, MEDIAN_MIN_MS))).taken || this.#model.level === null) return undefined
    const usual = (this.#usual ??= this.#model.level)
    const slow = Math.max(usual + Math.log(SLOW_FACTOR), Math.log(SLOW_MIN_MS))
    const probability = 1 - cumulative(this.#model.foretell(1), this.#model.freedom, slow)
    if (!this.#hurts) this.#usual = usual * USUAL_KEPT + this.#model.level * (1 - USUAL_KEPT)
    if (this.#hurts ? probability > BRISK_PROBABILITY : probability < SLOW_PROBABILITY) return undefined
    this.#hurts = !this.#hurts
    return { feeling: this.#hurts ? 'pain' : 'relief', probability, medianMs, usualMs: Math.exp(usual) }
  }

  /** Somebody says that it is well as it is: from now on that is usual. */
  accept(): void {
    if (!this.#hurts) return
    this.#hurts = false
    this.#usual = this.#model.level ?? undefined
  }
}
