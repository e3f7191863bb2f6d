import { describe, expect, it } from 'vitest'
import { Outlook, type Turn } from '../../src/index.ts'
import { SERIES_MAX } from '../../src/system4/constants.ts'
import { normalDeviates } from '../support/series.ts'

function fed(outlook: Outlook, values: readonly (number | null)[], subject = 'files'): Turn[] {
  return values.flatMap((value) => outlook.step(subject, 'calls', value))
}

function around(level: number, count: number, seed = 1): number[] {
  const normal = normalDeviates(seed)
  return Array.from({ length: count }, () => Math.max(0, Math.round(level + 4 * normal())))
}

describe('the outlook', () => {
  it('says what is to come, with its band, and how well it did', () => {
    const outlook = new Outlook()
    fed(outlook, around(50, 80))
    const [view] = outlook.view('files')
    expect(view).toMatchObject({ subject: 'files', measure: 'calls', observed: 80 })
    expect(view?.ahead.map(({ ahead }) => ahead)).toEqual([1, 5, 10, 20])
    expect(view?.level).toBeGreaterThan(46)
    expect(view?.level).toBeLessThan(54)
    const { meanError = 9, naiveMeanError = 0, bandHeld = 0 } = view?.skill ?? {}
    expect(meanError).toBeLessThan(naiveMeanError)
    expect(bandHeld).toBeGreaterThan(0.7)
  })

  it('tells of a step once, when it is sure, with the levels before and after', () => {
    const outlook = new Outlook()
    expect(fed(outlook, around(50, 60))).toEqual([])
    const turns = fed(outlook, around(150, 20, 2))
    expect(turns).toHaveLength(1)
    expect(turns[0]).toMatchObject({ type: 'turn', subject: 'files', measure: 'calls', change: 'step' })
    expect(turns[0]?.from).toBeLessThan(60)
    expect(turns[0]?.to).toBeGreaterThan(130)
  })

  it('refuses what cannot be measured, and goes on', () => {
    const outlook = new Outlook()
    fed(outlook, [5, Number.NaN, -1, Number.POSITIVE_INFINITY, 5])
    expect(outlook.refused).toBe(3)
    expect(outlook.view()[0]?.observed).toBe(2)
  })

  it('watches a bounded number of series, and says what it refused', () => {
    const outlook = new Outlook()
    for (let i = 0; i < SERIES_MAX + 5; i++) outlook.step(`u${i}`, 'calls', 1)
    expect(outlook.subjects.size).toBe(SERIES_MAX)
    expect(outlook.refused).toBe(5)
    outlook.forget('u0')
    outlook.step('new', 'calls', 1)
    expect(outlook.subjects.has('new')).toBe(true)
  })

  it('survives a restart', () => {
    const outlook = new Outlook()
    fed(outlook, [...around(50, 30), null, null])
    const resumed = new Outlook(JSON.parse(JSON.stringify(outlook.snapshot())))
    expect(resumed.view()).toEqual(outlook.view())
  })
})
