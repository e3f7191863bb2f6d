import { SERIES_MAX } from './constants.ts'
import { Forecaster, type ForecasterInit, type ForecasterSnapshot, type Prediction } from './forecaster.ts'
import type { Posterior } from './multi-process.ts'
import { Skill, type SkillFigures } from './skill.ts'

/** What is watched of a subject, and the smallest difference it can show. Only what comes from outside can be negative. */
export const MEASURES = {
  calls: { resolution: 1, unit: 'per tick' },
  failures: { resolution: 1, unit: 'per tick' },
  latency: { resolution: 0.001, unit: 'ms' },
  alive: { resolution: 1, unit: 'members' },
  units: { resolution: 1, unit: 'units' },
  // A number from outside, of which nothing is known but that it is written with so many digits at the most.
  feed: { resolution: 1e-6, unit: '' },
} as const satisfies Record<string, { resolution: number; unit: string }>

export type Measure = keyof typeof MEASURES

export interface SeriesOutlook {
  /** A unit's name, or "group". */
  readonly subject: string
  readonly measure: Measure
  readonly observed: number
  /** The last value; null before the first. */
  readonly last: number | null
  readonly level: number | null
  /** Per tick. */
  readonly slope: number | null
  /** Of the next ticks; none before there are values enough. */
  readonly ahead: readonly Prediction[]
  readonly current: Posterior
  readonly settled: Posterior
  readonly skill: SkillFigures | null
}

/** What is foretold of one series for one time. */
export interface SeriesAhead {
  readonly mean: number
  /** That it is above the value asked about. */
  readonly probability: number
  readonly observed: number
}

/** Something has changed for good: said once, one tick after it began. */
export interface Turn {
  readonly type: 'turn'
  readonly subject: string
  readonly measure: Measure
  readonly change: 'step' | 'slope'
  readonly probability: number
  readonly from: number | null
  readonly to: number | null
}

interface Tracked {
  readonly forecaster: Forecaster
  readonly skill: Skill
  last: number | null
  /** The last two levels: before the tick that `settled` speaks of, and at it. */
  levels: readonly [number | null, number | null]
}

export interface SeriesSnapshot {
  readonly subject: string
  readonly measure: Measure
  readonly last: number | null
  readonly forecaster: ForecasterSnapshot
  readonly skill: ReturnType<Skill['snapshot']>
}

/** A turn is told from this posterior on. */
const TOLD_FROM = 0.5

/** Ticks ahead that are shown. */
const AHEAD = [1, 5, 10, 20]

/** System 4's view of what is to come: a bounded number of series, each with its forecaster and with how well it did. */
export class Outlook {
  readonly #series = new Map<string, Tracked>()
  #refused = 0

  constructor(snapshot: readonly SeriesSnapshot[] = []) {
    for (const { subject, measure, last, forecaster, skill } of snapshot.slice(0, SERIES_MAX)) {
      this.#series.set(keyOf(subject, measure), {
        forecaster: new Forecaster(initOf(measure), forecaster),
        skill: new Skill(skill),
        last,
        levels: [null, null],
      })
    }
  }

  /** Values that were none, or that came for a series beyond the bound. */
  get refused(): number {
    return this.#refused
  }

  /** One tick of one series; null is a tick without a value. */
  step(subject: string, measure: Measure, value: number | null): readonly Turn[] {
    const series = this.#find(subject, measure)
    if (series === undefined) return []
    const { forecaster, skill } = series
    if (value === null) {
      forecaster.miss()
      return []
    }
    const observed = value < leastOf(measure) ? { taken: false as const } : forecaster.observe(value)
    if (!observed.taken) {
      this.#refused++
      return []
    }
    const { expected, place } = observed
    if (expected !== null && place !== null && series.last !== null) skill.record(value, { expected, place }, series.last)
    series.last = value
    const [twoBefore, before] = series.levels
    series.levels = [before, forecaster.level]
    const { step, slope } = forecaster.settled
    const change = step >= slope ? 'step' : 'slope'
    const probability = Math.max(step, slope)
    return probability < TOLD_FROM
      ? []
      : [{ type: 'turn', subject, measure, change, probability, from: twoBefore, to: forecaster.level }]
  }

  /** A subject is gone, with all its series. */
  forget(subject: string): void {
    for (const key of this.#series.keys()) if (subjectOf(key) === subject) this.#series.delete(key)
  }

  get subjects(): ReadonlySet<string> {
    return new Set([...this.#series.keys()].map(subjectOf))
  }

  /**
   * A millisecond or so for each series: who looks at many does it subject by subject.
   * @param subject only its series. @default all
   * @param horizons ticks ahead. @default 1, 5, 10, 20
   */
  view(subject?: string, horizons: readonly number[] = AHEAD): SeriesOutlook[] {
    const views: SeriesOutlook[] = []
    for (const [key, { forecaster, skill, last }] of this.#series) {
      if (subject !== undefined && subjectOf(key) !== subject) continue
      const { level, slope, current, settled, observed } = forecaster
      const ahead = horizons.flatMap((ticks) => forecaster.predict(ticks) ?? [])
      views.push({
        subject: subjectOf(key),
        measure: measureOf(key),
        observed,
        last,
        level,
        slope,
        ahead,
        current,
        settled,
        skill: skill.figures(),
      })
    }
    return views
  }

  /** What one series comes to, and how probably it is above a value by then; undefined before there are values enough. */
  ahead(subject: string, measure: Measure, ticks: number, value: number): SeriesAhead | undefined {
    const forecaster = this.#series.get(keyOf(subject, measure))?.forecaster
    const probability = forecaster?.probabilityAbove(value, ticks)
    const mean = forecaster?.predict(ticks)?.mean
    if (forecaster === undefined || probability === undefined || mean === undefined) return undefined
    return { mean, probability, observed: forecaster.observed }
  }

  /** @param isWanted by a series' place in the order they came. @default all */
  snapshot(isWanted: (index: number) => boolean = () => true): SeriesSnapshot[] {
    const wanted = [...this.#series].filter((_, index) => isWanted(index))
    return wanted.map(([key, { forecaster, skill, last }]) => ({
      subject: subjectOf(key),
      measure: measureOf(key),
      last,
      forecaster: forecaster.snapshot(),
      skill: skill.snapshot(),
    }))
  }

  #find(subject: string, measure: Measure): Tracked | undefined {
    const key = keyOf(subject, measure)
    const known = this.#series.get(key)
    if (known !== undefined) return known
    if (this.#series.size >= SERIES_MAX) {
      this.#refused++
      return undefined
    }
    const series: Tracked = {
      forecaster: new Forecaster(initOf(measure)),
      skill: new Skill(),
      last: null,
      levels: [null, null],
    }
    this.#series.set(key, series)
    return series
  }
}

function initOf(measure: Measure): ForecasterInit {
  return { resolution: MEASURES[measure].resolution, least: leastOf(measure) }
}

function leastOf(measure: Measure): number {
  return measure === 'feed' ? Number.NEGATIVE_INFINITY : 0
}

function keyOf(subject: string, measure: Measure): string {
  return `${measure} ${subject}`
}

function subjectOf(key: string): string {
  return key.slice(key.indexOf(' ') + 1)
}

function measureOf(key: string): Measure {
  return key.slice(0, key.indexOf(' ')) as Measure
}
