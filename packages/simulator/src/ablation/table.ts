import { type Compared, type Comparison, COMPARISONS, type Lives } from './comparison.ts'
import { METRICS } from './metrics.ts'
import { type Interval, intervalOf } from './statistics.ts'
import { type VariantName, VARIANTS } from './variant.ts'

const NAMES = Object.keys(VARIANTS) as VariantName[]

const digits = (value: number): number => (Math.abs(value) >= 100 ? 0 : Math.abs(value) >= 10 ? 1 : 2)
const plain = (value: number, places = digits(value)): string => value.toFixed(places).replace(/^-(0(?:\.0*)?)$/, '$1')
const signed = (value: number, places: number): string =>
  Number(value.toFixed(places)) > 0 ? `+${plain(value, places)}` : plain(value, places)

function interval({ mean, low, high }: Interval): string {
  const half = (high - low) / 2
  return `${plain(mean)} ± ${plain(half, digits(mean))}`
}

function rangeOf({ mean, low, high }: Interval): string {
  const places = digits(Math.max(Math.abs(low), Math.abs(high)))
  return `${signed(mean, places)} (${signed(low, places)} to ${signed(high, places)})`
}

function differenceText(compared: Compared | undefined): string {
  if (compared === undefined) return ''
  const { difference, isWorse } = compared
  const isShown = difference.low > 0 || difference.high < 0
  if (!isShown) return rangeOf(difference)
  const text = difference.isCertain ? `**${rangeOf(difference)}**` : rangeOf(difference)
  return isWorse ? text : `${text} ↑`
}

/** The measured part of docs/ablation/README.md: every figure of it comes from the lives. */
export function tableOf(lives: Lives, comparisons: readonly Comparison[]): string {
  const seeds = lives.whole.length
  const row = (cells: readonly string[]): string => `| ${cells.join(' | ')} |`
  const rule = (columns: number): string => row(Array.from({ length: columns }, () => '---'))
  const means = [
    row(['', ...NAMES]),
    rule(NAMES.length + 1),
    ...METRICS.map(({ name, unit, of }) =>
      row([`${name}, ${unit}`, ...NAMES.map((variant) => interval(intervalOf(lives[variant].map(of))))]),
    ),
  ]
  const differences = [
    row(['', ...comparisons.map(({ variant }) => variant)]),
    rule(comparisons.length + 1),
    ...METRICS.map(({ name, unit }, at) => row([`${name}, ${unit}`, ...comparisons.map(({ rows }) => differenceText(rows[at]))])),
  ]
  const verdicts = [
    row(['what is missing', 'judged by', 'whole', 'without it', 'difference (95 %)', 'worse']),
    rule(6),
    ...comparisons.map(({ variant, purpose: { metric, whole, ablated, difference, isWorse } }) =>
      row([
        variant,
        `${metric.name}, ${metric.unit}`,
        interval(whole),
        interval(ablated),
        rangeOf(difference),
        isWorse ? (difference.isCertain ? 'yes' : 'yes, but not for all comparisons at once') : 'no',
      ]),
    ),
  ]
  return [
    `${seeds} seeds for each of ${NAMES.length} variants: ${seeds * NAMES.length} lives.`,
    '',
    '### Does each organ do what it is there for?',
    '',
    'By one metric each, named in `metrics.ts` before the first comparison was made.',
    '',
    ...verdicts,
    '',
    '### Means, with 95 % confidence intervals',
    '',
    ...means,
    '',
    '### Differences from the whole, paired by seed',
    '',
    `Mean and 95 % interval by Student's t. Bold: zero lies outside the interval that holds for all ${COMPARISONS} comparisons at once, too (Bonferroni). ↑: better without.`,
    '',
    ...differences,
  ].join('\n')
}
