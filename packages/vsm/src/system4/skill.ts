import { SKILL_WINDOW_TICKS } from './constants.ts'

/** What became of one forecast of the next tick. */
interface Scored {
  /** Distance of the value from the mean foretold. */
  readonly error: number
  /** Distance of the value from the one before: what saying "as now" would have been wrong by. */
  readonly naiveError: number
  readonly inBand: boolean
}

export interface SkillFigures {
  /** Forecasts in the window. */
  readonly forecasts: number
  /** Mean absolute error of the forecasts of the next tick. */
  readonly meanError: number
  /** The same had each value been foretold as the one before it. */
  readonly naiveMeanError: number
  /** Share of the values inside the 80 % band. */
  readonly bandHeld: number
}

/** How well forecasts did lately, against the value that came and against saying "as now". */
export class Skill {
  readonly #scored: Scored[]

  constructor(snapshot: readonly Scored[] = []) {
    this.#scored = snapshot.slice(-SKILL_WINDOW_TICKS)
  }

  /** @param place where in the distribution foretold for it the value came */
  record(value: number, foretold: { expected: number; place: number }, before: number): void {
    const { expected, place } = foretold
    const inBand = place >= 0.1 && place <= 0.9
    this.#scored.push({ error: Math.abs(value - expected), naiveError: Math.abs(value - before), inBand })
    if (this.#scored.length > SKILL_WINDOW_TICKS) this.#scored.shift()
  }

  /** Null while nothing was scored. */
  figures(): SkillFigures | null {
    const forecasts = this.#scored.length
    if (forecasts === 0) return null
    const mean = (of: (scored: Scored) => number): number => this.#scored.reduce((sum, each) => sum + of(each), 0) / forecasts
    return {
      forecasts,
      meanError: mean(({ error }) => error),
      naiveMeanError: mean(({ naiveError }) => naiveError),
      bandHeld: mean(({ inBand }) => (inBand ? 1 : 0)),
    }
  }

  snapshot(): readonly Scored[] {
    return [...this.#scored]
  }
}
