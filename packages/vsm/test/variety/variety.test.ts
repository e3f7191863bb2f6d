import { seededRandom } from '@vsmcp/kernel'
import { describe, expect, it } from 'vitest'
import { type Count, entropyBits, type MeteredCall, varietyOf, VarietyMeter } from '../../src/index.ts'
import {
  CATEGORIES_MAX,
  LACK_KEPT_MS,
  OTHERS,
  REQUEST_AFTER_CALLS,
  SHORTAGE_KEPT_MS,
  SLOT_MS,
  UNMET_MAX,
  WINDOW_SLOTS,
} from '../../src/variety/constants.ts'

const answered = (tool: string): MeteredCall => ({ demand: tool, response: `files/${tool}`, unit: 'files', outcome: 'ok' })
const lacking = (tool: string): MeteredCall => ({ demand: tool, response: null, unit: null, outcome: 'unknown' })

function metered(calls: readonly MeteredCall[], nowMs = 0): VarietyMeter {
  const meter = new VarietyMeter()
  for (const call of calls) meter.step(call, nowMs)
  return meter
}

describe('entropy', () => {
  it('is nought for nothing and for one kind', () => {
    expect(entropyBits([])).toBe(0)
    expect(entropyBits([12])).toBe(0)
    expect(entropyBits([0, 5, 0])).toBe(0)
  })

  it('of equal kinds is the logarithm of their number, plus what Miller and Madow add', () => {
    expect(entropyBits([1_000, 1_000, 1_000, 1_000])).toBeCloseTo(2 + 3 / (2 * 4_000 * Math.LN2), 9)
  })

  it('is by the correction nearer to the truth for a small sample than without it', () => {
    const random = seededRandom(11)
    let corrected = 0
    let plain = 0
    for (let run = 0; run < 200; run++) {
      const counts = Array<number>(16).fill(0)
      for (let i = 0; i < 60; i++) {
        const kind = Math.floor(random.next() * 16)
        counts[kind] = (counts[kind] ?? 0) + 1
      }
      const kinds = counts.filter((count) => count > 0).length
      corrected += entropyBits(counts)
      plain += entropyBits(counts) - (kinds - 1) / (2 * 60 * Math.LN2)
    }
    expect(Math.abs(corrected / 200 - 4)).toBeLessThan(0.05)
    expect(Math.abs(plain / 200 - 4)).toBeGreaterThan(0.15)
  })
})

describe("Ashby's measure", () => {
  const count = (demand: string, response: string, outcome: Count['outcome'], calls: number): Count => ({
    demand,
    response,
    outcome,
    calls,
  })

  it('leaves nothing of the outcomes where all is answered', () => {
    const figures = varietyOf([count('a', 'u/a', 'ok', 500), count('b', 'u/b', 'ok', 500)])
    expect(figures).toMatchObject({ calls: 1_000, outcomeBits: 0, residualBits: 0, choosableBits: 0, unmatchedBits: 0 })
    expect(figures.demandBits).toBeCloseTo(1, 2)
    expect(figures.responseBits).toBe(figures.demandBits)
  })

  it('says that a better choice would help where one response works and another does not', () => {
    const figures = varietyOf([count('a', 'good/a', 'ok', 500), count('a', 'bad/a', 'error', 500)])
    expect(figures.outcomeBits).toBeCloseTo(1, 2)
    expect(figures.residualBits).toBeCloseTo(0, 2)
    expect(figures.choosableBits).toBeCloseTo(1, 2)
  })

  it('says that only a better unit would help where the one response works every other time', () => {
    const figures = varietyOf([count('a', 'u/a', 'ok', 500), count('a', 'u/a', 'error', 500)])
    expect(figures.residualBits).toBeCloseTo(1, 2)
    expect(figures.choosableBits).toBeCloseTo(0, 2)
  })

  it('counts distinctions of the demand that nothing answers to', () => {
    const figures = varietyOf(['a', 'b', 'c', 'd'].map((tool) => count(tool, '(none)', 'unknown', 250)))
    expect(figures.unmatchedBits).toBeCloseTo(2, 2)
    expect(figures.outcomeBits).toBe(0)
  })

  it('is nought for no calls', () => {
    expect(varietyOf([])).toMatchObject({ calls: 0, demandBits: 0, residualBits: 0, unmatchedBits: 0 })
  })
})

describe('the window', () => {
  it('forgets what is older than ten minutes', () => {
    const meter = metered([answered('a'), answered('b')])
    expect(meter.figures(SLOT_MS * (WINDOW_SLOTS - 1)).calls).toBe(2)
    meter.step(answered('a'), SLOT_MS * 5)
    expect(meter.figures(SLOT_MS * WINDOW_SLOTS).calls).toBe(1)
    expect(meter.figures(SLOT_MS * 100).calls).toBe(0)
  })

  it('tells a bounded number of kinds apart, and says how many calls are beyond', () => {
    const calls = Array.from({ length: CATEGORIES_MAX + 50 }, (_, i) => lacking(`tool-${i}`))
    const meter = metered(calls)
    const counts = meter.counts(0)
    expect(counts).toHaveLength(CATEGORIES_MAX + 1)
    expect(counts.find(({ demand }) => demand === OTHERS)).toMatchObject({ calls: 50 })
    expect(meter.beyondBounds.calls).toBe(50)
    // When the window has moved on there is room again.
    meter.step(lacking('new'), SLOT_MS * 50)
    expect(meter.counts(SLOT_MS * 50)).toMatchObject([{ demand: 'new', calls: 1 }])
  })
})

describe('unmet demand', () => {
  it('asks for a tool that nobody has when it was wanted repeatedly, once', () => {
    const meter = new VarietyMeter()
    const effects = Array.from({ length: 10 }, (_, i) => meter.step(lacking('translate'), i)).flat()
    const request = { tool: 'translate', need: 'tool', unit: null, sinceMs: 0 }
    expect(effects).toEqual([{ type: 'capability:requested', request: { ...request, calls: REQUEST_AFTER_CALLS } }])
    expect(meter.requests()).toEqual([{ ...request, calls: 10 }])
  })

  it('asks for capacity where calls are refused, for speed where they are late', () => {
    const busy: MeteredCall = { demand: 'copy', response: 'files/copy', unit: 'files', outcome: 'refused' }
    const late: MeteredCall = { demand: 'sum', response: 'maths/sum', unit: 'maths', outcome: 'late' }
    const meter = metered([busy, busy, busy, late, late, late, late])
    expect(meter.requests()).toMatchObject([
      { tool: 'sum', need: 'speed', unit: 'maths', calls: 4 },
      { tool: 'copy', need: 'capacity', unit: 'files', calls: 3 },
    ])
  })

  it('is met when the tool is offered, and over when nobody asks any more', () => {
    const busy: MeteredCall = { demand: 'copy', response: 'files/copy', unit: 'files', outcome: 'refused' }
    const meter = metered([lacking('translate'), lacking('translate'), lacking('draw'), busy])
    meter.offered(['translate', 'other'])
    expect(meter.unmet().map(({ tool }) => tool)).toEqual(['draw', 'copy'])
    meter.tick(SHORTAGE_KEPT_MS + 1)
    expect(meter.unmet().map(({ tool }) => tool)).toEqual(['draw'])
    meter.tick(LACK_KEPT_MS + 1)
    expect(meter.unmet()).toEqual([])
  })

  it('is not crowded out by a client that asks for whatever comes to its mind', () => {
    const meter = metered([lacking('wanted'), lacking('wanted')])
    for (let i = 0; i < 10 * UNMET_MAX; i++) meter.step(lacking(`${'x'.repeat(10_000)}${i}`.slice(i)), i)
    expect(meter.unmet().length).toBeLessThanOrEqual(UNMET_MAX)
    expect(meter.unmet().some(({ tool }) => tool === 'wanted')).toBe(true)
    expect(Math.max(...meter.unmet().map(({ tool }) => tool.length))).toBeLessThanOrEqual(128)
  })

  it('does not count what the caller cancelled or the tool itself refused', () => {
    const meter = metered([
      { ...answered('a'), outcome: 'cancelled' },
      { ...answered('a'), outcome: 'tool-error' },
    ])
    expect(meter.unmet()).toEqual([])
  })

  it('survives a restart', () => {
    const meter = metered([lacking('a'), lacking('a'), lacking('a')])
    const resumed = new VarietyMeter(JSON.parse(JSON.stringify(meter.snapshot())))
    expect(resumed.requests()).toEqual(meter.requests())
  })
})
