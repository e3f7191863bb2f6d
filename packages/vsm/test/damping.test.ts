import { readFile } from 'node:fs/promises'
import { seededRandom } from '@vsmcp/kernel'
import { describe, expect, it } from 'vitest'
import { AllocationDamping, type Damper, ResourceBargain } from '../src/index.ts'

interface Second {
  readonly left: { readonly concurrency: number; readonly ratePerS: number }
  readonly right: { readonly concurrency: number; readonly ratePerS: number }
}

const CAPACITY = 16

/**
 * Three minutes as they were measured, second by second: calls in work and waiting, and calls answered, of two like servers (8 calls at a
 * time, 40 ms each) and 24 clients that call one after the other, nine times of ten the server that was said to be the faster. What is
 * said is renewed every five seconds: so all run to the one that nobody used.
 */
const herd = JSON.parse(await readFile(new URL('series/herding-clients.json', import.meta.url), 'utf8')) as Second[]

/** What `left` and `right` are granted in each second of the recording. */
function granted(damp: Damper): { left: number[]; sums: number[] } {
  const bargain = new ResourceBargain({ capacity: { concurrency: CAPACITY, ratePerS: null, memoryBytes: null }, damp })
  const left: number[] = []
  const sums: number[] = []
  for (const [second, demands] of herd.entries()) {
    for (const [unit, { concurrency, ratePerS }] of Object.entries(demands)) {
      const terms = { weight: 1, concurrencyMax: 128, ratePerSMax: null, owed: { p99Ms: null, errorShare: null } }
      bargain.observe(unit, { ...terms, concurrency, ratePerS, memoryBytes: null })
    }
    bargain.tick(second * 1_000)
    const [l = 0, r = 0] = ['left', 'right'].map((unit) => bargain.grantOf(unit)?.concurrency)
    left.push(l)
    sums.push(l + r)
  }
  return { left, sums }
}

/** How often a series turns, and how far it moves in all. */
function swingOf(series: readonly number[]): { turns: number; travel: number } {
  const moves = series.slice(1).map((value, i) => value - (series[i] ?? 0))
  const changes = moves.filter((move) => move !== 0)
  return {
    turns: changes.filter((move, i) => i > 0 && Math.sign(move) !== Math.sign(changes[i - 1] ?? 0)).length,
    travel: moves.reduce((sum, move) => sum + Math.abs(move), 0),
  }
}

function damped(seed: number): Damper {
  const damping = new AllocationDamping(seededRandom(seed))
  return (unit, held, wanted, nowMs) => damping.damp(unit, held, wanted, nowMs)
}

const LAST_MINUTE = [-60] as const

describe('damping', () => {
  it('settles grants that a recorded load makes swing without it', () => {
    const undamped = swingOf(granted((_unit, _held, wanted) => wanted).left.slice(...LAST_MINUTE))
    expect(undamped.turns).toBeGreaterThanOrEqual(6)
    for (let seed = 1; seed <= 20; seed++) {
      const swing = swingOf(granted(damped(seed)).left.slice(...LAST_MINUTE))
      // Of sixteen, a call or two more or less.
      expect(swing.travel, `seed ${seed}`).toBeLessThanOrEqual(undamped.travel / 20)
      expect(swing.turns, `seed ${seed}`).toBeLessThanOrEqual(undamped.turns / 2)
    }
  })

  it('keeps shares adding up to what there is, but for the small changes it leaves out', () => {
    const { sums } = granted(damped(1))
    for (const sum of sums) expect(Math.abs(sum - CAPACITY)).toBeLessThanOrEqual(2)
  })

  const at = (s: number): number => s * 1_000

  it('never touches what does not swing: a step, a ramp, a burst that comes and goes', () => {
    const wanted = [
      ...Array<number>(20).fill(10),
      ...Array<number>(20).fill(100),
      ...Array.from({ length: 40 }, (_, i) => 100 - i),
    ]
    const damping = new AllocationDamping(seededRandom(1))
    let held = 10
    for (const [second, want] of [...wanted, 90, 90, 90, 61, 61, 61].entries()) {
      const given = damping.damp('u', held, want, at(10 * second))
      expect(given).toBe(want)
      held = given
    }
    expect(damping.state).toMatchObject({ gain: 1, oscillations: 0 })
  })

  it('halves the gain at each swing, dwells longer each time by a jittered while, and never stands still for good', () => {
    const damping = new AllocationDamping(seededRandom(7))
    let held = 50
    const dwells: number[] = []
    let found = 0
    for (let second = 0; second < 3_600; second++) {
      held = damping.damp('u', held, Math.floor(second / 10) % 2 === 0 ? 90 : 10, at(second))
      const { oscillations, dwellUntilMs } = damping.state
      if (oscillations > found) dwells.push(dwellUntilMs - at(second))
      found = oscillations
    }
    expect(damping.state.gain).toBe(1 / 16)
    for (const [i, gain] of [1 / 2, 1 / 4, 1 / 8, 1 / 16].entries()) {
      expect(dwells[i]).toBeGreaterThanOrEqual((0.75 * 5_000) / gain)
      expect(dwells[i]).toBeLessThanOrEqual((1.25 * 5_000) / gain)
    }
    expect(new Set(dwells).size).toBe(dwells.length)
  })

  it('gives all that is wanted again once nothing has turned for a while', () => {
    const damping = new AllocationDamping(seededRandom(3))
    let held = 50
    let second = 0
    for (; damping.state.gain === 1; second++) held = damping.damp('u', held, second % 2 === 0 ? 90 : 10, at(second))
    for (const end = second + 200; second < end; second++) held = damping.damp('u', held, 90, at(second))
    expect(damping.state.gain).toBe(1)
    expect(damping.damp('u', held, 20, at(second))).toBe(20)
  })

  it('differs between two that swing alike, so that they do not go on in step', () => {
    const dwells = [1, 2].map((seed) => {
      const damping = new AllocationDamping(seededRandom(seed))
      for (let second = 0; damping.state.gain === 1; second++) damping.damp('u', 50, second % 2 === 0 ? 90 : 10, at(second))
      return damping.state.dwellUntilMs
    })
    expect(dwells[0]).not.toBe(dwells[1])
  })
})
