/**
 * Writes the tables of docs/forecasting.md anew: `pnpm forecasting`. A test holds the page to what this gives.
 */
import { readFileSync, writeFileSync } from 'node:fs'
import { type Change, tryChange, tryOn } from './forecast-trials.ts'
import { SERIES } from './series.ts'

const PAGE = new URL('../../../../docs/forecasting.md', import.meta.url)

const SEEDS = 100

const CHANGES: readonly (readonly [Change, number])[] = [
  ['none', 0],
  ['step', 3],
  ['step', 5],
  ['step', 10],
  ['step', 20],
  ['slope', 0.5],
  ['slope', 1],
  ['slope', 2],
  ['transient', 5],
  ['transient', 10],
  ['transient', 20],
]

export function readPage(): string {
  return readFileSync(PAGE, 'utf8')
}

/** The page with the table of this name as it is measured now. */
export function withTable(page: string, name: 'series' | 'changes'): string {
  const begin = `<!-- ${name} -->\n`
  const end = `<!-- /${name} -->`
  const from = page.indexOf(begin) + begin.length
  const to = page.indexOf(end)
  return `${page.slice(0, from)}\n${name === 'series' ? seriesTable() : changesTable()}\n${page.slice(to)}`
}

function seriesTable(): string {
  const rows = SERIES.map((series) => {
    const { forecasts, ours, naive, holtWinters, bandHeld } = tryOn(series)
    const errors = [ours, naive, holtWinters]
    const cells = errors.map((error) => (error === Math.min(...errors) ? `**${error.toPrecision(3)}**` : error.toPrecision(3)))
    return [series.title, String(forecasts), ...cells, percent(bandHeld)]
  })
  return table(['series', 'forecasts', 'ours', 'as the last value', 'Holt–Winters', 'in the 80 % band'], rows)
}

function changesTable(): string {
  const rows = CHANGES.map(([change, size]) => {
    const { called, followedAfter, falseAlarms, looked } = tryChange(change, size, SEEDS)
    const what = change === 'none' ? 'nothing' : change === 'slope' ? `slope of ${size} sd per tick` : `${change} of ${size} sd`
    const followed = change === 'none' ? '–' : Number.isFinite(followedAfter) ? `${followedAfter} ticks` : 'never'
    return [what, change === 'none' ? '–' : percent(called / SEEDS), followed, `${falseAlarms} in ${looked}`]
  })
  return table(['what happened', 'called so, one tick late', 'followed after', 'false alarms, ticks'], rows)
}

function percent(share: number): string {
  return `${Math.round(share * 100)} %`
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]): string => `| ${cells.join(' | ')} |\n`
  return line(head) + line(head.map(() => '---')) + rows.map(line).join('')
}

if (import.meta.main) writeFileSync(PAGE, withTable(withTable(readPage(), 'series'), 'changes'))
