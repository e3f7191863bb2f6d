import { seededRandom } from '@vsmcp/kernel'
import { describe, expect, it } from 'vitest'
import { Forecaster, Skill } from '../../src/index.ts'
import { SKILL_WINDOW_TICKS, STATES, WARM_UP_TICKS } from '../../src/system4/constants.ts'
import { cumulative, quantile, studentCumulative } from '../../src/system4/mixture.ts'
import { tryChange, tryOn } from '../support/forecast-trials.ts'
import { readPage, withTable } from '../support/forecasting-page.ts'
import { normalDeviates, SERIES } from '../support/series.ts'

const SEEDS = 20

function fed(values: Iterable<number>, resolution = 0.01): Forecaster {
  const forecaster = new Forecaster({ resolution })
  for (const value of values) forecaster.observe(value)
  return forecaster
}

function* noise(count: number, seed = 1): Generator<number> {
  const normal = normalDeviates(seed)
  for (let i = 0; i < count; i++) yield 100 + 5 * normal()
}

describe('the states of the model', () => {
  it("has Cyberstride's priors, which sum to one", () => {
    expect(STATES.map(({ prior }) => prior)).toEqual([0.9, 0.003, 0.003, 0.094])
    expect(STATES.reduce((sum, { prior }) => sum + prior, 0)).toBeCloseTo(1, 12)
  })

  it('keeps probabilities of the four that sum to one, for this tick and the one before', () => {
    const forecaster = fed(noise(50))
    for (const posterior of [forecaster.current, forecaster.settled]) {
      expect(Object.values(posterior).reduce((sum, share) => sum + share, 0)).toBeCloseTo(1, 9)
    }
  })
})

describe('known changes', () => {
  it('calls no step and no slope in noise', () => {
    expect(tryChange('none', 0, SEEDS).falseAlarms).toBe(0)
  })

  it('calls a step of 20 standard deviations one tick late, always', () => {
    expect(tryChange('step', 20, SEEDS)).toMatchObject({ called: SEEDS, falseAlarms: 0 })
  })

  it('calls most steps of 10', () => {
    expect(tryChange('step', 10, SEEDS).called).toBeGreaterThan(0.75 * SEEDS)
  })

  it('calls a transient what it was, and its level comes back', () => {
    expect(tryChange('transient', 10, SEEDS)).toMatchObject({ called: SEEDS, falseAlarms: 0 })
  })

  it('does not know a step from a transient until the next value', () => {
    const step = fed([...noise(60), 200])
    expect(step.current.step).toBeLessThan(0.5)
    step.observe(203)
    expect(step.settled.step).toBeGreaterThan(0.9)
    const transient = fed([...noise(60), 200])
    transient.observe(103)
    expect(transient.settled.transient).toBeGreaterThan(0.9)
  })

  it('follows a slope of one standard deviation per tick within ten ticks', () => {
    expect(tryChange('slope', 1, SEEDS).followedAfter).toBeLessThanOrEqual(10)
  })
})

describe('series in the public domain', () => {
  it('forecasts them as docs/forecasting.md says', () => {
    expect(withTable(readPage(), 'series')).toBe(readPage())
  })

  it.each(SERIES)('$title: nearly as good as the last value or better, and the band holds', (series) => {
    const { ours, naive, bandHeld } = tryOn(series)
    expect(ours / naive).toBeLessThan(1.2)
    expect(bandHeld).toBeGreaterThan(0.75)
    expect(bandHeld).toBeLessThan(0.92)
  })
})

describe('what is foretold', () => {
  it('says nothing before it has values enough', () => {
    const forecaster = fed([1, 2, 3])
    expect(forecaster.isReady).toBe(false)
    expect(forecaster.predict(1)).toBeUndefined()
    expect(forecaster.level).toBeNull()
    const last = WARM_UP_TICKS - 3
    for (let i = 0; i < last; i++) forecaster.observe(4 + i)
    expect(forecaster.predict(1)?.mean).toBeCloseTo(9, 0)
  })

  it('holds eight of ten values ten ticks ahead, too', () => {
    let held = 0
    let asked = 0
    for (let seed = 1; seed <= 10; seed++) {
      const values = [...noise(200, seed)]
      const forecaster = new Forecaster({ resolution: 0.01 })
      for (const [tick, value] of values.entries()) {
        forecaster.observe(value)
        const later = values[tick + 10]
        const band = tick >= 50 && tick % 5 === 0 ? forecaster.predict(10) : undefined
        if (band === undefined || later === undefined) continue
        asked++
        if (later >= band.low && later <= band.high) held++
      }
    }
    expect(held / asked).toBeGreaterThan(0.75)
    expect(held / asked).toBeLessThan(0.95)
  })

  it('goes on with a trend', () => {
    const normal = normalDeviates(3)
    const forecaster = fed(Array.from({ length: 80 }, (_, tick) => 10 + 2 * tick + normal()))
    expect(forecaster.slope).toBeCloseTo(2, 0)
    const later = forecaster.predict(20)
    expect(later?.mean).toBeGreaterThan(195)
    expect(later?.mean).toBeLessThan(215)
  })

  it('is less sure the further ahead, and the longer nothing was seen', () => {
    const forecaster = fed(noise(100))
    const width = (ahead: number): number => {
      const { low, high } = forecaster.predict(ahead) ?? { low: 0, high: 0 }
      return high - low
    }
    const soon = width(1)
    expect(width(50)).toBeGreaterThan(soon)
    for (let i = 0; i < 50; i++) forecaster.miss()
    expect(width(1)).toBeGreaterThan(soon)
    expect(forecaster.level).toBeGreaterThan(80)
  })

  it('does not foretell what cannot be', () => {
    const forecaster = new Forecaster({ resolution: 1, least: 0 })
    for (let i = 40; i > 0; i--) forecaster.observe(i)
    expect(forecaster.predict(20)).toMatchObject({ low: 0, mean: 0 })
  })

  it('does not take one call after a silent day for a certainty', () => {
    const forecaster = fed(Array<number>(1_000).fill(0), 1)
    forecaster.observe(1)
    const { low, high } = forecaster.predict(1) ?? { low: 0, high: 0 }
    expect(high - low).toBeGreaterThan(0.3)
    expect(forecaster.settled['no-change']).toBeGreaterThan(0.5)
  })
})

describe('bad input', () => {
  it.each([Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, 1e300])('refuses %s and is as it was', (value) => {
    const forecaster = fed(noise(30))
    const before = forecaster.snapshot()
    expect(forecaster.observe(value)).toMatchObject({ taken: false })
    expect(forecaster.snapshot()).toEqual(before)
  })

  it('survives values a million times the usual, gaps and stillness: all figures stay finite', () => {
    const random = seededRandom(7)
    const forecaster = new Forecaster({ resolution: 0.001 })
    for (let i = 0; i < 5_000; i++) {
      const dice = random.next()
      if (dice < 0.1) forecaster.miss()
      else forecaster.observe(dice < 0.15 ? (random.next() - 0.5) * 1e14 : dice < 0.6 ? 5 : random.next())
      if (!forecaster.isReady || i % 25 > 0) continue
      const { mean, low, high } = forecaster.predict(1 + (i % 43)) ?? { mean: Number.NaN, low: 0, high: 0 }
      expect([mean, low, high].every(Number.isFinite) && low <= high).toBe(true)
    }
    expect(Object.values(forecaster.settled).every(Number.isFinite)).toBe(true)
  })

  it('keeps no warm-up of values that a long gap has made old', () => {
    const forecaster = fed([1, 2, 3])
    for (let i = 0; i < 10_000; i++) forecaster.miss()
    expect(JSON.stringify(forecaster.snapshot()).length).toBeLessThan(1_000)
    for (let i = 0; i < WARM_UP_TICKS; i++) forecaster.observe(50 + (i % 2))
    expect(forecaster.predict(1)?.mean).toBeCloseTo(50.5, 0)
  })
})

describe('a restart', () => {
  it('goes on from a snapshot as if nothing had happened', () => {
    const [...values] = noise(60)
    const through = fed(values)
    const half = fed(values.slice(0, 30))
    const resumed = new Forecaster({ resolution: 0.01 }, JSON.parse(JSON.stringify(half.snapshot())))
    for (const value of values.slice(30)) resumed.observe(value)
    expect(resumed.predict(3)).toEqual(through.predict(3))
    expect(resumed.settled).toEqual(through.settled)
  })
})

describe('skill', () => {
  it('compares with saying "as now", over a bounded window', () => {
    const skill = new Skill()
    expect(skill.figures()).toBeNull()
    for (let i = 0; i < SKILL_WINDOW_TICKS; i++) skill.record(50, { expected: 0, place: 0.999 }, 50)
    for (let i = 0; i < SKILL_WINDOW_TICKS; i++) skill.record(10, { expected: 9, place: i % 4 === 0 ? 0.95 : 0.5 }, 7)
    expect(skill.figures()).toEqual({ forecasts: SKILL_WINDOW_TICKS, meanError: 1, naiveMeanError: 3, bandHeld: 0.75 })
    expect(new Skill(skill.snapshot()).figures()).toEqual(skill.figures())
  })
})

describe("Student's t", () => {
  // Tables of the distribution: P(T <= t).
  it.each([
    [2, 1.886, 0.9],
    [5, 1.476, 0.9],
    [5, 2.015, 0.95],
    [30, 1.31, 0.9],
    [30, -1.31, 0.1],
    [1_000, 1.282, 0.9],
  ])('with %d degrees: at %d', (freedom, t, probability) => {
    expect(studentCumulative(t, freedom)).toBeCloseTo(probability, 2)
  })

  it('gives quantiles that are where the probability is', () => {
    const mixture = [
      { weight: 0.7, mean: 0, scale: 1 },
      { weight: 0.3, mean: 50, scale: 400 },
    ]
    for (const probability of [0.1, 0.5, 0.69, 0.9]) {
      expect(cumulative(mixture, 10, quantile(mixture, 10, probability))).toBeCloseTo(probability, 6)
    }
  })
})
