import { expect } from 'vitest'
import { simulate } from '../../src/index.ts'
import { addLife, noTotals } from '../../src/totals.ts'

/** Shorter than the command's, so that two thousand fit the test command. */
const LIFE_MS = 5_000

/** Half of the seeds up to `last`: every second one from `first`, so that two files share the cores. */
export function manyLives(first: number, last: number): void {
  const totals = noTotals()
  for (let seed = first; seed <= last; seed += 2) {
    try {
      addLife(totals, simulate({ seed, lifeMs: LIFE_MS }))
    } catch (error) {
      throw new Error(`replay it with: pnpm sim --seed ${seed} --life ${LIFE_MS}`, { cause: error })
    }
  }
  // Lives in which nothing happens prove nothing.
  const { lives } = totals
  expect(totals.elections).toBeGreaterThan(lives)
  expect(totals.decided).toBeGreaterThan(5 * lives)
  expect(totals.answered).toBeGreaterThan(5 * lives)
  expect(totals.certificates).toBeGreaterThan(lives)
  expect(totals.evictions).toBeGreaterThan(lives / 20)
  expect(totals.redemptions).toBeGreaterThan(lives / 10)
  expect(totals.founded).toBeGreaterThan(lives / 10)
  expect(totals.granted).toBeGreaterThan(lives / 10)
  expect(totals.recoveries).toBeGreaterThan(lives / 10)
  expect(totals.ordered).toBeGreaterThan(0.95 * lives)
}
