import { describe, expect, it } from 'vitest'
import { type ExceptionEffect, PerformanceMonitor, type WindowResult } from '../../src/index.ts'
import { atLeast } from '../../src/system3/binomial.ts'

const OWED = { p99Ms: 500, errorShare: 0.01 }
const windows = (monitor: PerformanceMonitor, count: number, result: WindowResult): ExceptionEffect[] =>
  Array.from({ length: count }, () => monitor.judge('a', result, OWED)).flat()

const fine: WindowResult = { calls: 100, errors: 1, p99Ms: 499 }
const slow: WindowResult = { calls: 100, errors: 0, p99Ms: 501 }
const failing: WindowResult = { calls: 100, errors: 10, p99Ms: 100 }

describe('the performance monitor', () => {
  it('says nothing while what is owed is delivered, or nothing is owed', () => {
    const monitor = new PerformanceMonitor()
    expect(windows(monitor, 100, fine)).toEqual([])
    const nothingOwed = { p99Ms: null, errorShare: null }
    expect(Array.from({ length: 9 }, () => monitor.judge('a', failing, nothingOwed)).flat()).toEqual([])
  })

  it('tells of an exception in the third window, of a grave one in the twelfth, and of its end', () => {
    const monitor = new PerformanceMonitor()
    const told = { unit: 'a', metric: 'latency', target: 500, measured: 501 }
    expect(windows(monitor, 2, slow)).toEqual([])
    expect(windows(monitor, 1, slow)).toEqual([{ type: 'raised', ...told }])
    expect(windows(monitor, 8, slow)).toEqual([])
    expect(windows(monitor, 1, slow)).toEqual([{ type: 'grave', ...told }])
    expect(windows(monitor, 2, fine)).toEqual([])
    expect(windows(monitor, 1, fine)).toEqual([{ type: 'over', ...told }])
    expect(windows(monitor, 9, fine)).toEqual([])
  })

  it('does not take chance for failure', () => {
    const monitor = new PerformanceMonitor()
    // One error of three calls happens in every 34th window at one in a hundred.
    expect(windows(monitor, 20, { calls: 3, errors: 1, p99Ms: 1 })).toEqual([])
    expect(windows(monitor, 3, failing)).toMatchObject([{ type: 'raised', metric: 'errors', measured: 0.1 }])
  })

  it('ends what is no longer owed, and forgets units that are gone', () => {
    const monitor = new PerformanceMonitor()
    windows(monitor, 3, slow)
    expect(monitor.judge('a', slow, { p99Ms: null, errorShare: null })).toMatchObject([{ type: 'over', metric: 'latency' }])
    // Also of a unit that is not called any more: nothing will be measured of it.
    windows(monitor, 3, slow)
    const idle = { calls: 0, errors: 0, p99Ms: null }
    expect(windows(monitor, 9, idle)).toEqual([])
    const over = { type: 'over', unit: 'a', metric: 'latency', target: 0, measured: 501 }
    expect(monitor.judge('a', idle, { p99Ms: null, errorShare: null })).toEqual([over])
    windows(monitor, 3, slow)
    monitor.forget('a')
    expect(windows(monitor, 3, fine)).toEqual([])
  })
})

describe('the binomial tail', () => {
  it.each([
    [1, 1, 0.25, 0.25],
    [2, 2, 0.1, 0.01],
    [1, 100, 0.01, 0.6339676587],
    [10, 100, 0.01, 7.631587532e-8],
    [60, 100, 0.5, 0.0284439668],
    [0, 10, 0.5, 1],
    [11, 10, 0.5, 0],
  ])('of %i in %i at %d is %d', (successes, trials, chance, expected) => {
    expect(atLeast(successes, trials, chance) / (expected || 1)).toBeCloseTo(expected === 0 ? 0 : 1, 6)
  })
})
