import { seededRandom } from '@vsmcp/kernel'
import { describe, expect, it } from 'vitest'
import { AllocationDamping, type Damper, type ProviderWindow, Synergy } from '../../src/index.ts'
import { ROUTING_WEIGHT_MIN } from '../../src/system3/constants.ts'

const SECOND = 1_000
const UNKNOWN = { capability: null, actuality: null }

/** Providers that answer in so many milliseconds and fail so often, called so often per second by weight. */
class World {
  readonly synergy: Synergy
  readonly providers: Record<string, { latencyMs: number; failing?: number; capability?: number }>
  readonly ratePerS: number
  nowMs = 0

  constructor(providers: World['providers'], ratePerS = 100, damp?: Damper) {
    this.providers = providers
    this.ratePerS = ratePerS
    this.synergy = new Synergy(damp === undefined ? {} : { damp })
  }

  get weights(): Record<string, number> {
    return Object.fromEntries(Object.keys(this.providers).map((name) => [name, this.synergy.weightOf('u', name)]))
  }

  run(seconds: number): this {
    for (let second = 0; second < seconds; second++) {
      const weights = this.weights
      const all = Object.values(weights).reduce((sum, weight) => sum + weight, 0)
      this.nowMs += SECOND
      for (const [name, { latencyMs, failing = 0, capability }] of Object.entries(this.providers)) {
        const calls = (this.ratePerS * (weights[name] ?? 0)) / all
        const answered = calls * (1 - failing)
        const known = capability === undefined ? UNKNOWN : { capability, actuality: calls }
        this.synergy.observe(
          'u',
          name,
          { answered, failed: calls * failing, latencyMs: answered * latencyMs, ...known },
          this.nowMs,
        )
      }
      this.synergy.tick(this.nowMs)
    }
    return this
  }
}

describe('weights of providers', () => {
  it('are equal while nothing is known, and for those that do alike', () => {
    expect(new Synergy().weightOf('u', 'a')).toBe(1)
    const { weights } = new World({ a: { latencyMs: 10 }, b: { latencyMs: 10 } }).run(20)
    expect(weights).toEqual({ a: expect.closeTo(1, 6), b: expect.closeTo(1, 6) })
  })

  it('follow measured latency within seconds, and come back when it does', () => {
    const world = new World({ a: { latencyMs: 10 }, b: { latencyMs: 10 } }).run(20)
    world.providers['b'] = { latencyMs: 100 }
    const slowed = world.run(10).weights
    expect(slowed['a']).toBe(1)
    expect(slowed['b']).toBeLessThan(0.25)
    world.providers['b'] = { latencyMs: 10 }
    expect(world.run(30).weights['b']).toBeGreaterThan(0.9)
  })

  it('fall with the share of calls that fail, to the least for who answers nothing, and never below', () => {
    const half = new World({ a: { latencyMs: 10 }, b: { latencyMs: 10, failing: 0.5 } }).run(30).weights
    expect(half['b']).toBeCloseTo(0.5, 1)
    const dead = new World({ a: { latencyMs: 10 }, b: { latencyMs: 10, failing: 1 } }).run(30).weights
    expect(dead['b']).toBe(ROUTING_WEIGHT_MIN)
  })

  it('send nobody much more than it could do, though it is the fastest', () => {
    const weights = new World({ a: { latencyMs: 1, capability: 10 }, b: { latencyMs: 10 } }, 100).run(60).weights
    const share = (weights['a'] ?? 0) / ((weights['a'] ?? 0) + (weights['b'] ?? 0))
    expect(share * 100).toBeLessThan(16)
    expect(share * 100).toBeGreaterThan(8)
  })

  it('do not swing with System 2 where two providers are slow by turns', () => {
    const reversals = (damp?: Damper): number => {
      const world = new World({ a: { latencyMs: 10 }, b: { latencyMs: 10 } }, 100, damp)
      let [turns, sign, last] = [0, 0, 1]
      for (let turn = 0; turn < 40; turn++) {
        const slow = turn % 2 === 0 ? 'a' : 'b'
        for (const name of ['a', 'b']) world.providers[name] = { latencyMs: name === slow ? 100 : 10 }
        const weight = world.run(6).weights['b'] ?? 0
        const now = Math.sign(Math.round((weight - last) * 5))
        if (now !== 0 && sign !== 0 && now !== sign) turns++
        if (now !== 0) sign = now
        last = weight
      }
      return turns
    }
    const damping = new AllocationDamping(seededRandom(1))
    const damped = reversals((unit, held, wanted, nowMs) => damping.damp(unit, held, wanted, nowMs))
    expect(reversals()).toBeGreaterThan(30)
    expect(damped).toBeLessThan(10)
  })

  it.each<[string, Partial<ProviderWindow>]>([
    ['a latency that is no number', { latencyMs: NaN }],
    ['calls below zero', { answered: -1 }],
    ['a capability without end', { capability: Infinity }],
  ])('do not hear %s', (_what, change) => {
    const synergy = new Synergy()
    const window = { answered: 1, failed: 0, latencyMs: 1, ...UNKNOWN, ...change }
    expect(synergy.observe('u', 'a', window, 0)).toBe(false)
    expect(synergy.tick(0)).toEqual([])
  })

  it('are forgotten with their units and providers', () => {
    const { synergy } = new World({ a: { latencyMs: 10 }, b: { latencyMs: 100 } }).run(20)
    synergy.keepOnly((_unit, provider) => provider === 'a')
    expect(synergy.weightOf('u', 'b')).toBe(1)
  })
})
