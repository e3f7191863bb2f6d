import { describe, expect, it } from 'vitest'
import { type AlertAbove, type AlertBelow, AlertClimb, type ClimbEffect } from '../../src/index.ts'

const below = (id: string, more: Partial<AlertBelow> = {}): AlertBelow => ({
  id,
  severity: 'high',
  isOverdue: true,
  isAcknowledged: false,
  closed: undefined,
  ...more,
})

/** A docket above, and delegates that serve it. */
class Levels {
  readonly above = new Map<string, AlertAbove>()
  readonly effects: ClimbEffect[] = []
  below: AlertBelow[] = []
  nowMs = 0

  look(climb: AlertClimb, rank = 0): ClimbEffect[] {
    const effects = climb.look(this.below, (as) => this.above.get(as), rank, this.nowMs)
    this.effects.push(...effects)
    return effects
  }
}

const climb = (): AlertClimb => new AlertClimb({ idAbove: (id) => `child-${id}` })

describe('an alert', () => {
  it('climbs when it is overdue, or at once when it is critical; else it is the affair of the group', () => {
    const levels = new Levels()
    levels.below = [below('1', { isOverdue: false }), below('2'), below('3', { isOverdue: false, severity: 'critical' })]
    expect(levels.look(climb())).toEqual([
      { type: 'raise', id: '2', as: 'child-2' },
      { type: 'raise', id: '3', as: 'child-3' },
    ])
  })

  it('is raised again until it is there, more and more seldom, and not after that', () => {
    const levels = new Levels()
    const delegate = climb()
    levels.below = [below('1')]
    const times: number[] = []
    for (; levels.nowMs < 60_000; levels.nowMs = delegate.nextLookMs(0) ?? 60_000) {
      if (levels.look(delegate).length > 0) times.push(levels.nowMs)
    }
    expect(times).toEqual([0, 500, 1_500, 3_500, 7_500, 15_500, 30_500, 45_500])
    levels.above.set('child-1', { isAcknowledged: false, isClosed: false })
    expect(levels.look(delegate)).toEqual([])
    expect(delegate.nextLookMs(0)).toBeUndefined()
  })

  it('is raised by the second delegate only when the first has not', () => {
    const levels = new Levels()
    const [first, second] = [climb(), climb()]
    levels.below = [below('1')]
    expect(levels.look(first, 0)).toHaveLength(1)
    expect(levels.look(second, 1)).toEqual([])
    expect(second.nextLookMs(1)).toBe(500)
    levels.nowMs = 500
    expect(levels.look(second, 1)).toEqual([{ type: 'raise', id: '1', as: 'child-1' }])
    levels.above.set('child-1', { isAcknowledged: false, isClosed: false })
    levels.nowMs = 90_000
    expect([...levels.look(first), ...levels.look(second, 1)]).toEqual([])
  })

  it('that is over below is over above', () => {
    const levels = new Levels()
    const delegate = climb()
    levels.below = [below('1')]
    levels.look(delegate)
    levels.above.set('child-1', { isAcknowledged: false, isClosed: false })
    levels.below = [below('1', { closed: 'pump mended' })]
    expect(levels.look(delegate)).toEqual([{ type: 'resolve', id: '1', as: 'child-1', reason: 'pump mended' }])
    levels.above.set('child-1', { isAcknowledged: false, isClosed: true })
    levels.nowMs = 90_000
    expect(levels.look(delegate)).toEqual([])
  })

  it('that was over before it climbed is nobody else’s affair', () => {
    const levels = new Levels()
    levels.below = [below('1', { closed: 'well again' })]
    expect(levels.look(climb())).toEqual([])
  })

  it('that was acknowledged above is acknowledged below', () => {
    const levels = new Levels()
    const delegate = climb()
    levels.below = [below('1')]
    levels.above.set('child-1', { isAcknowledged: true, isClosed: false })
    expect(levels.look(delegate)).toEqual([{ type: 'acknowledge', id: '1' }])
    levels.below = [below('1', { isAcknowledged: true })]
    levels.nowMs = 90_000
    expect(levels.look(delegate)).toEqual([])
  })

  it('that was closed above, and forgotten there, is not raised once more', () => {
    const levels = new Levels()
    const delegate = climb()
    levels.below = [below('1')]
    levels.above.set('child-1', { isAcknowledged: false, isClosed: true })
    expect(levels.look(delegate)).toEqual([])
    levels.above.clear()
    levels.nowMs = 90_000
    expect(levels.look(delegate)).toEqual([])
  })

  it('is forgotten with the docket: nothing grows', () => {
    const levels = new Levels()
    const delegate = climb()
    for (let at = 0; at < 10_000; at++) {
      levels.below = [below(`${at}`)]
      levels.look(delegate)
    }
    levels.below = []
    levels.look(delegate)
    expect(delegate.nextLookMs(0)).toBeUndefined()
  })
})
