import { describe, expect, it } from 'vitest'
import { DegradationLadder, type DegradationStep, type Signs } from '../../src/index.ts'

const FINE: Signs = { hasSystem5: true, unitsAway: 0, storeAccepts: true, loopLagMs: 3, load: 0.1, hasEssential: true }

class Node {
  nowMs = 0
  readonly ladder = new DegradationLadder(0)

  /** So many looks, a second apart, at the same signs. @returns the steps taken, in order */
  look(change: Partial<Signs>, looks = 1): DegradationStep[] {
    const taken: DegradationStep[] = []
    for (let i = 0; i < looks; i++) {
      this.nowMs += 1_000
      if (this.ladder.look({ ...FINE, ...change }, this.nowMs)) taken.push(this.ladder.step)
    }
    return taken
  }
}

describe('the ladder of degradation', () => {
  it('stays at normal while all is well', () => {
    const node = new Node()
    expect(node.look({}, 1_000)).toEqual([])
    expect(node.ladder).toMatchObject({ step: 'normal', sinceMs: 0, reasons: [] })
  })

  it.each<[Partial<Signs>, DegradationStep, string]>([
    [{ hasSystem5: false }, 'cached', 'system5'],
    [{ unitsAway: 1 }, 'cached', 'units'],
    [{ storeAccepts: false }, 'reduced', 'store'],
  ])('takes %j for a fact: %s at the first look', (signs, step, sign) => {
    const node = new Node()
    expect(node.look(signs)).toEqual([step])
    expect(node.ladder).toMatchObject({ step, sinceMs: 1_000, reasons: [{ sign, value: 1 }] })
  })

  it.each<[Partial<Signs>, DegradationStep]>([
    [{ loopLagMs: 200 }, 'reduced'],
    [{ load: 0.8 }, 'reduced'],
    [{ loopLagMs: 1_000 }, 'essential'],
    [{ load: 1.2 }, 'essential'],
  ])('takes what is measured seriously when it is so three times in a row: %j', (signs, step) => {
    const node = new Node()
    expect(node.look(signs, 2)).toEqual([])
    expect(node.look({}, 1)).toEqual([])
    expect(node.look(signs, 2)).toEqual([])
    expect(node.look(signs, 1)).toEqual([step])
  })

  it('rises no further than all of the three looks wanted', () => {
    const node = new Node()
    node.look({ load: 0.9 }, 1)
    node.look({ load: 5 }, 1)
    expect(node.look({ load: 5 }, 1)).toEqual(['reduced'])
    expect(node.look({ load: 5 }, 3)).toEqual(['essential'])
  })

  it('serves nothing but the essential only where something is', () => {
    const node = new Node()
    expect(node.look({ load: 9, loopLagMs: 9_000, hasEssential: false }, 20)).toEqual(['reduced'])
    expect(node.look({ load: 9 }, 3)).toEqual(['essential'])
    // Its last essential unit is detached: no other is refused for its sake.
    expect(node.look({ load: 9, hasEssential: false }, 10)).toEqual(['reduced'])
  })

  it('does not leave a step between the two thresholds, and then goes down one step at a time', () => {
    const node = new Node()
    node.look({ load: 1.5 }, 3)
    expect(node.look({ load: 0.95 }, 100)).toEqual([])
    expect(node.look({ load: 0.85 }, 9)).toEqual([])
    expect(node.ladder.reasons).toEqual([{ sign: 'load', value: 0.95 }])
    expect(node.look({ load: 0.85 }, 1)).toEqual(['reduced'])
    expect(node.look({ load: 0.65 }, 100)).toEqual([])
    expect(node.look({ load: 0.1 }, 20)).toEqual(['cached', 'normal'])
    expect(node.ladder.reasons).toEqual([])
  })

  it('says what asks for the step, not what asks for one below', () => {
    const node = new Node()
    node.look({ unitsAway: 2, storeAccepts: false, loopLagMs: 300 }, 3)
    expect(node.ladder.reasons).toEqual([
      { sign: 'store', value: 1 },
      { sign: 'loop', value: 300 },
    ])
  })

  it('leaves more slowly what it had to take again soon: a load that comes back with the service does not swing it for ever', () => {
    const node = new Node()
    const swings = (looks: number): number => {
      let taken = 0
      for (let i = 0; i < looks; i++) {
        // What is refused is not seen: as soon as the step is left the load is back.
        const isServing = node.ladder.step !== 'essential'
        taken += node.look({ load: isServing ? 1.5 : 0.1 }).filter((step) => step === 'essential').length
      }
      return taken
    }
    expect(swings(600)).toBeLessThan(10)
    // Of which most came at first.
    expect(swings(600)).toBeLessThan(5)
    // After a calm time it begins anew.
    node.look({}, 1_000)
    node.look({ load: 1.5 }, 3)
    expect(node.look({}, 10)).toEqual(['reduced'])
  })

  it('takes nothing for a sign that is no number', () => {
    const node = new Node()
    expect(node.look({ load: Number.NaN, loopLagMs: Number.NaN, unitsAway: Number.NaN }, 10)).toEqual([])
  })
})
