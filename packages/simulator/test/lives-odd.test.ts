import { test } from 'vitest'
import { manyLives } from './support/many-lives.ts'

test(
  '1,000 lives under faults, of odd seeds, keep every promise, and each group is whole again within its time',
  { timeout: 600_000 },
  () => {
    manyLives(1, 2_000)
  },
)
