import type { UnitCounters, UnitLimits } from '@vsmcp/kernel'
import { describe, expect, it } from 'vitest'
import { indicesOf, together, type UnitFigures, UnitMeter } from '../../src/index.ts'

const NOTHING: UnitCounters = {
  answered: 0,
  refused: 0,
  unanswered: 0,
  cancelled: 0,
  turnedAway: 0,
  notSent: 0,
  busyMs: 0,
  workMs: 0,
  waitMs: 0,
  inFlight: 0,
  queued: 0,
}
const WIDE: UnitLimits = { concurrency: 128, ratePerS: null }
const WINDOW_MS = 5_000

/** A unit that is told what it did in each window. */
class Unit {
  readonly meter = new UnitMeter()
  #counts = NOTHING
  #nowMs = 0

  constructor() {
    this.meter.measure(NOTHING, WIDE, 0)
  }

  window(did: Partial<UnitCounters>, limits = WIDE): UnitFigures {
    const keys = Object.keys(did) as (keyof UnitCounters)[]
    for (const key of keys) this.#counts = { ...this.#counts, [key]: this.#counts[key] + (did[key] ?? 0) }
    this.#nowMs += WINDOW_MS
    const figures = this.meter.measure(this.#counts, limits, this.#nowMs)
    if (figures === undefined) throw new Error('nothing was measured')
    return figures
  }

  /** So many calls of so long each, so many at once, without a pause between. */
  serve(answered: number, eachMs: number, atOnce = 1, failed = 0, limits = WIDE): UnitFigures {
    const workMs = (answered + failed) * eachMs
    return this.window({ answered, refused: failed, workMs, busyMs: workMs / atOnce }, limits)
  }
}

describe("Beer's figures of a unit", () => {
  it('are unknown, and not zero, before anything was measured', () => {
    expect(new Unit().window({})).toMatchObject({ actuality: 0, capability: null, potentiality: null })
  })

  it('actuality is what ended well per second; capability the rate while it was at work', () => {
    const figures = new Unit().serve(50, 20)
    expect(figures).toMatchObject({ actuality: 10, capability: 50, potentiality: 50 })
    expect(indicesOf(figures)).toEqual({ productivity: 0.2, latency: 1, performance: 0.2 })
  })

  it('capability is the best stretch under the present limits, not under others', () => {
    const unit = new Unit()
    const narrow: UnitLimits = { concurrency: 1, ratePerS: null }
    unit.serve(100, 40, 4)
    unit.serve(20, 200, 4)
    expect(unit.window({}).capability).toBe(100)
    expect(unit.serve(20, 40, 1, 0, narrow).capability).toBe(25)
    expect(unit.window({}, { ...narrow, ratePerS: 5 }).capability).toBeNull()
    expect(unit.serve(10, 40, 1, 0, { ...narrow, ratePerS: 5 }).capability).toBe(5)
  })

  it('failures take from capability and leave potentiality', () => {
    const figures = new Unit().serve(30, 20, 1, 20)
    expect(figures.capability).toBeCloseTo(30)
    expect(figures.potentiality).toBeCloseTo(50)
    expect(figures).toMatchObject({ calls: 50, errors: 20, answered: 50 })
  })

  it('no concurrency is assumed to help where none was tried', () => {
    expect(new Unit().serve(100, 40).potentiality).toBe(25)
  })

  it('a server that works side by side could do more with more at once, one that works in turn could not', () => {
    const [parallel, serial] = [new Unit(), new Unit()]
    for (let atOnce = 1; atOnce <= 4; atOnce++) {
      parallel.serve(50, 40, atOnce)
      serial.serve(50, 40 * atOnce, atOnce)
    }
    // Twice what was seen: eight at once.
    expect(parallel.window({}).potentiality).toBeCloseTo(200, 0)
    expect(serial.window({}).potentiality).toBeCloseTo(25, 0)
    expect(indicesOf(parallel.window({})).latency).toBeCloseTo(0.5)
    const granted: UnitLimits = { concurrency: 5, ratePerS: null }
    expect(parallel.window({}, granted).potentiality).toBeCloseTo(125, 0)
  })

  it('forgets what it could do an hour ago', () => {
    const unit = new Unit()
    unit.serve(50, 20)
    for (let window = 0; window < 719; window++) expect(unit.window({}).capability).toBe(50)
    unit.window({})
    expect(unit.window({}).capability).toBeNull()
  })

  it('begins anew with a unit that counts anew', () => {
    const unit = new Unit()
    unit.serve(50, 20)
    expect(unit.meter.measure(NOTHING, WIDE, 999_999)).toBeUndefined()
    expect(unit.meter.measure(NOTHING, WIDE, 1_000_999)).toMatchObject({ calls: 0, capability: null })
  })

  it('adds up for a node, and again for a group', () => {
    const parts = [
      { actuality: 10, capability: 50, potentiality: 100 },
      { actuality: 0, capability: null, potentiality: null },
    ]
    expect(together(parts)).toEqual({ actuality: 10, capability: 50, potentiality: 100 })
    expect(together([])).toEqual({ actuality: 0, capability: null, potentiality: null })
    expect(indicesOf(together([]))).toEqual({ productivity: null, latency: null, performance: null })
  })
})
