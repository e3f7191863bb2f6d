import { describe, expect, it } from 'vitest'
import { type Claim, ClaimWatch, contended } from '../src/index.ts'

const claim = (peer: string, askedAtIndex: number, resource: string, more: Partial<Claim> = {}): Claim => ({
  peer,
  unit: `u-${peer}`,
  resources: [{ resource: resource.replace(':shared', ''), shared: resource.endsWith(':shared') }],
  askedAtIndex,
  ...more,
})

describe('claims that keep others waiting', () => {
  it('are those that are held, and not shared by all who wait', () => {
    const a = claim('a', 1, 'arm', { token: 1 })
    const b = claim('b', 2, 'belt:shared', { token: 2 })
    const c = claim('c', 3, 'crane:shared', { token: 3 })
    const waiting = [claim('d', 4, 'arm'), claim('e', 5, 'belt:shared'), claim('f', 6, 'crane'), claim('g', 7, 'crane:shared')]
    expect(contended([a, b, c, ...waiting])).toEqual([a, c])
    expect(contended([a, b, c])).toEqual([])
  })

  it('do so since this node read it, for each claim anew', () => {
    const watch = new ClaimWatch()
    const held = claim('a', 1, 'arm', { token: 1 })
    watch.follow([held], 100)
    expect(watch.contendedForMs(held, 900)).toBe(0)
    watch.follow([held, claim('b', 2, 'arm')], 1_000)
    watch.follow([held, claim('b', 2, 'arm'), claim('c', 3, 'arm')], 1_500)
    expect(watch.contendedForMs(held, 1_700)).toBe(700)
    const again = claim('a', 9, 'arm', { token: 10 })
    watch.follow([again, claim('c', 3, 'arm')], 2_000)
    expect(watch.contendedForMs(again, 2_100)).toBe(100)
    expect(watch.contendedForMs(held, 2_100)).toBe(0)
  })

  it('are recalled since this node read that', () => {
    const watch = new ClaimWatch()
    const held = claim('a', 1, 'arm', { token: 1, recalledAtIndex: 5 })
    expect(watch.recalledForMs(held, 50)).toBe(0)
    watch.follow([held], 100)
    watch.follow([held], 300)
    expect(watch.recalledForMs(held, 400)).toBe(300)
  })
})
