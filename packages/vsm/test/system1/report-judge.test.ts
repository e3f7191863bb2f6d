import { describe, expect, it } from 'vitest'
import { ReportJudge, type UnitReport } from '../../src/index.ts'

const HOST = '12D3KooWHost'
const CALLER = '12D3KooWCaller'
const WALL_MS = 1_700_000_000_000
type Measured = NonNullable<UnitReport['measured']>

/** The report of a window in which ten calls of 100 ms were answered, two of them with an error; `ordinal` of them before. */
function reportOf(ordinal: number, change: Partial<UnitReport> = {}, measured: Partial<Measured> = {}): UnitReport {
  return {
    unit: 'files',
    windowMs: 5_000,
    calls: 10,
    errors: 2,
    inFlight: 0,
    latencyP50Ms: 100,
    latencyP99Ms: 100,
    measured: {
      life: 1,
      ordinal,
      answered: 10,
      turnedAway: 0,
      queued: 0,
      latencyMaxMs: 100,
      actuality: 1.6,
      capability: 8,
      potentiality: 10,
      callers: [{ node: CALLER, answered: 8 * ordinal, refused: 2 * ordinal, latencyMs: 1_000 * ordinal }],
      digest: null,
      ...measured,
    },
    ...change,
  }
}

class Listener {
  readonly judge = new ReportJudge()
  #sequence = 0

  hear(report: UnitReport, change: { node?: string; sequence?: number; aheadMs?: number; host?: string } = {}): string {
    const { node = HOST, sequence = ++this.#sequence, aheadMs = 0, host = HOST } = change
    const atMs = WALL_MS + this.#sequence * 5_000
    const heard = { node, sequence, atMs: atMs + aheadMs, report }
    const verdict = this.judge.judge(heard, node === host, this.#sequence * 5_000, atMs)
    return verdict.taken ? 'taken' : verdict.refusal
  }
}

describe('reports of units', () => {
  it('are taken when they add up, and when an older version wrote them', () => {
    const listener = new Listener()
    for (let ordinal = 1; ordinal < 20; ordinal++) expect(listener.hear(reportOf(ordinal))).toBe('taken')
    const { measured: _, ...old } = reportOf(20)
    expect(listener.hear(old)).toBe('taken')
    expect(listener.judge.refused.size).toBe(0)
  })

  it.each<[string, string, { node?: string; sequence?: number; aheadMs?: number }]>([
    ['of a unit that the sender does not host', 'wrong-sender', { node: CALLER }],
    ['that were heard before', 'replayed', { sequence: 1 }],
    ['by a clock an hour behind', 'stale', { aheadMs: -3_600_000 }],
    ['by a clock an hour ahead', 'stale', { aheadMs: 3_600_000 }],
  ])('%s are refused as %s', (_title, refusal, change) => {
    const listener = new Listener()
    listener.hear(reportOf(1))
    expect(listener.hear(reportOf(2), change)).toBe(refusal)
    expect(listener.judge.refused.get(change.node ?? HOST)).toMatchObject({ [refusal]: 1 })
  })

  it.each<[string, Partial<UnitReport>, Partial<Measured>]>([
    ['more calls than any unit does', { calls: 1e12, errors: 0 }, {}],
    ['more answers than calls', {}, { answered: 11 }],
    ['more turned away than failed', {}, { turnedAway: 3 }],
    ['a longest latency below the 99th percentile', {}, { latencyMaxMs: 99 }],
    ['more answered well than ended so', {}, { actuality: 2 }],
    ['more done than can be done', {}, { capability: 1 }],
    ['more that can be done than could be', {}, { potentiality: 7 }],
    ['latencies of no answers', {}, { answered: 0 }],
  ])('with %s are absurd', (_title, change, measured) => {
    expect(new Listener().hear(reportOf(1, change, measured))).toBe('absurd')
  })

  it.each<[string, Partial<UnitReport>, Partial<Measured>]>([
    ['half the latency', { latencyP50Ms: 50, latencyP99Ms: 50 }, { latencyMaxMs: 50 }],
    ['half the latency but for the longest', { latencyP50Ms: 50, latencyP99Ms: 50 }, {}],
    ['no errors', { errors: 0 }, { actuality: 2 }],
    ['fewer calls', { calls: 5, errors: 2 }, { answered: 5, actuality: 0.6 }],
    ['the same number as before', {}, { ordinal: 1 }],
    ['an account that shrinks', {}, { callers: [{ node: CALLER, answered: 1, refused: 0, latencyMs: 100 }] }],
  ])('that claim %s contradict their accounts of callers', (_title, change, measured) => {
    const listener = new Listener()
    expect(listener.hear(reportOf(1))).toBe('taken')
    expect(listener.hear(reportOf(2, change, measured))).toBe('contradictory')
  })

  it('of a unit that began to count anew, and after one that got lost, are not held against what was before', () => {
    const listener = new Listener()
    listener.hear(reportOf(7))
    expect(listener.hear(reportOf(9))).toBe('taken')
    expect(listener.hear(reportOf(1, {}, { life: 2, callers: [] }))).toBe('taken')
  })

  it('in a flood are refused but for some, and the next in its time is taken', () => {
    const judge = new ReportJudge()
    const told = Array.from({ length: 1_000 }, (_, at) => {
      const heard = { node: HOST, sequence: at + 1, atMs: WALL_MS, report: reportOf(at + 1) }
      return judge.judge(heard, true, at, WALL_MS).taken
    })
    expect(told.filter(Boolean)).toHaveLength(4)
    const next = { node: HOST, sequence: 2_000, atMs: WALL_MS, report: reportOf(2_000) }
    expect(judge.judge(next, true, 6_000, WALL_MS).taken).toBe(true)
    expect(judge.refused.get(HOST)).toMatchObject({ flooded: 996 })
  })

  it('of two hosts of one unit are held against what the same host said', () => {
    const judge = new ReportJudge()
    const told = ['a', 'b', 'a', 'b'].map((node, at) => {
      const heard = { node, sequence: 1 + Math.floor(at / 2), atMs: WALL_MS, report: reportOf(1 + Math.floor(at / 2)) }
      return judge.judge(heard, true, at * 5_000, WALL_MS).taken
    })
    expect(told).toEqual([true, true, true, true])
    expect(judge.judge({ node: 'a', sequence: 2, atMs: WALL_MS, report: reportOf(2) }, true, 30_000, WALL_MS)).toMatchObject({
      refusal: 'replayed',
    })
  })

  it('are forgotten with their unit and their sender', () => {
    const listener = new Listener()
    listener.hear(reportOf(1))
    listener.hear(reportOf(2), { node: CALLER })
    listener.judge.keepOnly(
      () => false,
      () => false,
    )
    expect(listener.judge.refused.size).toBe(0)
    expect(listener.hear(reportOf(1), { sequence: 1 })).toBe('taken')
  })
})
