import type { UnitCounters } from '@vsmcp/kernel'
import { describe, expect, it } from 'vitest'
import { CountWindow } from '../../src/index.ts'

const counts = (change: Partial<UnitCounters> = {}): UnitCounters => ({
  answered: 0,
  refused: 0,
  unanswered: 0,
  cancelled: 0,
  turnedAway: 0,
  notSent: 0,
  busyMs: 0,
  workMs: 0,
  waitMs: 0,
  inFlight: 0,
  queued: 0,
  ...change,
})

describe('a window over what a unit counts', () => {
  it('holds what was counted since the last look, and of what is open the last', () => {
    const window = new CountWindow()
    expect(window.next(counts({ answered: 10, workMs: 100, inFlight: 3 }), 1_000)).toBe('begun')
    expect(window.next(counts({ answered: 15, refused: 2, notSent: 1, workMs: 180, inFlight: 1, queued: 4 }), 3_000)).toEqual({
      ...counts({ answered: 5, refused: 2, notSent: 1, workMs: 80, inFlight: 1, queued: 4 }),
      windowMs: 2_000,
      // 8 ended, and 2 more are open than before.
      came: 10,
    })
  })

  it('is none while no time passes, and then misses nothing', () => {
    const window = new CountWindow()
    window.next(counts(), 1_000)
    expect(window.next(counts({ answered: 5 }), 1_000)).toBeUndefined()
    expect(window.next(counts({ answered: 5 }), 900)).toBeUndefined()
    expect(window.next(counts({ answered: 7 }), 1_500)).toMatchObject({ answered: 7, windowMs: 500 })
  })

  it('begins anew with a unit that counts anew', () => {
    const window = new CountWindow()
    window.next(counts({ answered: 100, busyMs: 50 }), 1_000)
    expect(window.next(counts({ answered: 1 }), 2_000)).toBe('begun')
    expect(window.next(counts({ answered: 4 }), 3_000)).toMatchObject({ answered: 3 })
  })
})
