import { type Random, seededRandom } from '@vsmcp/kernel'
import { describe, expect, it } from 'vitest'
import { type AuditEffect, Auditor, type Finding, PROBES, ReportJudge, type UnitReport } from '../../src/index.ts'
import { AuditTimes } from '../../src/system3star/audit-times.ts'
import { Evidence } from '../../src/system3star/evidence.ts'
import { studentTail } from '../../src/system3star/student.ts'

const HOST = '12D3KooWHost'
const SELF = '12D3KooWSelf'
const OTHER = '12D3KooWOther'
const UNIT = { unit: 'files', node: HOST } as const
type Measured = NonNullable<UnitReport['measured']>
type Lie = (report: UnitReport) => UnitReport

const normal = (random: Random): number => Math.sqrt(-2 * Math.log(1 - random.next())) * Math.cos(2 * Math.PI * random.next())

interface World {
  seed: number
  lie?: Lie
  /** Digest that the unit lists. */
  listed?: string
  audits: number
}

/**
 * A host, an auditor that calls its unit now and then, and another caller with other work. Latencies are log-normal around 150 ms; the way
 * takes 0.2 to 30 ms and now and then an event loop stands still for half a second; every twentieth call fails; one report in ten is
 * lost, and they come up to two seconds late. @returns the audit in which each kind of finding was made
 */
function live({ seed, lie = (report) => report, listed = 'd', audits }: World): Map<string, number> {
  const random = seededRandom(seed)
  const auditor = new Auditor({ self: SELF, random, nowMs: 0 })
  const judge = new ReportJudge()
  const accounts = { [SELF]: { answered: 0, refused: 0, latencyMs: 0 }, [OTHER]: { answered: 0, refused: 0, latencyMs: 0 } }
  let window: number[] = []
  let errors = 0
  let ordinal = 0
  const late: { atMs: number; report: UnitReport; sequence: number }[] = []
  const call = (node: string): number => {
    const latencyMs = Math.exp(Math.log(node === SELF ? 150 : 400) + 0.5 * normal(random))
    const outcome = random.next() < 0.05 ? 'refused' : 'answered'
    const account = accounts[node as typeof SELF]
    account[outcome]++
    account.latencyMs += latencyMs
    if (outcome === 'refused') errors++
    window.push(latencyMs)
    if (node === SELF) {
      const wayMs = 0.2 + random.next() * 30 + (random.next() < 0.02 ? 500 : 0)
      const seen = { outcome, latencyMs: latencyMs + wayMs, bytes: 500, overheadMs: 0.5 } as const
      auditor.called(UNIT, random.next() < 0.02 ? { ...seen, outcome: 'lost' } : seen, nowMs)
    }
    return latencyMs
  }
  const report = (): UnitReport => {
    const sorted = window.toSorted((a, b) => a - b)
    const at = (rank: number): number | null => sorted[Math.max(0, Math.ceil(rank * sorted.length) - 1)] ?? null
    const measured: Measured = {
      life: 1,
      ordinal: ++ordinal,
      answered: window.length,
      turnedAway: 0,
      queued: 0,
      latencyMaxMs: at(1),
      actuality: (window.length - errors) / 5,
      capability: null,
      potentiality: null,
      callers: Object.entries(accounts).map(([node, account]) => ({ node, ...account })),
      digest: null,
    }
    const told = { unit: 'files', windowMs: 5_000, calls: window.length, errors, inFlight: 0 }
    window = []
    errors = 0
    return { ...told, latencyP50Ms: at(0.5), latencyP99Ms: at(0.99), measured }
  }
  let nowMs = 0
  let probes = 0
  const found = new Map<string, number>()
  const follow = (effects: readonly AuditEffect[]): void => {
    for (const effect of effects) if (effect.type === 'found') found.set(effect.finding.kind, probes)
  }
  while (probes < audits) {
    nowMs += 1_000
    if (random.next() < 0.3) call(SELF)
    if (random.next() < 0.5) call(OTHER)
    for (const effect of auditor.tick([UNIT], nowMs)) {
      if (effect.type !== 'probe') continue
      probes++
      for (let probe = 0; probe < PROBES; probe++) call(SELF)
      follow(auditor.probed(UNIT, 'd', listed, nowMs))
    }
    if (nowMs % 5_000 === 0) {
      const sequence = nowMs
      const said = { atMs: nowMs + random.next() * 2_000, report: lie(report()), sequence }
      if (random.next() > 0.1) late.push(said)
    }
    for (const next of late.splice(0)) {
      if (next.atMs > nowMs) {
        late.push(next)
        continue
      }
      const heard = { node: HOST, sequence: next.sequence, atMs: nowMs, report: next.report }
      if (judge.judge(heard, true, nowMs, nowMs).taken) follow(auditor.heard(HOST, next.report, nowMs))
      else follow(auditor.refused(HOST, judge.refused.get(HOST) ?? expect.fail('nothing was counted'), nowMs))
    }
  }
  return found
}

const tamper =
  (change: (measured: Measured) => Partial<Measured>, outer: (report: UnitReport) => Partial<UnitReport> = () => ({})): Lie =>
  (report) => {
    const { measured } = report
    if (measured === undefined) return report
    return { ...report, ...outer(report), measured: { ...measured, ...change(measured) } }
  }

const halfLatency = tamper(
  ({ callers, latencyMaxMs }) => ({
    latencyMaxMs: latencyMaxMs === null ? null : latencyMaxMs / 2,
    callers: callers.map((account) => ({ ...account, latencyMs: account.latencyMs / 2 })),
  }),
  ({ latencyP50Ms, latencyP99Ms }) => ({
    latencyP50Ms: latencyP50Ms === null ? null : latencyP50Ms / 2,
    latencyP99Ms: latencyP99Ms === null ? null : latencyP99Ms / 2,
  }),
)
const noErrors = tamper(
  ({ callers, answered }) => ({
    actuality: answered / 5,
    callers: callers.map(({ node, answered: well, refused, latencyMs }) => ({
      node,
      answered: well + refused,
      refused: 0,
      latencyMs,
    })),
  }),
  () => ({ errors: 0 }),
)
const moreCalls = tamper(
  ({ callers, answered }) => ({
    answered: answered * 2,
    callers: callers.map(({ node, answered: well, refused, latencyMs }) => ({
      node,
      answered: 2 * well,
      refused: 2 * refused,
      latencyMs: 2 * latencyMs,
    })),
  }),
  ({ calls, errors }) => ({ calls: calls * 2, errors: errors * 2 }),
)
const prettyTotals = tamper(
  () => ({}),
  ({ latencyP50Ms, latencyP99Ms }) => ({
    latencyP50Ms: latencyP50Ms === null ? null : latencyP50Ms / 2,
    latencyP99Ms: latencyP99Ms === null ? null : latencyP99Ms / 2,
  }),
)

const SEEDS = Array.from({ length: 100 }, (_, seed) => seed)

describe('an audit', () => {
  it('accuses no honest unit in 100 lives of 40 audits, however noisy the way', () => {
    for (const seed of SEEDS) expect([seed, ...live({ seed, audits: 40 })]).toEqual([seed])
  })

  it.each<[string, string, Partial<World>, number]>([
    ['half the latency', 'latency', { lie: halfLatency }, 16],
    ['no errors', 'errors', { lie: noErrors }, 24],
    ['twice the calls', 'calls', { lie: moreCalls }, 8],
    ['other definitions than the unit has', 'definitions', { listed: 'e' }, 3],
    ['percentiles that its accounts do not bear out', 'reports', { lie: prettyTotals }, 6],
  ])('finds a host that reports %s, in every one of 100 lives', (_title, kind, world, within) => {
    const needed = SEEDS.map((seed) => live({ seed, audits: within + 1, ...world }).get(kind) ?? Infinity)
    expect(Math.max(...needed)).toBeLessThanOrEqual(within)
  })

  it('goes after what it suspects, and looks at the others all the same', () => {
    const units = Array.from({ length: 20 }, (_, i) => ({ unit: `u${i}`, node: HOST }))
    const needed: number[] = []
    let [elsewhere, suspicious] = [0, 0]
    for (const seed of SEEDS) {
      const auditor = new Auditor({ self: SELF, random: seededRandom(seed), nowMs: 0 })
      let audits = 0
      let isSuspected = false
      for (let nowMs = 0; auditor.findings.length === 0; nowMs += 1_000) {
        const [effect] = auditor.tick(units, nowMs)
        if (effect?.type !== 'probe') continue
        audits++
        const isLiar = effect.unit === 'u7'
        if (isSuspected) {
          suspicious++
          elsewhere += Number(!isLiar)
        }
        isSuspected ||= isLiar
        auditor.probed(effect, 'd', isLiar ? 'e' : 'd', nowMs)
      }
      needed.push(audits)
    }
    // By chance alone it would take three times twenty: until the first time, and then two of each twenty.
    expect(needed.reduce((sum, each) => sum + each, 0) / SEEDS.length).toBeLessThan(30)
    expect(elsewhere / suspicious).toBeGreaterThan(0.1)
  })

  it('ends a finding when three audits in a row see nothing any more', () => {
    const auditor = new Auditor({ self: SELF, random: seededRandom(1), nowMs: 0 })
    const audit = (listed: string): Finding[] =>
      auditor.probed(UNIT, 'd', listed, 1).flatMap((effect) => (effect.type === 'probe' ? [] : [effect.finding]))
    expect([audit('e'), audit('e'), audit('e')].flat()).toMatchObject([{ kind: 'definitions', audits: 3, overMs: undefined }])
    expect([audit('d'), audit('d')].flat()).toEqual([])
    expect(audit('d')).toMatchObject([{ kind: 'definitions', overMs: 1 }])
    expect(auditor.findings).toHaveLength(1)
  })

  it('comes when nobody can know: the gaps are exponential', () => {
    const times = new AuditTimes(seededRandom(3), 60_000, 0)
    const gaps: number[] = []
    let last = 0
    for (let nowMs = 0; gaps.length < 2_000; nowMs += 100) {
      if (!times.isDue(nowMs)) continue
      gaps.push(nowMs - last)
      last = nowMs
    }
    const mean = gaps.reduce((sum, gap) => sum + gap, 0) / gaps.length
    const deviation = Math.sqrt(gaps.reduce((sum, gap) => sum + (gap - mean) ** 2, 0) / gaps.length)
    expect(mean / 60_000).toBeCloseTo(1, 1)
    expect(deviation / mean).toBeCloseTo(1, 1)
  })
})

describe('evidence', () => {
  it('accuses after three audits that are as bad as can be, and never after two', () => {
    const evidence = new Evidence()
    expect([evidence.add(0), evidence.add(0), evidence.accuses, evidence.add(0), evidence.accuses]).toEqual([
      undefined,
      undefined,
      false,
      'accused',
      true,
    ])
  })

  it('never accuses where p-values are as chance brings them, in a million audits', () => {
    const random = seededRandom(7)
    const evidence = new Evidence()
    for (let audit = 0; audit < 1_000_000; audit++) if (evidence.add(random.next()) !== undefined) expect.fail(`audit ${audit}`)
    expect(evidence.accuses).toBe(false)
  })

  it.each([
    [2.015, 5, 0.05],
    [2.998, 7, 0.01],
    [1.664, 80, 0.05],
    [-2.015, 5, 0.95],
  ])('has a tail of Student beyond %d with %i degrees of freedom of %d', (t, freedom, expected) => {
    expect(studentTail(t, freedom) / expected).toBeCloseTo(1, 1)
  })
})
