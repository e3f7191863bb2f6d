import { seededRandom } from '@vsmcp/kernel'
import { describe, expect, it, test } from 'vitest'
import {
  type Finding,
  Forecaster,
  proposalOfDemand,
  proposalOfFinding,
  proposalOfLack,
  proposalOfMiss,
  type UnitStanding,
} from '../../src/index.ts'

const standing = (change: Partial<UnitStanding> = {}): UnitStanding => ({
  unit: 'files',
  weight: 1,
  concurrencyMax: 128,
  limits: { concurrency: 4, ratePerS: null },
  concurrencyMost: 128,
  calls: 200,
  turnedAway: 0,
  meanInFlight: 3.9,
  meanQueued: 2,
  ...change,
})
const miss = { metric: 'latency', target: 50, measured: 120, windows: 3 } as const

describe('System 3', () => {
  it('asks for twice the weight where others take what the unit needs, with what it saw', () => {
    expect(proposalOfMiss(standing(), miss)).toMatchObject({
      from: 'system3',
      kind: 'weight',
      asked: 2,
      held: 1,
      effect: { metric: 'latency', before: 120, goal: 50 },
      evidence: { probability: 0.9375, samples: 3 },
    })
  })

  it('asks for more calls at once where its own terms are the bound', () => {
    expect(proposalOfMiss(standing({ concurrencyMax: 4 }), miss)).toMatchObject({ kind: 'concurrency', asked: 8, held: 4 })
  })

  it('asks for nothing where more would not help: room enough, or a server that fails by itself', () => {
    expect(proposalOfMiss(standing({ meanInFlight: 1, meanQueued: 0 }), miss)).toBeUndefined()
    expect(proposalOfMiss(standing({ limits: { concurrency: 128, ratePerS: null }, meanInFlight: 128 }), miss)).toBeUndefined()
    expect(proposalOfMiss(standing({ weight: 1_000 }), miss)).toBeUndefined()
    expect(proposalOfMiss(standing(), { ...miss, metric: 'errors' })).toBeUndefined()
    expect(proposalOfMiss(standing({ turnedAway: 9 }), { ...miss, metric: 'errors', target: 0.01 })?.kind).toBe('weight')
  })

  it('asks that a unit caught lying elsewhere is put into quarantine', () => {
    const finding: Finding = {
      unit: 'mail',
      node: 'b',
      kind: 'latency',
      claimed: '3 ms',
      measured: '90 ms',
      audits: 16,
      foundMs: 0,
      overMs: undefined,
    }
    expect(proposalOfFinding(finding, 8)).toMatchObject({
      kind: 'quarantine',
      subject: 'mail',
      effect: { metric: 'in-flight', before: 8, goal: 1 },
      evidence: { probability: 0.999999, samples: 16, text: 'latency: claimed 3 ms, found 90 ms' },
    })
    expect(proposalOfFinding({ ...finding, overMs: 9 }, 8)).toBeUndefined()
    expect(proposalOfFinding({ ...finding, unit: undefined }, 8)).toBeUndefined()
  })
})

describe('System 4', () => {
  const demand = { foretold: 60, capacityPerS: 40, probability: 0.9, aheadMs: 100_000, observed: 40 }

  it('asks for room when demand is foretold to be above what the unit can do', () => {
    expect(proposalOfDemand(standing({ turnedAway: 20 }), demand)).toMatchObject({
      from: 'system4',
      kind: 'weight',
      effect: { metric: 'turned-away', before: 0.1, goal: 0.01 },
      evidence: { probability: 0.9, samples: 40 },
    })
  })

  it.each([
    ['no more likely than not', { probability: 0.5 }],
    ['of a unit of which nobody knows what it can do', { capacityPerS: 0 }],
    ['that is no number', { foretold: Number.NaN }],
    ['with a probability that is none', { probability: Number.NaN, capacityPerS: Number.NaN }],
  ])('makes nothing of a demand %s', (_what, change) => {
    expect(proposalOfDemand(standing(), { ...demand, ...change })).toBeUndefined()
  })

  it('begins the search for a tool that nobody has; a shortage is the affair of who hosts the unit', () => {
    const request = { tool: 'fly', need: 'tool', unit: null, calls: 3, sinceMs: 0 } as const
    expect(proposalOfLack(request)).toMatchObject({
      kind: 'capability',
      subject: 'fly',
      evidence: { probability: 0.9375, samples: 3 },
    })
    expect(proposalOfLack({ ...request, need: 'capacity' })).toBeUndefined()
  })
})

test('that a series is above a value by then is as probable as its own quantiles say', () => {
  const random = seededRandom(5)
  const forecaster = new Forecaster({ resolution: 1, least: 0 })
  expect(forecaster.probabilityAbove(10, 5)).toBeUndefined()
  for (let at = 0; at < 60; at++) forecaster.observe(Math.round(100 + 10 * (random.next() - 0.5)))
  const { low = 0, high = 0 } = forecaster.predict(5) ?? {}
  expect(forecaster.probabilityAbove(low, 5)).toBeCloseTo(0.9, 3)
  expect(forecaster.probabilityAbove(high, 5)).toBeCloseTo(0.1, 3)
  expect(forecaster.probabilityAbove(1e6, 5)).toBeLessThan(0.01)
})
