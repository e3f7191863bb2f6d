import { seededRandom } from '@vsmcp/kernel'
import { describe, expect, it } from 'vitest'
import { Routing } from '../../src/index.ts'

interface Scene {
  routing: Routing
  clock: { nowMs: number }
  ready: Set<string>
  weights: Map<string, number>
  busyHere: { value: boolean }
  holder: { node: string | undefined }
  /** How many of 1,000 calls go to whom. */
  drawn(unit?: string): Record<string, number>
}

const AT = { unit: 'u', providers: ['a', 'b', 'c'] }

function scene(self = 'elsewhere'): Scene {
  const clock = { nowMs: 1_000 }
  const ready = new Set(AT.providers)
  const weights = new Map<string, number>()
  const busyHere = { value: false }
  const holder = { node: undefined as string | undefined }
  const routing = new Routing({
    self,
    isReady: ({ node }) => ready.has(node),
    isSaturated: () => busyHere.value,
    weightOf: (_unit, node) => weights.get(node) ?? 1,
    holdersOf: (_unit, nodes) => (holder.node !== undefined && nodes.includes(holder.node) ? [holder.node] : nodes),
    random: seededRandom(7),
  })
  const drawn = (): Record<string, number> => {
    const counts: Record<string, number> = {}
    for (let call = 0; call < 1_000; call++) {
      const node = routing.choose(AT, new Set(), clock.nowMs) ?? 'nobody'
      counts[node] = (counts[node] ?? 0) + 1
    }
    return counts
  }
  return { routing, clock, ready, weights, busyHere, holder, drawn }
}

/** A call that took so long. */
function answered({ routing, clock }: Scene, node: string, latencyMs: number): void {
  const ended = routing.began('u', node, clock.nowMs)
  clock.nowMs += latencyMs
  ended('answered', clock.nowMs)
}

describe('a call to a unit of several providers', () => {
  it('goes to the own one, but not while that is saturated, not ready, or far worse than others', () => {
    const s = scene('b')
    expect(s.drawn()).toEqual({ b: 1_000 })
    s.busyHere.value = true
    expect(Object.keys(s.drawn()).sort()).toEqual(['a', 'b', 'c'])
    s.busyHere.value = false
    s.weights.set('b', 0.1)
    expect(s.drawn()['b']).toBeLessThan(200)
    s.weights.clear()
    s.ready.delete('b')
    expect(s.drawn()).not.toHaveProperty('b')
  })

  it('goes to all alike while they do alike, and by weight where they do not', () => {
    const s = scene()
    for (const share of Object.values(s.drawn())) expect(share).toBeGreaterThan(270)
    s.weights.set('c', 0.05)
    expect(s.drawn()['c']).toBeLessThan(60)
    expect(s.drawn()['c']).toBeGreaterThan(0)
  })

  it('goes to the one of two with less work before it: calls in flight times recent latency', () => {
    const s = scene()
    s.ready.delete('c')
    answered(s, 'a', 10)
    answered(s, 'b', 100)
    const work = [
      s.routing.began('u', 'a', s.clock.nowMs),
      s.routing.began('u', 'a', s.clock.nowMs),
      s.routing.began('u', 'b', s.clock.nowMs),
    ]
    // Two of 10 ms are less work than one of 100: b is taken only where it is drawn twice.
    expect(s.drawn()['b']).toBeLessThan(320)
    for (const ended of work.slice(0, 2)) ended('cancelled', s.clock.nowMs)
    expect(s.drawn()['a']).toBeGreaterThan(680)
    // What is not known any more counts for nobody.
    s.clock.nowMs += 60_000
    expect(s.drawn()['a']).toBeGreaterThan(680)
  })

  it('goes to nobody who is not ready or has just sent a call back while there is another, and to nobody twice', () => {
    const s = scene()
    s.ready.delete('a')
    s.routing.began('u', 'b', s.clock.nowMs)('failed', s.clock.nowMs)
    expect(s.drawn()).toEqual({ c: 1_000 })
    // Better than nobody.
    expect(s.routing.choose(AT, new Set(['c']), s.clock.nowMs)).toBe('b')
    expect(s.routing.choose(AT, new Set(['b', 'c']), s.clock.nowMs)).toBe('a')
    expect(s.routing.choose(AT, new Set(['a', 'b', 'c']), s.clock.nowMs)).toBeUndefined()
    s.clock.nowMs += 1_000
    expect(Object.keys(s.drawn()).sort()).toEqual(['b', 'c'])
  })

  it('that nobody is known to take goes to each in turn, who says why not', () => {
    const s = scene()
    s.ready.clear()
    expect([new Set<string>(), new Set('a'), new Set('abc')].map((tried) => s.routing.choose(AT, tried, s.clock.nowMs))).toEqual([
      'a',
      'b',
      undefined,
    ])
  })

  it('goes to who holds alone what the unit claims, and to another when that one failed', () => {
    const s = scene('a')
    s.holder.node = 'c'
    expect(s.drawn()).toEqual({ c: 1_000 })
    expect(s.routing.choose(AT, new Set(['c']), s.clock.nowMs)).toBe('a')
  })

  it('is counted for who weighs providers, once; what was cancelled says nothing', () => {
    const s = scene()
    answered(s, 'a', 30)
    s.routing.began('u', 'a', s.clock.nowMs)('failed', s.clock.nowMs)
    s.routing.began('u', 'a', s.clock.nowMs)('cancelled', s.clock.nowMs)
    expect(s.routing.takeCalls('u', 'a')).toEqual({ answered: 1, failed: 1, latencyMs: 30 })
    expect(s.routing.takeCalls('u', 'a')).toEqual({ answered: 0, failed: 0, latencyMs: 0 })
    s.routing.keepOnly(() => false)
    expect(s.routing.takeCalls('u', 'a')).toEqual({ answered: 0, failed: 0, latencyMs: 0 })
  })
})
