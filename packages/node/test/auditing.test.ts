import { type Clock, silentLogger, systemClock, type Timer } from '@vsmcp/kernel'
import type { Unit } from '@vsmcp/mcp'
import type { Signal, UnitFigures, UnitReport } from '@vsmcp/vsm'
import { describe, expect, it, onTestFinished, vi } from 'vitest'
import { owedBy } from '../src/system3/unit-terms.ts'
import { Performance } from '../src/system3/performance.ts'
import type { LocalUnits } from '../src/system1/local-units.ts'
import type { Operations } from '../src/system1/operations.ts'
import { Auditing } from '../src/system3star/auditing.ts'
import { FORGETFUL } from './support/forgetful.ts'
import { startGroup, type TestNode } from './support/group.ts'
import { attach } from './support/servers.ts'

/** Time that can be put ahead, so that an audit's edges need not be waited for. */
class AheadClock implements Clock {
  aheadMs = 0
  wallMs = (): number => systemClock.wallMs()
  monotonicMs = (): number => systemClock.monotonicMs() + this.aheadMs
  after = (delayMs: number, fn: () => void): Timer => systemClock.after(delayMs, fn)
  every = (periodMs: number, fn: () => void): Timer => systemClock.every(periodMs, fn)
}

const LATENCY_MS = 200

/** Every latency in a report made half as long, and the account of every caller to match. */
function embellished(report: UnitReport): UnitReport {
  const half = (value: number | null): number | null => (value === null ? null : value / 2)
  const { measured, latencyP50Ms, latencyP99Ms } = report
  const pretty = { ...report, latencyP50Ms: half(latencyP50Ms), latencyP99Ms: half(latencyP99Ms) }
  if (measured === undefined) return pretty
  const callers = measured.callers.map((account) => ({ ...account, latencyMs: account.latencyMs / 2 }))
  return { ...pretty, measured: { ...measured, latencyMaxMs: half(measured.latencyMaxMs), callers } }
}

/** From now on the node says what a liar would of its unit `liar`. */
function makeLie({ signals }: TestNode): void {
  const say = signals.say.bind(signals)
  vi.spyOn(signals, 'say').mockImplementation((topic, channel, body) => {
    const report = body as UnitReport
    say(topic, channel, topic === 'unit' && report.unit === 'liar' ? (embellished(report) as typeof body) : body)
  })
}

describe('audits', () => {
  it('find a unit whose host reports half its latency and other definitions, and not the honest unit beside it', async () => {
    const [host, auditor] = await startGroup(2)
    if (host === undefined || auditor === undefined) throw new Error('two nodes were started')
    await host.units.attach(attach('honest', 'hostile-server', ['slow']))
    await host.units.attach(attach('liar', 'hostile-server', ['slow']))
    await expect.poll(() => auditor.catalog.units.map(({ unit }) => unit), { timeout: 20_000 }).toEqual(['honest', 'liar'])
    makeLie(host)
    vi.spyOn(host.publisher, 'mend').mockImplementation(() => {})
    const { kind, definitions } = host.units.get('liar') ?? expect.fail('the liar is attached')
    if (definitions === undefined) expect.fail('its tools are listed')
    const tools = definitions.tools.map((tool) => ({ ...tool, description: 'harmless', annotations: { readOnlyHint: true } }))
    await host.publisher.offer('liar', kind, { ...definitions, tools })
    await expect.poll(() => auditor.catalog.tools.find(({ unit }) => unit === 'liar')?.definition.description).toBe('harmless')

    const clock = new AheadClock()
    const felt: Signal[] = []
    const algedonic = { feel: (signal: Signal) => void felt.push(signal), relieve: () => {} }
    const group = () => auditor.log.state
    const watching = {
      ...auditor,
      self: auditor.peer,
      group,
      algedonic,
      isPaused: () => false,
      checkpoint: FORGETFUL,
      clock,
      logger: silentLogger,
    }
    const auditing = new Auditing({ meanMs: 1e12 }, watching as unknown as ConstructorParameters<typeof Auditing>[1])
    vi.spyOn(auditor.auditing, 'called').mockImplementation((at, seen) => auditing.called(at, seen))
    await auditing.start()
    onTestFinished(() => auditing.stop())

    /** Both units' reports of now have been heard. */
    const reported = async (): Promise<void> => {
      const before = new Map(
        ['honest', 'liar'].map((unit) => [unit, auditor.operations.reportOf(unit, host.peer)?.measured?.ordinal ?? 0]),
      )
      host.operations.report()
      const heard = (): boolean =>
        [...before].every(([unit, ordinal]) => (auditor.operations.reportOf(unit, host.peer)?.measured?.ordinal ?? 0) > ordinal)
      // Gossip may lose one, and takes no more than one a second for long.
      while (!heard()) {
        await expect
          .poll(heard, { timeout: 1_500, interval: 50 })
          .toBe(true)
          .catch(() => host.operations.report())
      }
    }
    const call = (unit: string): Promise<unknown> =>
      auditor.router.request({
        method: 'tools/call',
        target: `${unit}__tool`,
        paramsJson: JSON.stringify({ name: `${unit}__tool`, arguments: { ms: LATENCY_MS } }),
        deadlineMs: 20_000,
        signal: new AbortController().signal,
        onNotification: () => {},
      })
    await reported()
    let audits = 0
    const kinds = (): string[] => auditing.findings.map(({ unit, kind: found }) => `${unit} ${found}`).sort()
    while (kinds().length < 2 && audits < 8) {
      audits++
      clock.aheadMs += 20_000
      await Promise.all(['honest', 'liar'].flatMap((unit) => Array.from({ length: 30 }, () => call(unit))))
      await Promise.all(['honest', 'liar'].map((unit) => auditing.audit({ unit, node: host.peer })))
      clock.aheadMs += 20_000
      await reported()
    }
    expect(kinds()).toEqual(['liar definitions', 'liar latency'])
    expect(audits).toBeLessThanOrEqual(8)
    expect(felt.every(({ source }) => source.system === 'system3*')).toBe(true)
    expect(felt.map(({ subject }) => subject).sort()).toEqual([
      'unit liar is published with other definitions than it has',
      'unit liar is reported with other latency than it has',
    ])
  }, 120_000)
})

describe('the performance of units', () => {
  it('is told as an exception, felt when it is grave, and over when the unit delivers again', async () => {
    const felt: string[] = []
    const algedonic = {
      feel: ({ subject }: Signal) => void felt.push(subject),
      relieve: () => void felt.push('relieved'),
      remedy: () => void felt.push('remedied'),
    }
    type Listener = Parameters<Operations['on']>[1]
    let measured: Listener | undefined
    let terms: object = { targetP99Ms: 100 }
    const operations = { on: (_event: string, listener: Listener) => ((measured = listener), () => {}) } as unknown as Operations
    const units = { on: () => () => {} } as unknown as LocalUnits
    const bargaining = { owedBy: () => owedBy(terms) }
    type Control = (message: { node: string; body: { exceptions?: unknown } }) => void
    let heard: Control | undefined
    const signals = { on: (_topic: string, listener: Control) => ((heard = listener), () => {}) }
    const watch = {
      self: 'here',
      signals,
      units,
      operations,
      bargaining,
      algedonic,
      checkpoint: FORGETFUL,
      wallMs: () => 1,
      logger: silentLogger,
    }
    const performance = new Performance(watch as unknown as ConstructorParameters<typeof Performance>[0])
    await performance.start()
    const windows = (count: number, p99Ms: number): void => {
      const unit = { name: 'a', latencies: () => ({ p99Ms }) } as unknown as Unit
      const figures = { calls: 10, errors: 0, answered: 10 } as UnitFigures
      for (let window = 0; window < count; window++) measured?.({ unit, figures })
    }
    windows(3, 150)
    const exception = { node: 'here', unit: 'a', metric: 'latency', target: 100, measured: 150, sinceMs: 1, isGrave: false }
    expect([performance.exceptions, felt]).toEqual([[exception], []])
    heard?.({ node: 'there', body: { exceptions: performance.report } })
    expect(performance.groupExceptions(() => true)).toEqual([exception, { ...exception, node: 'there' }])
    expect(performance.groupExceptions((node) => node === 'here')).toEqual([exception])
    windows(9, 150)
    expect([performance.exceptions, felt]).toEqual([[{ ...exception, isGrave: true }], ['unit a misses its target for latency']])
    windows(3, 50)
    expect([performance.exceptions, felt.at(-1)]).toEqual([[], 'relieved'])
    // What it owes no longer it is not glad to deliver.
    windows(12, 150)
    terms = {}
    windows(1, 150)
    expect([performance.exceptions, felt.at(-1)]).toEqual([[], 'remedied'])
    await performance.stop()
  })
})
