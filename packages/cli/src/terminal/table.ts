import { cutTo, displayWidth } from './width.ts'

export interface TableOptions {
  /** The last column is cut where the line would be longer. @default no cut */
  width?: number | undefined
  /** Dresses the headings. @default none */
  heading?: (text: string) => string
}

/** Columns beside each other, two blanks between: easy to read, and to cut with other tools. */
export function renderTable(
  headings: readonly string[],
  rows: readonly (readonly string[])[],
  options: TableOptions = {},
): string {
  const { width = Number.POSITIVE_INFINITY, heading = (text: string) => text } = options
  const widths = headings.map((text, column) => Math.max(...[text, ...rows.map((row) => row[column] ?? '')].map(displayWidth)))
  const before = widths.slice(0, -1).reduce((sum, each) => sum + each + 2, 0)
  const last = headings.length - 1
  const line = (cells: readonly string[], dress = (text: string) => text): string =>
    cells
      .map((cell, column) => {
        if (column < last) return dress(cell) + ' '.repeat(Math.max(0, (widths[column] ?? 0) - displayWidth(cell)))
        return dress(cutTo(cell, Math.max(width - before, 16)))
      })
      .join('  ')
      .trimEnd()
  return [line(headings, heading), ...rows.map((row) => line(row))].join('\n')
}

/** Names and values beside each other. */
export function renderPairs(pairs: readonly (readonly [name: string, value: string])[], indent = ''): string {
  const width = Math.max(...pairs.map(([name]) => displayWidth(name)))
  return pairs.map(([name, value]) => `${indent}${name}${' '.repeat(width - displayWidth(name))}  ${value}`.trimEnd()).join('\n')
}
