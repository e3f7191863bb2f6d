import { readFileSync } from 'node:fs'
import { seededRandom } from '@vsmcp/kernel'

export interface Series {
  readonly name: string
  readonly title: string
  /** Ticks per season; 1 where there is none. */
  readonly season: number
  readonly resolution: number
}

/** Series in the public domain, in `test/series`, each with its source in its first lines. */
export const SERIES: readonly Series[] = [
  { name: 'nile', title: 'Nile at Aswan, yearly flow', season: 1, resolution: 1 },
  { name: 'sunspots', title: 'Sunspots, yearly', season: 11, resolution: 0.1 },
  { name: 'co2', title: 'CO₂ at Mauna Loa, monthly', season: 12, resolution: 0.01 },
  { name: 'elnino', title: 'Pacific sea temperature, monthly', season: 12, resolution: 0.01 },
  { name: 'unemployment', title: 'Unemployment in the USA, quarterly', season: 1, resolution: 0.1 },
]

/** One value per line; `null` for a missing one. */
export function readSeries(name: string): (number | null)[] {
  const text = readFileSync(new URL(`../series/${name}.txt`, import.meta.url), 'utf8')
  const lines = text.split('\n').filter((line) => !line.startsWith('#'))
  return lines.slice(0, -1).map((line) => (line === '' ? null : Number(line)))
}

/** Standard normal deviates, by Box and Muller. */
export function normalDeviates(seed: number): () => number {
  const random = seededRandom(seed)
  return () => Math.sqrt(-2 * Math.log(1 - random.next())) * Math.cos(2 * Math.PI * random.next())
}
