import { seededRandom } from '@vsmcp/kernel'
import { describe, expect, it } from 'vitest'
import { type Claimant, type Demand, fairShares, type Grant, ResourceBargain } from '../../src/index.ts'

const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0)

describe('fair shares', () => {
  it.each<[string, number, Claimant[], number[]]>([
    [
      'meet what is asked for where there is enough',
      10,
      [
        { weight: 1, demand: 3 },
        { weight: 1, demand: 4 },
      ],
      [3, 4],
    ],
    [
      'are equal where nobody can be met',
      9,
      [
        { weight: 1, demand: 9 },
        { weight: 1, demand: 9 },
        { weight: 1, demand: 9 },
      ],
      [3, 3, 3],
    ],
    [
      'give what the modest leave to the others',
      10,
      [
        { weight: 1, demand: 2 },
        { weight: 1, demand: 9 },
        { weight: 1, demand: 9 },
      ],
      [2, 4, 4],
    ],
    [
      'go by weight',
      12,
      [
        { weight: 3, demand: 99 },
        { weight: 1, demand: 99 },
      ],
      [9, 3],
    ],
    ['of nothing are nothing', 0, [{ weight: 1, demand: 1 }], [0]],
  ])('%s', (_title, capacity, claimants, shares) => {
    expect(fairShares(capacity, claimants)).toEqual(shares)
  })

  it('are max-min fair: who has less than it asks for has as much for its weight as anybody', () => {
    const random = seededRandom(4)
    for (let round = 0; round < 300; round++) {
      const claimants = Array.from({ length: 1 + Math.floor(random.next() * 12) }, () => ({
        weight: 1 + Math.floor(random.next() * 5),
        demand: random.next() * 20,
      }))
      const capacity = random.next() * 100
      const shares = fairShares(capacity, claimants)
      const demand = sum(claimants.map((claimant) => claimant.demand))
      expect(sum(shares)).toBeCloseTo(Math.min(capacity, demand))
      const levels = shares.map((share, at) => share / (claimants[at]?.weight ?? 1))
      for (const [at, claimant] of claimants.entries()) {
        expect(shares[at]).toBeLessThanOrEqual(claimant.demand + 1e-9)
        if ((shares[at] ?? 0) < claimant.demand - 1e-9) expect(levels[at]).toBeGreaterThanOrEqual(Math.max(...levels) - 1e-9)
      }
    }
  })
})

const demandOf = (change: Partial<Demand> = {}): Demand => ({
  weight: 1,
  concurrencyMax: 128,
  ratePerSMax: null,
  owed: { p99Ms: null, errorShare: null },
  concurrency: 0,
  ratePerS: 0,
  memoryBytes: null,
  ...change,
})
const UNBOUND = { ratePerS: null, memoryBytes: null }
const concurrencyOf = (grants: readonly Grant[]): Record<string, number> =>
  Object.fromEntries(grants.map(({ unit, concurrency }) => [unit, concurrency]))

describe('a resource bargain', () => {
  it('leaves units all they can use where there is enough', () => {
    const bargain = new ResourceBargain({ capacity: { concurrency: 256, ...UNBOUND } })
    bargain.observe('a', demandOf({ concurrency: 100 }))
    bargain.observe('b', demandOf())
    expect(concurrencyOf(bargain.tick(0))).toEqual({ a: 128, b: 128 })
  })

  it('shares what is scarce by weight and demand, and never starves an idle unit', () => {
    const bargain = new ResourceBargain({ capacity: { concurrency: 32, ...UNBOUND } })
    bargain.observe('heavy', demandOf({ concurrency: 100, weight: 2 }))
    bargain.observe('light', demandOf({ concurrency: 100 }))
    bargain.observe('idle', demandOf())
    const granted = concurrencyOf(bargain.tick(0))
    expect(granted).toEqual({ heavy: 20, light: 11, idle: 1 })
    expect(sum(Object.values(granted))).toBe(32)
  })

  it('follows load: at the next period, and at once when it moves by much', () => {
    const bargain = new ResourceBargain({ capacity: { concurrency: 20, ...UNBOUND } })
    bargain.observe('a', demandOf({ concurrency: 30 }))
    bargain.observe('b', demandOf())
    const first = concurrencyOf(bargain.tick(0))
    expect(first['a']).toBeGreaterThan(first['b'] ?? 0)
    bargain.observe('a', demandOf({ concurrency: 29 }))
    expect(bargain.tick(5_000)).toEqual([])
    bargain.observe('a', demandOf())
    bargain.observe('b', demandOf({ concurrency: 30 }))
    const turned = concurrencyOf(bargain.tick(5_001))
    expect(turned['b']).toBeGreaterThan(turned['a'] ?? 0)
    expect(bargain.tick(15_000)).toEqual([])
    expect(bargain.tick(15_001)).toHaveLength(2)
  })

  it('states what is owed and until when, and holds the bounds a unit was attached with', () => {
    const bargain = new ResourceBargain({ capacity: { concurrency: 100, ...UNBOUND } })
    const owed = { p99Ms: 500, errorShare: 0.01 }
    bargain.observe('a', demandOf({ concurrencyMax: 2, ratePerSMax: 5, owed, concurrency: 50, ratePerS: 50 }))
    expect(bargain.tick(1_000)).toEqual([
      { unit: 'a', ordinal: 1, concurrency: 2, ratePerS: 5, memoryBytes: null, owed, expiresMs: 31_000 },
    ])
  })

  it('shares rate and memory likewise', () => {
    const bargain = new ResourceBargain({ capacity: { concurrency: 100, ratePerS: 30, memoryBytes: 1_000 } })
    bargain.observe('a', demandOf({ ratePerS: 100, memoryBytes: 900 }))
    bargain.observe('b', demandOf({ ratePerS: 3, memoryBytes: 100 }))
    bargain.observe('c', demandOf())
    const [a, b, c] = bargain.tick(0)
    expect(sum([a, b, c].map((grant) => grant?.ratePerS ?? 0))).toBeCloseTo(30)
    expect(b?.ratePerS).toBeCloseTo(3 * 1.25 + 1)
    expect([a?.memoryBytes, b?.memoryBytes, c?.memoryBytes]).toEqual([875, 125, null])
  })

  it("lets System 2 damp what it gives, within the unit's bounds and what there is", () => {
    const damp = (_unit: string, held: number, wanted: number): number => held + (wanted - held) / 2
    const bargain = new ResourceBargain({ capacity: { concurrency: 100, ...UNBOUND }, damp })
    bargain.observe('a', demandOf({ concurrency: 200 }))
    expect(concurrencyOf(bargain.tick(0))).toEqual({ a: 100 })
    bargain.observe('a', demandOf({ concurrencyMax: 10 }))
    expect(concurrencyOf(bargain.tick(2_000))).toEqual({ a: 10 })
    bargain.observe('a', demandOf())
    expect(concurrencyOf(bargain.tick(4_000))).toEqual({ a: 55 })
    bargain.observe('b', demandOf({ concurrency: 90 }))
    const both = concurrencyOf(bargain.tick(6_000))
    expect((both['a'] ?? 0) + (both['b'] ?? 0)).toBeLessThanOrEqual(100)
  })

  it.each<[string, Partial<Demand>]>([
    ['NaN', { concurrency: Number.NaN }],
    ['a negative rate', { ratePerS: -1 }],
    ['endless memory', { memoryBytes: Infinity }],
    ['no weight', { weight: 0 }],
    ['a weight beyond all others', { weight: 1e9 }],
  ])('does not listen to a demand of %s', (_title, change) => {
    const bargain = new ResourceBargain({ capacity: { concurrency: 100, ...UNBOUND } })
    expect(bargain.observe('a', demandOf(change))).toBe(false)
    expect(bargain.tick(0)).toEqual([])
  })
})
