import type { Proposal } from '@vsmcp/kernel'
import { describe, expect, it } from 'vitest'
import { ClosureWatch, type EffectWindow, type Governance } from '../../src/index.ts'
import { directive, given, governed, lack } from '../support/proposal-fixture.ts'

const window = (ordinal: number, change: Partial<EffectWindow> = {}): EffectWindow => ({
  ordinal,
  calls: 100,
  errors: 0,
  turnedAway: 0,
  inFlight: 1,
  p99Ms: 40,
  ...change,
})

/** What is said after each window; null where nothing is. The windows come two seconds apart. */
function said(proposal: Proposal, windows: readonly EffectWindow[], governance: Governance = governed()): (string | null)[] {
  const watch = new ClosureWatch()
  return windows.map((each, at) => watch.look('x', proposal, { window: each }, governance, 200 + at * 2_000)?.type ?? null)
}

describe('closure', () => {
  it('is met by three windows in a row that began after the directive', () => {
    expect(
      said(
        given(),
        [1, 2, 3, 4, 5].map((at) => window(at)),
      ),
    ).toEqual([null, null, null, null, 'met'])
  })

  it('is not met by one window heard three times, nor by windows before the directive', () => {
    expect(
      said(
        given(),
        [1, 2, 3, 3, 3].map((at) => window(at)),
      ),
    ).toEqual([null, null, null, null, null])
  })

  it('begins to count anew with each window that misses', () => {
    const windows = [window(1), window(2), window(3), window(4, { p99Ms: 60 }), window(5)]
    expect(said(given(), windows)).toEqual([null, null, null, null, null])
  })

  it('gives half as much again when the time is over without effect, then says that it is unmet', () => {
    const watch = new ClosureWatch()
    const slow = (proposal: Proposal, nowMs: number, from: number) => {
      for (let at = 0; at < 4; at++) watch.look('x', proposal, { window: window(from + at, { p99Ms: 90 }) }, governed(), nowMs)
      return watch.look('x', proposal, undefined, governed(), 10_900)
    }
    expect(slow(given(), 200, 1)).toEqual({
      type: 'renew',
      value: 3,
      measured: 90,
      reason: 'latency was to be 50 at the most, and was 90',
    })
    expect(slow(given({}, { attempt: 2, sequence: 8, value: 3 }), 300, 11)).toMatchObject({ type: 'unmet', measured: 90 })
  })

  it('is not given up by a new leader that has not looked for itself yet', () => {
    const watch = new ClosureWatch()
    const late = given({}, { checkAtMs: 130_000, expiresAtMs: 900_000 })
    expect(watch.look('x', late, { window: window(1) }, governed(), 129_999)).toBeUndefined()
    expect(watch.look('x', late, { window: window(2) }, governed(), 135_000)).toBeUndefined()
    for (let at = 3; at < 5; at++) watch.look('x', late, { window: window(at) }, governed(), 140_000)
    expect(watch.look('x', late, { window: window(5) }, governed(), 145_000)?.type).toBe('met')
    expect(watch.look('y', late, undefined, governed(), 145_000)).toBeUndefined()
    expect(watch.look('y', late, undefined, governed(), 185_000)?.type).toBe('lapsed')
  })

  it.each<[string, Partial<Proposal>, Record<string, unknown>, number]>([
    ['more than is given without a person', {}, {}, 3.5],
    ['anything while the policies cannot be read', {}, { system5: 1 }, 2],
    ['a quarantine', { kind: 'quarantine', effect: { metric: 'latency', before: 9, goal: 1 } }, {}, 1],
  ])('gives no second dose of %s', (_what, change, policies, value) => {
    const watch = new ClosureWatch()
    const proposal = given(change, { value })
    for (let at = 1; at < 5; at++) watch.look('x', proposal, { window: window(at, { p99Ms: 90 }) }, governed(policies), 200)
    expect(watch.look('x', proposal, undefined, governed(policies), 10_900)?.type).toBe('unmet')
  })

  it('lapses when nothing could be measured: a silent host, a unit that nobody calls', () => {
    const watch = new ClosureWatch()
    for (let at = 1; at < 9; at++) watch.look('x', given(), { window: window(at, { calls: 0, p99Ms: null }) }, governed(), 300)
    expect(watch.look('x', given(), undefined, governed(), 10_900)).toEqual({
      type: 'lapsed',
      reason: 'nothing could be measured of files in its time',
    })
    const silent = new ClosureWatch()
    silent.look('x', given(), undefined, governed(), 100)
    expect(silent.look('x', given(), undefined, governed(), 10_900)?.type).toBe('lapsed')
  })

  it.each<[string, Partial<EffectWindow>]>([
    ['NaN', { p99Ms: Number.NaN }],
    ['negative', { calls: -1 }],
    ['infinite', { inFlight: Number.POSITIVE_INFINITY }],
  ])('keeps figures that are %s out of the measure', (_what, change) => {
    expect(
      said(
        given(),
        [1, 2, 3, 4, 5].map((at) => window(at, change)),
      ),
    ).toEqual(Array(5).fill(null))
  })

  it.each<[string, Partial<EffectWindow>, Proposal['effect'], string | null]>([
    ['more errors than calls', { calls: 2, errors: 3 }, { metric: 'errors', before: 1, goal: 0.9 }, null],
    ['few errors', { errors: 1 }, { metric: 'errors', before: 1, goal: 0.02 }, 'met'],
    ['many errors', { errors: 5 }, { metric: 'errors', before: 1, goal: 0.02 }, null],
    ['few turned away', { turnedAway: 1 }, { metric: 'turned-away', before: 1, goal: 0.01 }, 'met'],
    ['one call at a time', {}, { metric: 'in-flight', before: 9, goal: 1 }, 'met'],
    ['more of them', { inFlight: 2 }, { metric: 'in-flight', before: 9, goal: 1 }, null],
  ])('measures %s', (_what, change, effect, outcome) => {
    expect(
      said(
        given({ effect }),
        [1, 2, 3, 4, 5].map((at) => window(at, change)),
      ).at(-1),
    ).toBe(outcome)
  })

  it('of a search is met when the tool is offered, and unmet when its time is over', () => {
    const watch = new ClosureWatch()
    const search = lack({ directive: directive() })
    expect(watch.look('x', search, { isOffered: false }, governed(), 300)).toBeUndefined()
    expect(watch.look('x', search, { isOffered: false }, governed(), 10_900)?.type).toBe('unmet')
    expect(watch.look('y', search, { isOffered: true }, governed(), 400)).toMatchObject({ type: 'met', measured: 1 })
  })

  it('says nothing of what is closed, or has no directive', () => {
    const closed = given({ closure: { outcome: 'unmet', reason: '', atMs: 1 } })
    expect(
      said(
        closed,
        [1, 2, 3, 4, 5].map((at) => window(at)),
      ),
    ).toEqual(Array(5).fill(null))
  })
})
