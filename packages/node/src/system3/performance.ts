import { type Logger, type PeerIdString, type Startable, telemetry, type UnitName } from '@vsmcp/kernel'
import {
  type ControlReport,
  type ExceptionEffect,
  EXCEPTIONS_TOLD_MAX,
  type MetricOwed,
  organ,
  PerformanceMonitor,
} from '@vsmcp/vsm'
import type { Algedonic } from '../algedonic/algedonic.ts'
import type { LocalUnits } from '../system1/local-units.ts'
import type { Operations } from '../system1/operations.ts'
import type { Keeping } from '../tree/checkpoint.ts'
import type { PerformanceKept } from '../tree/checkpoints.ts'
import type { GroupSignals } from '../topics/group-signals.ts'
import type { Bargaining } from './bargaining.ts'

const told = telemetry('vsmcp:system3:exception')

export interface PerformanceComponents {
  self: PeerIdString
  signals: Pick<GroupSignals, 'on'>
  units: Pick<LocalUnits, 'on'>
  bargaining: Pick<Bargaining, 'owedBy'>
  operations: Pick<Operations, 'on'>
  algedonic: Pick<Algedonic, 'feel' | 'relieve' | 'remedy'>
  /** What a life of it leaves to the next. */
  checkpoint: Keeping<PerformanceKept>
  /** Wall clock, milliseconds. */
  wallMs: () => number
  logger: Logger
}

type ReportedExceptions = NonNullable<ControlReport['exceptions']>

/** What a unit owes and does not deliver. */
export interface PerformanceException {
  readonly node: PeerIdString
  readonly unit: UnitName
  readonly metric: MetricOwed
  readonly target: number
  readonly measured: number
  readonly sinceMs: number
  readonly isGrave: boolean
}

/** System 3's watch over what the units of this node owe; what is grave goes to System 5 by the algedonic channel. */
export class Performance implements Startable {
  readonly #c: PerformanceComponents
  #monitor = new PerformanceMonitor()
  /** Of other nodes, as they reported last. */
  readonly #heard = new Map<PeerIdString, readonly PerformanceException[]>()
  readonly #exceptions = new Map<string, PerformanceException>()
  #offs: (() => void)[] = []

  constructor(components: PerformanceComponents) {
    this.#c = components
  }

  async start(): Promise<void> {
    const { units, operations, signals, checkpoint, bargaining, self } = this.#c
    const kept = await checkpoint.begin(() => this.#snapshot())
    this.#monitor = new PerformanceMonitor(kept?.state.watches)
    this.#exceptions.clear()
    for (const exception of kept?.state.exceptions ?? []) this.#exceptions.set(keyOf(exception), { node: self, ...exception })
    this.#offs = [
      signals.on('control', ({ node, body: { exceptions = [] } }) => this.#hear(node, exceptions)),
      operations.on('measured', ({ unit, figures: { calls, errors, answered } }) => {
        const result = { calls, errors, p99Ms: unit.latencies(answered)?.p99Ms ?? null }
        for (const effect of this.#monitor.judge(unit.name, result, bargaining.owedBy(unit.name))) this.#follow(effect)
      }),
      units.on('unit:gone', ({ name }) => {
        this.#monitor.forget(name)
        for (const metric of ['latency', 'errors'] as const) this.#over({ unit: name, metric }, false)
      }),
    ]
  }

  async stop(): Promise<void> {
    for (const off of this.#offs) off()
    await this.#c.checkpoint.end()
  }

  #snapshot(): PerformanceKept {
    const exceptions = this.exceptions.map(({ unit, metric, target, measured, sinceMs, isGrave }) => {
      return { unit, metric, target, measured, sinceMs, isGrave }
    })
    return { watches: this.#monitor.snapshot(), exceptions }
  }

  /** Of this node. */
  get exceptions(): readonly PerformanceException[] {
    return [...this.#exceptions.values()]
  }

  /** Windows in a row in which a unit of this node missed it. */
  missedInARow(unit: UnitName, metric: MetricOwed): number {
    return this.#monitor.missedInARow(unit, metric)
  }

  /** Of the group, as reported to System 5. */
  groupExceptions(isPresent: (node: PeerIdString) => boolean): PerformanceException[] {
    for (const node of this.#heard.keys()) if (!isPresent(node)) this.#heard.delete(node)
    return [...this.exceptions, ...[...this.#heard.values()].flat()]
  }

  /** For the report to System 5: the grave ones first. */
  get report(): ReportedExceptions {
    return this.exceptions
      .map(({ unit, metric, target, measured, isGrave, sinceMs }) => ({
        unit,
        metric,
        target,
        measured,
        grave: isGrave,
        sinceMs,
      }))
      .sort((a, b) => Number(b.grave) - Number(a.grave))
      .slice(0, EXCEPTIONS_TOLD_MAX)
  }

  #hear(node: PeerIdString, exceptions: ReportedExceptions): void {
    if (exceptions.length === 0) this.#heard.delete(node)
    else
      this.#heard.set(
        node,
        exceptions.map(({ grave, ...exception }) => ({ ...exception, node, isGrave: grave })),
      )
  }

  #follow(effect: ExceptionEffect): void {
    const { type, unit, metric, target, measured } = effect
    if (type === 'over') {
      if (told.hasSubscribers) told.publish({ unit, metric, event: type, target, measured })
      return this.#over(effect, this.#isOwed(effect))
    }
    const { logger, algedonic, wallMs, self } = this.#c
    if (told.hasSubscribers) told.publish({ unit, metric, event: type, target, measured })
    const key = keyOf(effect)
    const sinceMs = this.#exceptions.get(key)?.sinceMs ?? wallMs()
    this.#exceptions.set(key, { node: self, unit, metric, target, measured, sinceMs, isGrave: type === 'grave' })
    logger.warn(
      { unit, metric, target, measured },
      type === 'grave' ? 'a unit goes on owing' : 'a unit does not deliver what it owes',
    )
    if (type !== 'grave') return
    const text = `Owed: ${said(metric, target)}; measured: ${said(metric, measured)}.`
    algedonic.feel({ ...painOf(effect), feeling: 'pain', severity: 'high', text })
  }

  #over(of: Pick<ExceptionEffect, 'unit' | 'metric'>, isMet: boolean): void {
    if (!this.#exceptions.delete(keyOf(of))) return
    if (isMet) this.#c.algedonic.relieve(painOf(of), 'it delivers what it owes again')
    else this.#c.algedonic.remedy(painOf(of), 'it owes that no longer')
  }

  #isOwed({ unit, metric }: Pick<ExceptionEffect, 'unit' | 'metric'>): boolean {
    const { p99Ms, errorShare } = this.#c.bargaining.owedBy(unit)
    return (metric === 'latency' ? p99Ms : errorShare) !== null
  }
}

const keyOf = ({ unit, metric }: Pick<ExceptionEffect, 'unit' | 'metric'>): string => `${metric} ${unit}`

function painOf({
  unit,
  metric,
}: Pick<ExceptionEffect, 'unit' | 'metric'>): Pick<Parameters<Algedonic['feel']>[0], 'source' | 'subject'> {
  return { source: organ('system3', unit), subject: `unit ${unit} misses its target for ${metric}` }
}

/** A target or a measurement, for people. */
export function said(metric: MetricOwed, value: number): string {
  return metric === 'latency' ? `p99 ${value.toPrecision(3)} ms` : `${(value * 100).toPrecision(3)} % errors`
}
