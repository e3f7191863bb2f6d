import { labelsOf } from '@vsmcp/vsm'
import { describe, expect, it } from 'vitest'
import { liveThroughFaults } from '../src/nested/faults.ts'
import { measureNested } from '../src/nested/measure.ts'
import { layOut, peerIdOf } from '../src/nested/topology.ts'
import { wireSize } from '../src/nested/wire-size.ts'

describe('nested groups', () => {
  it.each([10, 100, 1_000, 10_000])('hold %i nodes, each at home in one, none deeper than may be', (nodes) => {
    const groups = layOut(nodes)
    expect(groups.flatMap(({ home }) => home).toSorted((a, b) => a - b)).toEqual(Array.from({ length: nodes }, (_, at) => at))
    expect(new Set(groups.map(({ path }) => path)).size).toBe(groups.length)
    expect(new Set(groups.flatMap(({ home }) => home.map(peerIdOf))).size).toBe(nodes)
    expect(new Set(groups.map(({ id }) => id)).size).toBe(groups.length)
    expect(Math.max(...groups.map(({ path }) => labelsOf(path).length))).toBeLessThanOrEqual(4)
    expect(Math.max(...groups.map(({ home }) => home.length))).toBeLessThanOrEqual(12)
  })
})

describe('a mesh of nested groups', () => {
  it('of a hundred nodes finds every tool, hears every pain, knows every loss; none keeps or sends much for all that', () => {
    const figures = measureNested({ seed: 1, nodes: 100, measuredMs: 20_000 })
    expect(figures.farCallsFound).toBe(figures.farCalls)
    expect(figures.farCalls).toBeGreaterThan(0)
    expect(figures).toMatchObject({ groups: 9, levels: 2, seatsMax: 2 })
    const times = [
      'killedKnownMs',
      'vanishedKnownMs',
      'newToolCalledMs',
      'alertAtRootMs',
      'acknowledgedBelowMs',
      'resolvedAtRootMs',
    ] as const
    for (const time of [...times, 'evictionKnownMs'] as const) expect(figures[time], time).toBeLessThan(6_000)
    expect(figures.storedBytes.max).toBeLessThan(100_000)
    expect(figures.connections.max).toBeLessThanOrEqual(11 + 20)
    expect(figures.governingBytesPerS.max).toBeLessThan(10_000)
  })

  it('is the same for the same seed', () => {
    const figures = (): string => JSON.stringify(measureNested({ seed: 2, nodes: 30, measuredMs: 2_000 }))
    expect(figures()).toBe(figures())
  })

  it.each([1, 2])('stands groups cut off, a delegate killed and one that lies (seed %i)', (seed) => {
    const { insideAsked, insideAnswered, acrossAsked, acrossAnswered, hostileHeard, hostileRefused } = liveThroughFaults({
      seed,
      nodes: 60,
    })
    expect(insideAnswered).toBe(insideAsked)
    expect(acrossAnswered).toBe(acrossAsked)
    expect(Object.values(hostileRefused).reduce((sum, count) => sum + count, 0)).toBe(hostileHeard)
    expect(Object.keys(hostileRefused).toSorted()).toEqual([
      'flooded',
      'malformed',
      'orphan',
      'stale',
      'unsigned',
      'wrong-sender',
    ])
  })
})

describe('the size of a message', () => {
  it.each<[unknown, number]>([
    [null, 1],
    [true, 1],
    [127, 1],
    [128, 2],
    [65_535, 3],
    [65_536, 5],
    [2 ** 40, 9],
    [-32, 1],
    [-33, 2],
    [-129, 3],
    [1.5, 9],
    ['', 1],
    ['a'.repeat(31), 32],
    ['a'.repeat(32), 34],
    ['ü', 3],
    ['a'.repeat(256), 259],
    [new Uint8Array(3), 5],
    [[1, 2], 3],
    [{ a: 1, b: undefined }, 4],
    [Array.from({ length: 16 }, () => 0), 19],
  ])('%o is what MessagePack makes of it', (value, size) => {
    expect(wireSize(value)).toBe(size)
  })
})
