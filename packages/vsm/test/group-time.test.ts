import { describe, expect, it } from 'vitest'
import { dueTime, reachedByMost } from '../src/index.ts'

describe('the time that most clocks have reached', () => {
  it('is not moved by a minority that is fast or slow', () => {
    expect(reachedByMost([1_000, 1_010, 9_999_999], 3)).toBe(1_010)
    expect(reachedByMost([1_000, 1_010, 0], 3)).toBe(1_000)
    expect(reachedByMost([5, 4, 3, 9_999, 9_999], 5)).toBe(5)
  })

  it('takes more than half of an even number', () => {
    expect(reachedByMost([1_000, 9_999_999], 2)).toBe(1_000)
    expect(reachedByMost([4, 3, 2, 1], 4)).toBe(2)
  })

  it('is unknown while too few clocks are', () => {
    expect(reachedByMost([1_000], 3)).toBeUndefined()
    expect(reachedByMost([1_000], 1)).toBe(1_000)
    expect(reachedByMost([], 1)).toBeUndefined()
  })
})

describe('up to when a leader decides what is due', () => {
  it('is its own time within what is tolerated, and else that of most', () => {
    expect(dueTime(1_500, 1_000, 500)).toBe(1_500)
    expect(dueTime(1_501, 1_000, 500)).toBe(1_000)
    expect(dueTime(100, 1_000, 500)).toBe(100)
    expect(dueTime(1_501, undefined, 500)).toBe(1_501)
  })
})
