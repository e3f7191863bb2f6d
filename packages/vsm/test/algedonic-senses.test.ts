import { type Random, seededRandom } from '@vsmcp/kernel'
import { describe, expect, test } from 'vitest'
import { ErrorSense, LatencySense } from '../src/index.ts'
import { RECENT_WINDOWS } from '../src/algedonic/constants.ts'
import { betaCumulative, probabilityOfExcess } from '../src/algedonic/beta.ts'

function binomial(random: Random, calls: number, share: number): number {
  let errors = 0
  for (let i = 0; i < calls; i++) if (random.next() < share) errors++
  return errors
}

/** Of the normal distribution (G. E. P. Box, M. E. Muller). */
function gauss(random: Random): number {
  return Math.sqrt(-2 * Math.log(1 - random.next())) * Math.cos(2 * Math.PI * random.next())
}

describe('the beta distribution', () => {
  test.for<[number, number, number, number]>([
    // Exact: I_x(1, b) = 1 − (1 − x)^b, I_x(a, 1) = x^a, I_0.5(a, a) = 0.5; I_0.3(2, 3) = 1 − 0.7³ · 1.9.
    [0.2, 1, 5, 1 - 0.8 ** 5],
    [0.2, 5, 1, 0.2 ** 5],
    [0.5, 400, 400, 0.5],
    [0.3, 2, 3, 1 - 0.7 ** 3 * 1.9],
    [0.001, 0.5, 0.5, (2 / Math.PI) * Math.asin(Math.sqrt(0.001))],
    [0, 3, 4, 0],
    [1, 3, 4, 1],
  ])('at %f of (%f, %f) is %f', ([x, a, b, expected]) => {
    expect(betaCumulative(x, { a, b })).toBeCloseTo(expected, 10)
  })

  test('one share exceeds another as often as drawn samples say', () => {
    const random = seededRandom(4)
    const draw = (a: number, b: number): number => {
      const gamma = (k: number): number => {
        let sum = 0
        for (let i = 0; i < k; i++) sum -= Math.log(1 - random.next())
        return sum
      }
      const x = gamma(a)
      return x / (x + gamma(b))
    }
    for (const [x, y, margin] of [
      [{ a: 4, b: 6 }, { a: 3, b: 30 }, 0.1],
      [{ a: 2, b: 20 }, { a: 2, b: 20 }, 0],
      [{ a: 9, b: 1 }, { a: 1, b: 19 }, 0.5],
    ] as const) {
      let more = 0
      for (let i = 0; i < 20_000; i++) if (draw(x.a, x.b) > draw(y.a, y.b) + margin) more++
      expect(probabilityOfExcess(x, y, margin)).toBeCloseTo(more / 20_000, 1.7)
    }
  })
})

describe('errors', () => {
  const fed = (windows: number, counts: (at: number) => { calls: number; errors: number }, sense = new ErrorSense()) => {
    const felt: string[] = []
    for (let at = 0; at < windows; at++) {
      const verdict = sense.observe(counts(at))
      if (verdict !== undefined) felt.push(`${verdict.feeling} at ${at}`)
    }
    return { sense, felt }
  }

  test('all of a few calls failing hurts; as few among many, or one of two, do not', () => {
    expect(fed(1, () => ({ calls: 4, errors: 4 })).felt).toEqual(['pain at 0'])
    expect(fed(1, () => ({ calls: 2, errors: 1 })).felt).toEqual([])
    expect(fed(1, () => ({ calls: 300, errors: 4 })).felt).toEqual([])
  })

  test('what always failed is no news, what fails more than it used to is, and its end is felt', () => {
    const random = seededRandom(9)
    const share = (at: number): number => (at < 400 ? 0.3 : at < 460 ? 0.7 : 0.3)
    // It learns first what is usual: that is one pain, which a person accepts.
    const { sense } = fed(40, () => ({ calls: 20, errors: binomial(random, 20, 0.3) }))
    sense.accept()
    const { felt } = fed(600, (at) => ({ calls: 20, errors: binomial(random, 20, share(at)) }), sense)
    expect(felt).toHaveLength(2)
    expect(Number(felt[0]?.match(/pain at (\d+)/)?.[1])).toBeGreaterThanOrEqual(400)
    expect(Number(felt[0]?.match(/pain at (\d+)/)?.[1])).toBeLessThan(400 + RECENT_WINDOWS)
    expect(Number(felt[1]?.match(/relief at (\d+)/)?.[1])).toBeGreaterThanOrEqual(460)
    expect(Number(felt[1]?.match(/relief at (\d+)/)?.[1])).toBeLessThan(460 + 2 * RECENT_WINDOWS)
  })

  test('a steady twentieth of failures raises no false alarm: ten units, a simulated day each', () => {
    let alarms = 0
    for (let seed = 1; seed <= 10; seed++) {
      const random = seededRandom(seed)
      const calls = 1 + (seed % 10)
      alarms += fed(17_280, () => ({ calls, errors: binomial(random, calls, 0.05) })).felt.length
    }
    expect(alarms).toBe(0)
  })

  test('what is no count is left out', () => {
    const { felt } = fed(
      6,
      (at) =>
        [
          { calls: Number.NaN, errors: 1 },
          { calls: 1, errors: 2 },
          { calls: 5, errors: -1 },
          { calls: 1e300, errors: 1e300 },
          { calls: Infinity, errors: 3 },
        ].at(at) ?? { calls: 0, errors: 0 },
    )
    expect(felt).toEqual([])
  })
})

describe('latency', () => {
  const run = (windows: number, medianMs: (at: number) => number | null, seed = 1): string[] => {
    const random = seededRandom(seed)
    const sense = new LatencySense()
    const felt: string[] = []
    for (let at = 0; at < windows; at++) {
      const clean = medianMs(at)
      const median = clean === null ? null : clean * Math.exp(0.15 * gauss(random))
      const verdict = sense.observe({ answered: median === null ? 0 : 10, medianMs: median })
      if (verdict !== undefined) felt.push(`${verdict.feeling} at ${at}`)
    }
    return felt
  }

  test.for([1, 2, 3, 4, 5])('a step to thrice is felt within three windows, and its end within four: seed %i', (seed) => {
    const felt = run(300, (at) => (at >= 100 && at < 200 ? 150 : 50), seed)
    expect(felt).toHaveLength(2)
    const [pain = '', relief = ''] = felt
    expect(Number(/pain at (\d+)/.exec(pain)?.[1])).toBeGreaterThanOrEqual(100)
    expect(Number(/pain at (\d+)/.exec(pain)?.[1])).toBeLessThanOrEqual(103)
    expect(Number(/relief at (\d+)/.exec(relief)?.[1])).toBeGreaterThanOrEqual(200)
    expect(Number(/relief at (\d+)/.exec(relief)?.[1])).toBeLessThanOrEqual(204)
  })

  test('a slow poison is felt before it has made calls four times as slow', () => {
    const felt = run(400, (at) => 50 * (1 + Math.max(0, at - 100) / 60))
    expect(felt[0]).toMatch(/^pain at 1[5-9]\d$|^pain at 2[0-7]\d$/)
  })

  test('single slow windows, windows without calls, and what nobody notices are not', () => {
    expect(run(300, (at) => (at % 37 === 36 ? 400 : at % 10 === 3 ? null : 50))).toEqual([])
    expect(run(300, (at) => (at < 100 ? 1 : 4))).toEqual([])
  })

  test('noise alone raises no alarm: six units, a simulated quarter of a day each', () => {
    let alarms = 0
    for (let seed = 1; seed <= 6; seed++) alarms += run(4_320, () => 50, seed).length
    expect(alarms).toBe(0)
  })
})
