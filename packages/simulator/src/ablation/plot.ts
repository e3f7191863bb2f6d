import type { Compared, Comparison } from './comparison.ts'
import { METRICS } from './metrics.ts'

const LABELS_PX = 190
const PANEL_PX = 170
const PANEL_GAP_PX = 18
const ROW_PX = 22
const TICKS_APART_PX = 34

/** Least width of a scale: what differs by less than that differs by nothing that could be seen. */
const NARROWEST = 0.1
const HEAD_PX = 62
const PANELS_PER_LINE = 5
const FONT = 'font-family="DejaVu Sans, Verdana, sans-serif"'

const WORSE = '#b3261e'
const BETTER = '#1b6e3c'
const SAME = '#6b6b6b'

const px = (value: number): string => value.toFixed(1)
const escaped = (words: string): string => words.replaceAll('&', '&amp;').replaceAll('<', '&lt;')

/** Differences from the whole with their confidence intervals, a panel for each metric, a row for each variant. SVG. */
export function plotOf(comparisons: readonly Comparison[], seeds: number): string {
  const lines = Math.ceil(METRICS.length / PANELS_PER_LINE)
  const linePx = HEAD_PX + comparisons.length * ROW_PX + 34
  const widthPx = LABELS_PX + PANELS_PER_LINE * (PANEL_PX + PANEL_GAP_PX)
  const heightPx = 44 + lines * linePx
  const parts = [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${widthPx}" height="${heightPx}" viewBox="0 0 ${widthPx} ${heightPx}">`,
    `<rect width="${widthPx}" height="${heightPx}" fill="#ffffff"/>`,
    label(12, 24, `Difference from the whole, ${seeds} seeds, 95 % confidence`, { size: 13, weight: 'bold' }),
    ...[
      ['worse', WORSE],
      ['better', BETTER],
      ['none shown; hollow: not for all at once', SAME],
    ].flatMap(([word = '', colour = ''], i) => [
      `<circle cx="${px(widthPx - 430 + 80 * i)}" cy="20" r="4" fill="${colour}"/>`,
      label(widthPx - 420 + 80 * i, 24, word, {}),
    ]),
  ]
  for (let line = 0; line < lines; line++) {
    const topPx = 44 + line * linePx
    for (const [row, { variant }] of comparisons.entries()) {
      parts.push(label(LABELS_PX - 10, topPx + HEAD_PX + row * ROW_PX + 4, variant, { anchor: 'end' }))
    }
    for (let panel = 0; panel < PANELS_PER_LINE; panel++) {
      const at = line * PANELS_PER_LINE + panel
      if (at >= METRICS.length) break
      const rows = comparisons.map(({ rows: all }) => all[at]).filter((each) => each !== undefined)
      parts.push(...panelOf(rows, LABELS_PX + panel * (PANEL_PX + PANEL_GAP_PX), topPx))
    }
  }
  return [...parts, '</svg>', ''].join('\n')
}

function panelOf(rows: readonly Compared[], leftPx: number, topPx: number): string[] {
  const [first] = rows
  if (first === undefined) return []
  const { name, unit } = first.metric
  // The last, without any organ, is off the scale of single organs: shown at its edge, with its figure.
  const scaled = rows.slice(0, -1)
  const low = Math.min(0, ...scaled.map(({ difference }) => difference.low))
  const high = Math.max(0, ...scaled.map(({ difference }) => difference.high))
  const span = Math.max(high - low, NARROWEST)
  const at = (value: number): number => leftPx + 8 + ((Math.min(high, Math.max(low, value)) - low) / span) * (PANEL_PX - 16)
  const bottomPx = topPx + HEAD_PX + rows.length * ROW_PX - 8
  const points = unit === '%' ? 'points' : unit
  const parts = [
    label(leftPx + PANEL_PX / 2, topPx + 26, name, { anchor: 'middle', weight: 'bold' }),
    label(leftPx + PANEL_PX / 2, topPx + 41, points, { anchor: 'middle', colour: SAME }),
    `<rect x="${px(leftPx)}" y="${px(topPx + HEAD_PX - 14)}" width="${PANEL_PX}" height="${px(rows.length * ROW_PX + 6)}" fill="#f6f6f4"/>`,
    `<line x1="${px(at(0))}" x2="${px(at(0))}" y1="${px(topPx + HEAD_PX - 14)}" y2="${px(bottomPx)}" stroke="#999999"/>`,
  ]
  for (const tick of [low, high]) {
    if (Math.abs(at(tick) - at(0)) < TICKS_APART_PX) continue
    parts.push(label(at(tick), bottomPx + 15, short(tick), { anchor: tick === low ? 'start' : 'end', colour: SAME }))
  }
  parts.push(label(at(0), bottomPx + 15, '0', { anchor: 'middle', colour: SAME }))
  for (const [row, { difference, isWorse }] of rows.entries()) {
    const yPx = topPx + HEAD_PX + row * ROW_PX
    const isShown = difference.low > 0 || difference.high < 0
    const colour = isShown ? (isWorse ? WORSE : BETTER) : SAME
    const { mean } = difference
    if (mean < low || mean > high) {
      const isLeft = mean < low
      const [xPx, words] = [at(mean), isLeft ? `◀ ${short(mean)}` : `${short(mean)} ▶`]
      parts.push(label(xPx, yPx + 4, words, { anchor: isLeft ? 'start' : 'end', colour }))
      continue
    }
    parts.push(
      `<line x1="${px(at(difference.low))}" x2="${px(at(difference.high))}" y1="${px(yPx)}" y2="${px(yPx)}" stroke="${colour}" stroke-width="2"/>`,
      `<circle cx="${px(at(mean))}" cy="${px(yPx)}" r="4" fill="${difference.isCertain || !isShown ? colour : '#ffffff'}" stroke="${colour}" stroke-width="1.5"/>`,
    )
  }
  return parts
}

function short(value: number): string {
  const magnitude = Math.abs(value)
  const digits = magnitude >= 100 ? value.toFixed(0) : magnitude >= 1 ? value.toFixed(1) : value.toFixed(2)
  return value > 0 ? `+${digits}` : digits.replace('-', '−')
}

interface Style {
  readonly anchor?: 'start' | 'middle' | 'end'
  readonly size?: number
  readonly weight?: 'bold'
  readonly colour?: string
}

function label(
  xPx: number,
  yPx: number,
  words: string,
  { anchor = 'start', size = 11, weight, colour = '#222222' }: Style,
): string {
  const bold = weight === undefined ? '' : ' font-weight="bold"'
  return `<text x="${px(xPx)}" y="${px(yPx)}" ${FONT} font-size="${size}" text-anchor="${anchor}" fill="${colour}"${bold}>${escaped(words)}</text>`
}
