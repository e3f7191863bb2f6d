import type { LifeFigures } from './life.ts'
import { type Metric, METRICS, PURPOSES } from './metrics.ts'
import { type Difference, differenceOf, type Interval, intervalOf } from './statistics.ts'
import { type VariantName, VARIANTS } from './variant.ts'

/** Figures of all lives, by variant, in the order of their seeds. */
export type Lives = Readonly<Record<VariantName, readonly LifeFigures[]>>

export interface Compared {
  readonly metric: Metric
  readonly whole: Interval
  readonly ablated: Interval
  readonly difference: Difference
  /** In the sense that counts: worse without the organ. */
  readonly isWorse: boolean
}

export interface Comparison {
  readonly variant: Exclude<VariantName, 'whole'>
  readonly rows: readonly Compared[]
  /** By what it was to be judged. */
  readonly purpose: Compared
}

export const ABLATED = (Object.keys(VARIANTS) as VariantName[]).filter(
  (name): name is Exclude<VariantName, 'whole'> => name !== 'whole',
)

/** Tests made: each metric of each variant against the whole. */
export const COMPARISONS = ABLATED.length * METRICS.length

export function compare(lives: Lives): Comparison[] {
  return ABLATED.map((variant) => {
    const rows = METRICS.map((metric): Compared => {
      const [whole, ablated] = [lives.whole.map(metric.of), lives[variant].map(metric.of)]
      const difference = differenceOf(ablated, whole, COMPARISONS)
      const isWorse = metric.isMoreBetter ? difference.high < 0 : difference.low > 0
      return { metric, whole: intervalOf(whole), ablated: intervalOf(ablated), difference, isWorse }
    })
    const purpose = rows.find(({ metric }) => metric.key === PURPOSES[variant])
    if (purpose === undefined) throw new RangeError(`no metric ${PURPOSES[variant]}`)
    return { variant, rows, purpose }
  })
}
