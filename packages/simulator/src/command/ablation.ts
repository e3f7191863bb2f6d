import { spawn } from 'node:child_process'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { compare, type Lives } from '../ablation/comparison.ts'
import type { LifeFigures } from '../ablation/life.ts'
import { METRICS } from '../ablation/metrics.ts'
import { plotOf } from '../ablation/plot.ts'
import { tableOf } from '../ablation/table.ts'
import { type VariantName, VARIANTS } from '../ablation/variant.ts'

const NAMES = Object.keys(VARIANTS) as VariantName[]

/** What of README.md is written by the command stands between these. */
const BEGIN = '<!-- measured: written by `pnpm ablation` -->'
const END = '<!-- end of what is measured -->'

interface Lived {
  readonly seed: number
  readonly variant: VariantName
  readonly life: LifeFigures
}

/** All variants of seeds 1 to `seeds`, spread over processes; in the order of seeds whatever comes first. */
export async function liveAblation(seeds: number, jobs: number, onLife: (done: number) => void): Promise<Lives> {
  const lived: Lived[] = []
  const worker = fileURLToPath(new URL('./ablation-lives.ts', import.meta.url))
  await Promise.all(
    Array.from({ length: Math.min(jobs, seeds) }, async (_, job) => {
      const args = [job + 1, Math.ceil((seeds - job) / jobs), jobs].map(String)
      const child = spawn(process.execPath, [worker, ...args], { stdio: ['ignore', 'pipe', 'inherit'] })
      const ended = new Promise<number | null>((resolve) => child.once('close', resolve))
      for await (const line of createInterface({ input: child.stdout })) {
        lived.push(JSON.parse(line) as Lived)
        onLife(lived.length)
      }
      const status = await ended
      if (status !== 0) throw new Error(`a worker ended with ${status ?? 'a signal'}`)
    }),
  )
  lived.sort((a, b) => a.seed - b.seed)
  const of = (name: VariantName): LifeFigures[] => lived.filter(({ variant }) => variant === name).map(({ life }) => life)
  return Object.fromEntries(NAMES.map((name) => [name, of(name)])) as Record<VariantName, LifeFigures[]>
}

/** Writes the figures of each life, the plot, and the tables into README.md of this folder. */
export function writeAblation(folder: string, lives: Lives): void {
  mkdirSync(folder, { recursive: true })
  const comparisons = compare(lives)
  const columns = ['variant', 'seed', ...METRICS.map(({ key, unit }) => `${key} ${unit}`)]
  const rows = NAMES.flatMap((name) =>
    lives[name].map((life, at) => [`"${name}"`, String(at + 1), ...METRICS.map(({ of }) => of(life).toFixed(4))]),
  )
  writeFileSync(join(folder, 'lives.csv'), `${[columns, ...rows].map((cells) => cells.join(',')).join('\n')}\n`)
  writeFileSync(join(folder, 'ablation.svg'), plotOf(comparisons, lives.whole.length))
  const page = join(folder, 'README.md')
  const [before, rest] = readFileSync(page, 'utf8').split(BEGIN)
  const after = rest?.split(END)[1]
  if (before === undefined || after === undefined) throw new Error(`${page} has no place for what is measured`)
  writeFileSync(page, `${before}${BEGIN}\n\n${tableOf(lives, comparisons)}\n\n${END}${after}`)
}
