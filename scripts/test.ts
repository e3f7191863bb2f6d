/**
 * The whole check: `npm test`. Every step runs even when one before it failed; the last line counts them all.
 * `npm test -- unit` runs only the steps whose name contains one of the words given.
 */
import { readFileSync, rmSync } from 'node:fs'

import { ensureBuilt } from './build.ts'
import { COUNTS_FILE_VARIABLE, type TestCounts } from './lib/count-reporter.ts'
import { checkPackage } from './lib/package-check.ts'
import { root, scratchDir } from './lib/paths.ts'
import { run } from './lib/run.ts'
import { Tally } from './lib/tally.ts'

const COUNTS_FILE = `${scratchDir}vitest-counts.json`

/** Runs a tool of this checkout, its output shown; throws when it finds fault. */
async function tool(name: string, ...args: string[]): Promise<void> {
  const { code } = await run(`${root}node_modules/.bin/${name}`, args, { cwd: root, show: true })
  if (code !== 0) throw new Error(`${name} ended with ${code ?? 'a signal'}`)
}

async function runTests(tally: Tally): Promise<void> {
  rmSync(COUNTS_FILE, { force: true })
  const { code } = await run(
    `${root}node_modules/.bin/vitest`,
    ['run', '--reporter=default', '--reporter=./scripts/lib/count-reporter.ts'],
    { cwd: root, show: true, env: { ...process.env, [COUNTS_FILE_VARIABLE]: COUNTS_FILE }, timeoutMs: 45 * 60_000 },
  )
  const counts = JSON.parse(readFileSync(COUNTS_FILE, 'utf8')) as TestCounts
  tally.add(counts)
  if (code !== 0 && counts.failures.length === 0) throw new Error(`vitest ended with ${code ?? 'a signal'} though no test failed`)
  if (counts.passed === 0) throw new Error('no test ran')
}

async function main(words: readonly string[]): Promise<number> {
  const tally = new Tally()
  const steps: Readonly<Record<string, () => Promise<unknown>>> = {
    format: () => tally.check('format (oxfmt)', () => tool('oxfmt', '--check', '.')),
    lint: () => tally.check('lint (oxlint, type-aware)', () => tool('oxlint', '--type-aware', '--deny-warnings')),
    types: () => tally.check('types (tsc)', () => tool('tsc', '-b')),
    deadcode: () => tally.check('dead code (knip)', () => tool('knip')),
    build: () =>
      tally.check('build (esbuild)', async () => {
        await ensureBuilt({ say: (line) => console.log(line) })
      }),
    unit: () => tally.step('tests (vitest)', () => runTests(tally)),
    package: () => checkPackage(tally),
  }
  const chosen = Object.keys(steps).filter((name) => words.length === 0 || words.some((word) => name.includes(word)))
  if (chosen.length === 0) {
    console.error(`no step is named ${words.join(' or ')}; there are ${Object.keys(steps).join(', ')}`)
    return 2
  }
  const started = performance.now()
  for (const name of chosen) await steps[name]?.()
  console.log(
    `\n${chosen.length} steps on Node ${process.versions.node} in ${((performance.now() - started) / 1_000).toFixed(0)} s`,
  )
  return tally.close()
}

process.exitCode = await main(process.argv.slice(2))
