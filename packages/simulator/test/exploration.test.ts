import { expect, test } from 'vitest'
import { EXPLORATIONS, explore } from '../src/explore.ts'

/** Steps to which every interleaving is tried here; `pnpm sim --explore 8` goes further. */
const DEPTH = 5

test.for(EXPLORATIONS.map((exploration) => [exploration.name, exploration] as const))(
  `all interleavings of three voters to ${DEPTH} steps keep Raft's promises: %s`,
  { timeout: 120_000 },
  ([, exploration]) => {
    const { states, deepest } = explore(exploration, DEPTH)
    expect(deepest).toBe(DEPTH)
    expect(states).toBeGreaterThan(1_000)
  },
)
