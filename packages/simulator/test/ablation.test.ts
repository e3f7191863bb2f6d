import { describe, expect, it } from 'vitest'
import { compare, COMPARISONS, type Lives } from '../src/ablation/comparison.ts'
import { type LifeFigures, liveOnce } from '../src/ablation/life.ts'
import { METRICS } from '../src/ablation/metrics.ts'
import { plotOf } from '../src/ablation/plot.ts'
import { Processor } from '../src/ablation/processor.ts'
import { differenceOf, intervalOf, studentQuantile } from '../src/ablation/statistics.ts'
import { tableOf } from '../src/ablation/table.ts'
import { Timeline } from '../src/ablation/timeline.ts'
import { type VariantName, VARIANTS } from '../src/ablation/variant.ts'

const SEED = 101

/** Half a life: what comes later is not looked at here. */
const UNTIL_MS = 900_000

const known = new Map<VariantName, LifeFigures>()
function life(variant: VariantName): LifeFigures {
  const figures = known.get(variant) ?? liveOnce(SEED, VARIANTS[variant], UNTIL_MS)
  known.set(variant, figures)
  return figures
}

describe('a mesh with all organs', () => {
  it('lives the same life again', () => {
    const [one, other] = [0, 0].map(() => liveOnce(SEED, VARIANTS.whole, 400_000))
    expect(one).toEqual(other)
    expect(liveOnce(SEED + 1, VARIANTS.whole, 400_000)).not.toEqual(one)
  })

  // Bounds far inside what thirty seeds show: each fails when the organ does nothing any more.
  it('has jobs done that deadlocks prevent without System 2', () => {
    expect(life('whole').servedOf.cell - life('without System 2').servedOf.cell).toBeGreaterThan(0.1)
  })

  it('serves bursts that fixed grants turn away', () => {
    expect(life('whole').servedOf.search - life("without 3's re-bargaining").servedOf.search).toBeGreaterThan(0.08)
  })

  it('finds the liar, whom without audits nobody finds', () => {
    expect(life('without 3*').moves).toBe(0)
    expect(life('whole').noticedLiarS).toBeLessThan(life('without 3*').noticedLiarS - 200)
  })

  it('serves far more than one without any organ', () => {
    expect(life('whole').served - life('flat (none)').served).toBeGreaterThan(0.15)
  })
})

describe('the nodes of the simulated mesh', () => {
  const finishedMs = (count: number): number => {
    const timeline = new Timeline()
    const processor = new Processor(timeline, 4)
    let last = 0
    for (let i = 0; i < count; i++) processor.begin(100, () => (last = timeline.nowMs))
    timeline.runUntil(1_000_000)
    return last
  }

  it('work on as many calls as they have places at full speed', () => {
    expect([finishedMs(1), finishedMs(4)]).toEqual([100, 100])
  })

  it('thrash beyond: twice as many together do half as much', () => {
    expect(finishedMs(8)).toBeCloseTo(400)
  })
})

describe('the comparison', () => {
  it.each([
    [0.975, 29, 2.045],
    [0.975, 4, 2.776],
    [0.995, 29, 2.756],
  ])('has a quantile of Student for %d with %i degrees of freedom of %d', (probability, freedom, expected) => {
    expect(studentQuantile(probability, freedom)).toBeCloseTo(expected, 3)
  })

  it('has intervals that hold the mean as often as they say', () => {
    expect(intervalOf([1, 2, 3, 4, 5])).toMatchObject({ mean: 3, low: expect.closeTo(1.037, 3), high: expect.closeTo(4.963, 3) })
  })

  it('is certain only of what so many comparisons at once would not bring about by chance', () => {
    const whole = [1, 2, 3, 4, 5, 6]
    const slightly = differenceOf([2.4, 2.2, 4.1, 4.3, 6.9, 6.2], whole, 98)
    expect(slightly.low).toBeGreaterThan(0)
    expect(slightly.isCertain).toBe(false)
    expect(differenceOf([11, 12.1, 13, 14.1, 15, 16], whole, 98).isCertain).toBe(true)
  })

  it('tables and plots every metric of every variant', () => {
    const lives = Object.fromEntries(
      (Object.keys(VARIANTS) as VariantName[]).map((name) => [name, [life('whole'), life('whole')]]),
    ) as unknown as Lives
    const comparisons = compare(lives)
    expect(comparisons.flatMap(({ rows }) => rows)).toHaveLength(COMPARISONS)
    expect(comparisons.every(({ rows }) => rows.every(({ isWorse }) => !isWorse))).toBe(true)
    const table = tableOf(lives, comparisons)
    const plot = plotOf(comparisons, 2)
    for (const { name } of METRICS) {
      expect(table).toContain(name)
      expect(plot).toContain(name)
    }
    expect(`${table}${plot}`).not.toMatch(/NaN|undefined|Infinity/)
  })
})
