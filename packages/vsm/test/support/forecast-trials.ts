import { Forecaster } from '../../src/index.ts'
import { holtWinters } from './holt-winters.ts'
import { normalDeviates, readSeries, type Series } from './series.ts'

export interface SeriesTrial {
  /** Forecasts compared: all after the first third, which Holt–Winters may learn its weights from. */
  forecasts: number
  /** Mean absolute errors of the next value. */
  ours: number
  naive: number
  holtWinters: number
  /** Share of the values inside our 80 % band. */
  bandHeld: number
}

export function tryOn({ name, season, resolution }: Series): SeriesTrial {
  const values = readSeries(name)
  const from = Math.floor(values.length / 3)
  const theirs = holtWinters(values, season, from)
  const forecaster = new Forecaster({ resolution })
  const sums = { forecasts: 0, ours: 0, naive: 0, holtWinters: 0, bandHeld: 0 }
  let before: number | null = null
  for (const [tick, value] of values.entries()) {
    if (value === null) {
      forecaster.miss()
      continue
    }
    const observed = forecaster.observe(value)
    if (tick >= from && before !== null && observed.taken && observed.expected !== null && observed.place !== null) {
      sums.forecasts++
      sums.ours += Math.abs(value - observed.expected)
      sums.naive += Math.abs(value - before)
      sums.holtWinters += Math.abs(value - (theirs[tick - from] ?? 0))
      if (observed.place >= 0.1 && observed.place <= 0.9) sums.bandHeld++
    }
    before = value
  }
  const { forecasts } = sums
  return {
    forecasts,
    ours: sums.ours / forecasts,
    naive: sums.naive / forecasts,
    holtWinters: sums.holtWinters / forecasts,
    bandHeld: sums.bandHeld / forecasts,
  }
}

export type Change = 'none' | 'step' | 'slope' | 'transient'

export interface ChangeTrial {
  /** Runs in which the tick of the change was called what it was, one tick late. */
  called: number
  /**
   * Ticks after the change, in the median run, until the estimate was there: of a step, the level within one standard deviation; of a slope, half of it.
   * Infinity when half of the runs never were.
   */
  followedAfter: number
  /** Calls of a step or a slope at a tick without one, in all runs. */
  falseAlarms: number
  /** Ticks looked at in all runs. */
  looked: number
}

/** Ticks before the change; as many follow. */
const QUIET_TICKS = 60

/** A posterior from which on a state is called. */
const CALLED_FROM = 0.5

const NOISE = 5

/** A series that stands at 100, with noise, changed once by `size` standard deviations of the noise (a slope: by so many per tick). */
export function tryChange(change: Change, size: number, seeds: number): ChangeTrial {
  const follows: number[] = []
  const trial = { called: 0, falseAlarms: 0, looked: 0 }
  for (let seed = 1; seed <= seeds; seed++) {
    const normal = normalDeviates(seed)
    const forecaster = new Forecaster({ resolution: 0.01 })
    let followed: number | undefined
    for (let tick = 0; tick < 2 * QUIET_TICKS; tick++) {
      const since = tick - QUIET_TICKS
      const shift = NOISE * size * factorOf(change, since)
      forecaster.observe(100 + NOISE * normal() + shift)
      trial.looked++
      const { settled } = forecaster
      if (since === 1 && change !== 'none' && settled[change] >= CALLED_FROM) trial.called++
      // The first ticks of a slope may be taken for a step: that is no alarm about nothing.
      else if ((since < 1 || since > 10) && (settled.step >= CALLED_FROM || settled.slope >= CALLED_FROM)) trial.falseAlarms++
      if (since >= 0 && isFollowed(change, forecaster, shift, NOISE * size)) followed ??= since
    }
    follows.push(followed ?? Number.POSITIVE_INFINITY)
  }
  follows.sort((a, b) => a - b)
  return { ...trial, followedAfter: follows[Math.floor(follows.length / 2)] ?? Number.POSITIVE_INFINITY }
}

function factorOf(change: Change, since: number): number {
  if (since < 0 || change === 'none') return 0
  if (change === 'slope') return since + 1
  return change === 'step' || since === 0 ? 1 : 0
}

function isFollowed(change: Change, { level, slope }: Forecaster, shift: number, size: number): boolean {
  if (level === null || slope === null) return false
  if (change === 'slope') return slope >= size / 2
  return Math.abs(level - 100 - (change === 'step' ? shift : 0)) <= NOISE
}
