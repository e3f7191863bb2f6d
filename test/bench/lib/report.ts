import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { cpus, release, totalmem } from 'node:os'
import { fileURLToPath } from 'node:url'

import type { Bench, BenchOutcome } from './bench.ts'

const root = fileURLToPath(new URL('../../../', import.meta.url))
const resultsDir = `${root}test/bench/results/`

/** Packages whose versions decide what a figure means. */
const VERSIONS_OF = ['@modelcontextprotocol/server', '@modelcontextprotocol/node', 'mcp-proxy', 'supergateway', 'autocannon']

function versions(): Record<string, string> {
  const read = (path: string): string => (JSON.parse(readFileSync(path, 'utf8')) as { version: string }).version
  const found: Record<string, string> = { vsmcp: read(`${root}packages/cli/package.json`), node: process.versions.node }
  for (const name of VERSIONS_OF) found[name] = read(`${root}node_modules/${name}/package.json`)
  return found
}

function machine(): Record<string, string | number> {
  const [first] = cpus()
  return {
    platform: `${process.platform} ${release()} ${process.arch}`,
    cpu: first?.model.trim() ?? 'unknown',
    cores: cpus().length,
    memoryGiB: Math.round(totalmem() / 2 ** 30),
  }
}

/** Three significant digits are all that such a run is good for. */
function round(value: number): number {
  return Number(value.toPrecision(value >= 1_000 ? 4 : 3))
}

function markdown(bench: Bench, outcome: BenchOutcome, head: string): string {
  const figures = [...new Set(outcome.subjects.flatMap((subject) => Object.keys(subject.figures)))]
  const row = (cells: readonly (string | number)[]): string => `| ${cells.join(' | ')} |`
  const cell = (value: number | undefined): string => (value === undefined ? '–' : String(round(value)))
  return [
    `# ${bench.title}`,
    '',
    head,
    '',
    row(['', ...figures]),
    row(['---', ...figures.map(() => '---:')]),
    ...outcome.subjects.map((subject) => row([subject.name, ...figures.map((figure) => cell(subject.figures[figure]))])),
    '',
    row(['figure', 'target', 'measured', '']),
    row(['---', '---', '---:', '---']),
    ...outcome.targets.map(({ what, target, value, met }) => row([what, target, round(value), met ? 'reached' : '**missed**'])),
    ...(outcome.notes.length > 0 ? ['', ...outcome.notes.map((note) => `* ${note}`)] : []),
    '',
  ].join('\n')
}

/** Writes `results/<name>.json` and `.md`. @returns the table */
export function writeReport(bench: Bench, outcome: BenchOutcome, rounds: number): string {
  mkdirSync(resultsDir, { recursive: true })
  const about = { date: new Date().toISOString(), rounds, machine: machine(), versions: versions() }
  writeFileSync(`${resultsDir}${bench.name}.json`, `${JSON.stringify({ name: bench.name, ...about, ...outcome }, null, 2)}\n`)
  const { platform, cpu, cores, memoryGiB } = about.machine
  const names = Object.entries(about.versions).map(([name, version]) => `${name} ${version}`)
  const head = `${about.date}, ${outcome.basis ?? `medians of ${rounds} round${rounds === 1 ? '' : 's'}`}; ${platform}, ${cores} × ${cpu}, ${memoryGiB} GiB; ${names.join(', ')}`
  const table = markdown(bench, outcome, head)
  writeFileSync(`${resultsDir}${bench.name}.md`, table)
  return table
}
