import fc from 'fast-check'
import { describe, expect, it, vi } from 'vitest'
import {
  backoffMs,
  InvalidArgumentError,
  isoTime,
  parseDurationMs,
  randomInteger,
  seededRandom,
  systemClock,
} from '../src/index.ts'

describe('seededRandom', () => {
  it('repeats a sequence for the same seed and differs for another', () => {
    const take = (seed: number) => {
      const random = seededRandom(seed)
      return Array.from({ length: 20 }, () => random.next())
    }
    expect(take(42)).toEqual(take(42))
    expect(take(42)).not.toEqual(take(43))
    expect(take(2 ** 32 + 42)).not.toEqual(take(42))
  })

  it('is uniform in [0, 1): ten bins of 100,000 draws lie within 3 % of each other', () => {
    const random = seededRandom(7)
    const bins = Array.from({ length: 10 }, () => 0)
    for (let i = 0; i < 100_000; i++) {
      const bin = Math.floor(random.next() * 10)
      bins[bin] = (bins[bin] ?? 0) + 1
    }
    expect(bins).toHaveLength(10)
    expect(Math.min(...bins)).toBeGreaterThan(9_700)
    expect(Math.max(...bins)).toBeLessThan(10_300)
  })

  it('draws integers within both bounds', () => {
    fc.assert(
      fc.property(fc.integer(), fc.integer({ min: -50, max: 50 }), fc.nat(100), (seed, min, span) => {
        const value = randomInteger(seededRandom(seed), min, min + span)
        expect(value).toBeGreaterThanOrEqual(min)
        expect(value).toBeLessThanOrEqual(min + span)
      }),
    )
  })
})

describe('backoffMs', () => {
  it('is at least half of the exponential delay and never over the bound', () => {
    fc.assert(
      fc.property(fc.nat(1_000), fc.integer(), (attempt, seed) => {
        const delay = backoffMs(attempt, seededRandom(seed), { baseMs: 100, maxMs: 5_000 })
        const ceiling = Math.min(5_000, 100 * 2 ** Math.min(attempt, 30))
        expect(delay).toBeGreaterThanOrEqual(ceiling / 2)
        expect(delay).toBeLessThanOrEqual(ceiling)
      }),
    )
  })
})

describe('the clock of the machine', () => {
  it('sets timers that Node.js takes as they are meant: what is past is due at once, and what is far off is not', () => {
    vi.useFakeTimers({ toFake: ['setTimeout'] })
    try {
      const seen: string[] = []
      systemClock.after(-5, () => seen.push('past'))
      systemClock.after(2 ** 40, () => seen.push('far'))
      vi.advanceTimersByTime(0)
      expect(seen).toEqual(['past'])
      vi.advanceTimersByTime(23 * 86_400_000)
      expect(seen).toEqual(['past'])
      vi.advanceTimersByTime(86_400_000)
      expect(seen).toEqual(['past', 'far'])
    } finally {
      vi.useRealTimers()
    }
  })
})

describe('parseDurationMs', () => {
  it.each([
    ['250ms', 250],
    ['30s', 30_000],
    ['5m', 300_000],
    ['24h', 86_400_000],
    ['7d', 604_800_000],
    ['1.5s', 1_500],
  ])('reads %s as %d ms', (text, ms) => expect(parseDurationMs(text)).toBe(ms))

  it.each(['', '10', 's', '-5s', '5 weeks', '1e3s', 'NaNs'])('refuses %j and says what is allowed', (text) => {
    expect(() => parseDurationMs(text)).toThrow(InvalidArgumentError)
  })
})

it('isoTime shows what is beyond the calendar as its end', () => {
  expect(isoTime(0)).toBe('1970-01-01T00:00:00.000Z')
  expect(isoTime(Number.MAX_SAFE_INTEGER)).toBe('+275760-09-13T00:00:00.000Z')
  expect(isoTime(-Number.MAX_SAFE_INTEGER)).toBe('-271821-04-20T00:00:00.000Z')
})
