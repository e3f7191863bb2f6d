import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { runMutants } from '../src/command/mutants.ts'
import { mutated, type Mutation, patchesOf } from '../src/mutation.ts'
import { MUTATIONS } from '../src/mutations.ts'

const PLANT = { file: 'f', find: 'a > b', replace: 'a < b' }

/** A few in the test command, of each package; all by `pnpm sim --mutations`. */
const HERE = [
  'vote twice in a term',
  'commit an entry of an old term by counting',
  'let a restored disk vote',
  'step up terms without proof',
  'apply before commit',
  'accept entries without endorsements',
  'policies set over a newer version',
  'declare failed without suspicion',
  'go on in an epoch that is over',
  'go on deciding beside a rival',
]

test('a mutation changes just one place, and says when it does not fit any more', () => {
  expect(mutated('if (a > b) c()', 'x', PLANT)).toBe('if (a < b) c()')
  expect(() => mutated('if (a >= b) c()', 'x', PLANT)).toThrow(/"x" fits f in 0 places/)
  expect(() => mutated('a > b; a > b', 'x', PLANT)).toThrow(/2 places/)
})

test.for(MUTATIONS.map((mutation) => [mutation.name, mutation] as const))('fits the code of now: %s', ([, mutation]) => {
  for (const patch of patchesOf(mutation)) {
    const source = readFileSync(new URL(`../../../${patch.file}`, import.meta.url), 'utf8')
    expect(mutated(source, mutation.name, patch)).not.toBe(source)
  }
})

test('names are used once', () => {
  expect(new Set(MUTATIONS.map(({ name }) => name)).size).toBe(MUTATIONS.length)
})

test.for(HERE)('is caught within its seeds: %s', { timeout: 120_000 }, async (name) => {
  const planted = MUTATIONS.filter((mutation: Mutation) => mutation.name === name)
  const [verdict] = await runMutants(planted, 1)
  expect(verdict?.unfit).toBeUndefined()
  expect(verdict?.caught).toBeDefined()
})
