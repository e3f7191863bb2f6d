import { describe, expect, it } from 'vitest'
import { AttemptLimiter } from '../src/attempt-limiter.ts'

const limiter = (change: object = {}) => new AttemptLimiter({ perMinute: 3, perMinuteInAll: 100, keysMax: 4, ...change })
const count = (of: AttemptLimiter, keys: string[], times: number, nowMs: number): number =>
  Array.from({ length: times }, () => of.allow(keys, nowMs)).filter(Boolean).length

describe('attempts', () => {
  it('are as many as allowed per key, and come back with time', () => {
    const of = limiter()
    expect(count(of, ['a'], 10, 1_000)).toBe(3)
    expect(count(of, ['a'], 10, 1_000 + 19_999)).toBe(0)
    expect(count(of, ['a'], 10, 1_000 + 40_000)).toBe(2)
    expect(count(of, ['a'], 10, 10_000_000)).toBe(3)
  })

  it('of one key do not count against another', () => {
    const of = limiter()
    expect(count(of, ['a'], 10, 0)).toBe(3)
    expect(count(of, ['b'], 10, 0)).toBe(3)
  })

  it('under an address count together, whatever the peer', () => {
    const of = limiter()
    const allowed = ['p1', 'p2', 'p3', 'p4', 'p5'].filter((peer) => of.allow([peer, 'ip4/10.0.0.1'], 0))
    expect(allowed).toEqual(['p1', 'p2', 'p3'])
  })

  it('of all together are bounded, and who is over its own limit takes nothing from the rest', () => {
    const of = limiter({ perMinuteInAll: 5 })
    expect(count(of, ['a'], 1_000, 0)).toBe(3)
    expect(count(of, ['b'], 1_000, 0)).toBe(2)
    expect(count(of, ['c'], 1_000, 0)).toBe(0)
    expect(count(of, ['c'], 1_000, 60_000)).toBe(3)
  })

  it('are counted in bounded memory, the least recent key forgotten first', () => {
    const of = limiter()
    count(of, ['a'], 3, 0)
    for (let at = 0; at < 3; at++) of.allow([`k${at}`], 0)
    expect(of.allow(['a'], 0)).toBe(false)
    for (let at = 0; at < 1_000; at++) of.allow([`k${at}`], 0)
    expect(of.size).toBe(4)
  })

  it('do not come back when the clock steps back', () => {
    const of = limiter()
    count(of, ['a'], 3, 60_000)
    expect(of.allow(['a'], 0)).toBe(false)
    expect(of.allow(['a'], 60_001)).toBe(false)
  })
})
