import { mkdirSync, writeFileSync } from 'node:fs'
import { dirname } from 'node:path'

import type { Reporter, TestModule } from 'vitest/node'

import { messageOf } from './message-of.ts'

export interface TestCounts {
  passed: number
  /** Names of what failed, one for each failure. */
  failures: string[]
  skipped: { name: string; reason: string }[]
}

/** Where the counts go; set by whoever starts vitest. */
export const COUNTS_FILE_VARIABLE = 'VSMCP_TEST_COUNTS_FILE'

/** Counts what vitest saw, skips with their reasons, for the closing line of `npm test`. */
// oxlint-disable-next-line import/no-default-export -- vitest loads a reporter by its default export
export default class CountReporter implements Reporter {
  onTestRunEnd(modules: readonly TestModule[], unhandledErrors: readonly unknown[]): void {
    const counts: TestCounts = {
      passed: 0,
      failures: unhandledErrors.map((error) => `an error outside of all tests: ${messageOf(error)}`),
      skipped: [],
    }
    for (const module of modules) {
      for (const test of module.children.allTests()) {
        const result = test.result()
        if (result.state === 'passed') counts.passed++
        if (result.state === 'failed') counts.failures.push(`${module.relativeModuleId}: ${test.fullName}`)
        if (result.state === 'skipped' || result.state === 'pending') {
          const reason = (result.state === 'skipped' ? result.note : undefined) ?? 'no reason given'
          counts.skipped.push({ name: `${module.relativeModuleId}: ${test.fullName}`, reason })
        }
      }
      // A file that cannot be loaded, or a hook that fails, fails without any test failing.
      const broken = [module, ...module.children.allSuites()].filter((suite) => suite.errors().length > 0)
      counts.failures.push(
        ...broken.map((suite) => `${module.relativeModuleId}: ${'fullName' in suite ? suite.fullName : 'the file itself'}`),
      )
    }
    const file = process.env[COUNTS_FILE_VARIABLE]
    if (file === undefined) return
    mkdirSync(dirname(file), { recursive: true })
    writeFileSync(file, JSON.stringify(counts))
  }
}
