import { test } from 'vitest'
import { manyLives } from './support/many-lives.ts'

test(
  '1,000 lives under faults, of even seeds, keep every promise, and each group is whole again within its time',
  { timeout: 600_000 },
  () => {
    manyLives(2, 2_000)
  },
)
