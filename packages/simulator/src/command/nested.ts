import { spawn } from 'node:child_process'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { liveThroughFaults } from '../nested/faults.ts'
import type { Spread } from '../nested/measure.ts'
import type { SizeFigures } from './nested-size.ts'

/** Megabytes of heap that ten thousand nodes may take: each is some 400 KB of objects. */
const HEAP_MB = 12_288

/** Measures each size in a process of its own, so that none pays for the memory of another. */
export async function measureSizes(
  sizes: readonly number[],
  { seed, measuredMs }: { readonly seed: number; readonly measuredMs: number },
  onSize: (figures: SizeFigures) => void,
): Promise<readonly SizeFigures[]> {
  const all: SizeFigures[] = []
  for (const nodes of sizes) {
    const worker = fileURLToPath(new URL('./worker.ts', import.meta.url))
    const argv = [`--max-old-space-size=${HEAP_MB}`, worker, 'nested', String(nodes), String(seed), String(measuredMs)]
    const child = spawn(process.execPath, argv, { stdio: ['ignore', 'pipe', 'inherit'] })
    const ended = new Promise<number | null>((resolve) => child.once('close', resolve))
    let figures: SizeFigures | undefined
    for await (const line of createInterface({ input: child.stdout })) figures = JSON.parse(line) as SizeFigures
    const status = await ended
    if (figures === undefined) throw new Error(`the run of ${nodes} nodes ended with ${status ?? 'a signal'}`)
    all.push(figures)
    onSize(figures)
  }
  return all
}

/** Rows of the table: what is shown of each size, and whether it is held against the size of a hundred. */
export const ROWS: readonly {
  readonly what: string
  readonly of: (figures: SizeFigures) => number | undefined
  readonly compared: boolean
}[] = [
  { what: 'groups', of: ({ groups }) => groups, compared: false },
  { what: 'levels', of: ({ levels }) => levels, compared: false },
  ...spreads('stored state of a node, bytes', ({ storedBytes }) => storedBytes),
  ...spreads('connections of a node', ({ connections }) => connections),
  ...spreads('messages sent by a node per s', ({ messagesPerS }) => messagesPerS),
  ...spreads('bytes sent by a node per s', ({ bytesPerS }) => bytesPerS),
  ...spreads('of these without calls', ({ governingBytesPerS }) => governingBytesPerS),
  { what: 'CPU per simulated second and 1,000 nodes, s', of: ({ cpuPerS, nodes }) => (cpuPerS * 1_000) / nodes, compared: true },
  { what: 'CPU per simulated second, s', of: ({ cpuPerS }) => cpuPerS, compared: false },
  {
    what: 'calls to other groups that found the tool, %',
    of: ({ farCalls, farCallsFound }) => (farCalls === 0 ? undefined : (100 * farCallsFound) / farCalls),
    compared: false,
  },
  { what: 'killed process known to its group, ms', of: ({ killedKnownMs }) => killedKnownMs, compared: true },
  { what: 'vanished machine known to its group, ms', of: ({ vanishedKnownMs }) => vanishedKnownMs, compared: true },
  { what: 'new tool called from the other end, ms', of: ({ newToolCalledMs }) => newToolCalledMs, compared: true },
  { what: 'alert of a deepest group at the root, ms', of: ({ alertAtRootMs }) => alertAtRootMs, compared: true },
  { what: 'acknowledged at the root, shown below, ms', of: ({ acknowledgedBelowMs }) => acknowledgedBelowMs, compared: true },
  { what: 'eviction known to all of the mesh, ms', of: ({ evictionKnownMs }) => evictionKnownMs, compared: true },
]

function spreads(what: string, of: (figures: SizeFigures) => Spread): (typeof ROWS)[number][] {
  return [
    { what: `${what}, median`, of: (figures) => of(figures).median, compared: true },
    { what: `${what}, mean`, of: (figures) => of(figures).mean, compared: true },
    { what: `${what}, most`, of: (figures) => of(figures).max, compared: true },
  ]
}

/** Lines of a table, one column a size; in brackets the ratio to a hundred nodes. */
export function tableOf(all: readonly SizeFigures[]): string[] {
  const base = all.find(({ nodes }) => nodes === 100)
  const cells = ROWS.map(({ what, of, compared }) => [
    what,
    ...all.map((figures) => {
      const [value, than] = [of(figures), base === undefined ? undefined : of(base)]
      if (value === undefined) return '–'
      const ratio = compared && than !== undefined && than > 0 && figures !== base ? ` (${(value / than).toFixed(2)})` : ''
      return `${rounded(value)}${ratio}`
    }),
  ])
  const rows = [['', ...all.map(({ nodes }) => `${nodes.toLocaleString('en')} nodes`)], ...cells]
  const widths = rows[0]?.map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0))) ?? []
  return rows.map((row) =>
    row.map((cell, column) => (column === 0 ? cell.padEnd(widths[0] ?? 0) : cell.padStart(widths[column] ?? 0))).join('  '),
  )
}

function rounded(value: number): string {
  const digits = value >= 1_000 ? 0 : value >= 10 ? 1 : 3
  return Number(value.toFixed(digits)).toLocaleString('en', { maximumFractionDigits: digits })
}

/** Lives through cuts, deaths and lies between groups, a seed each. Throws `InvariantBrokenError`. */
export function liveFaults(seeds: readonly number[], nodes: number, say: (line: string) => void): void {
  for (const seed of seeds) say(`seed ${seed}: ${JSON.stringify(liveThroughFaults({ seed, nodes }))}`)
}
