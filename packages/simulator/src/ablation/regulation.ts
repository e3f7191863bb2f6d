import { seededRandom, type UnitName } from '@vsmcp/kernel'
import {
  AlgedonicChannel,
  type AlgedonicEffect,
  type AlgedonicInput,
  AllocationDamping,
  type Auditable,
  type AuditEffect,
  Auditor,
  type Damper,
  DEFAULT_TERMS,
  ErrorSense,
  type Finding,
  type HeldAlert,
  LatencySense,
  organ,
  PerformanceMonitor,
  PROBES,
  ResourceBargain,
  type Signal,
  UnitMeter,
  type UnitReport,
  unitReportOf,
} from '@vsmcp/vsm'
import type { Chance } from './chance.ts'
import { ALERT_TICK_MS, AUDIT_TICK_MS, BARGAIN_TICK_MS, NODE_PLACES, REPORT_PERIOD_MS, type ServiceModel } from './constants.ts'
import type { SimulatedNode } from './node.ts'
import { type Liar, percentilesOf } from './reporting.ts'
import type { EndedListener } from './routing.ts'
import type { Timeline } from './timeline.ts'
import type { SimulatedUnit } from './unit.ts'
import type { Organs } from './variant.ts'

/** What a node tells the controller of its group. */
export interface Upward {
  report(report: UnitReport): void
  /** What its units owe and do not deliver, grave ones only, and what its audits found. */
  exceptions(units: readonly UnitName[], findings: readonly Finding[]): void
  /** To System 5 itself; answered when it is decided, or nobody could be asked. */
  alert(alert: HeldAlert, answered: (isDone: boolean) => void): void
  resolve(id: string, answered: (isDone: boolean) => void): void
}

interface Regulated {
  readonly unit: SimulatedUnit
  readonly model: ServiceModel
  /** It shares the node's places with others; else it has places of its own. */
  readonly isBargained: boolean
  readonly meter: UnitMeter
  readonly errors: ErrorSense
  readonly latency: LatencySense
  last: { workMs: number; waitMs: number; ended: number; atMs: number } | undefined
  ordinal: number
  liar: Liar | undefined
}

export interface RegulationInit {
  readonly node: SimulatedNode
  readonly organs: Organs
  readonly chance: Chance
  readonly seed: number
  readonly up: Upward
  /** Units of others that this node may look at. */
  readonly auditable: () => readonly Auditable[]
  readonly probe: (at: Auditable, done: () => void) => void
  readonly granted: (unit: UnitName, concurrency: number) => void
}

type Pain = Pick<Signal, 'source' | 'subject' | 'severity'>

/** The organs of one node, wired as `@vsmcp/node` wires them. */
export class Regulation {
  readonly #timeline: Timeline
  readonly #init: RegulationInit
  readonly #units = new Map<UnitName, Regulated>()
  readonly #bargain: ResourceBargain
  readonly #monitor = new PerformanceMonitor()
  readonly #channel: AlgedonicChannel
  readonly #auditor: Auditor
  readonly #grave = new Set<UnitName>()
  readonly damp: Damper | undefined
  #hasBargained = false

  constructor(timeline: Timeline, init: RegulationInit) {
    this.#timeline = timeline
    this.#init = init
    const { node, organs, seed, chance } = init
    const damperOf = (salt: number): Damper | undefined => {
      const damping = new AllocationDamping(seededRandom(seed + salt))
      return organs.coordination ? (unit, held, wanted, nowMs) => damping.damp(unit, held, wanted, nowMs) : undefined
    }
    const damp = damperOf(1)
    this.damp = damperOf(2)
    const capacity = { concurrency: NODE_PLACES, ratePerS: null, memoryBytes: null }
    this.#bargain = new ResourceBargain({ capacity, ...(damp === undefined ? {} : { damp }) })
    this.#channel = new AlgedonicChannel({ nowMs: 0 }, { random: seededRandom(seed + 3), terms: () => DEFAULT_TERMS })
    this.#auditor = new Auditor({ self: node.peer, random: seededRandom(seed + 4), nowMs: 0 })
    const whileAlive = (periodMs: number, turn: () => void): void =>
      timeline.every(periodMs, chance.uniform(0, periodMs), () => {
        if (node.isAlive) turn()
      })
    if (organs.control) whileAlive(BARGAIN_TICK_MS, () => this.#bargainAnew())
    whileAlive(REPORT_PERIOD_MS, () => this.#report())
    if (organs.auditing) whileAlive(AUDIT_TICK_MS, () => this.#follow(this.#auditor.tick(init.auditable(), timeline.nowMs)))
    if (organs.algedonic) {
      whileAlive(ALERT_TICK_MS, () => {
        if (this.#channel.held.length > 0) this.#carryOut(this.#channel.tick(timeline.nowMs))
      })
    }
  }

  attach(unit: SimulatedUnit, model: ServiceModel, isBargained: boolean): void {
    this.#units.set(unit.name, {
      unit,
      model,
      isBargained,
      meter: new UnitMeter(),
      errors: new ErrorSense(),
      latency: new LatencySense(),
      last: undefined,
      ordinal: 0,
      liar: undefined,
    })
  }

  detach(unit: UnitName): void {
    const regulated = this.#units.get(unit)
    if (regulated === undefined) return
    this.#units.delete(unit)
    this.#bargain.forget(unit)
    this.#monitor.forget(unit)
    this.#grave.delete(unit)
    for (const pain of [painOfErrors(unit), painOfLatency(unit)]) this.#remedy(pain, 'the unit was detached')
  }

  /** From now on this node lies about it. */
  lie(unit: UnitName, liar: Liar): void {
    const regulated = this.#units.get(unit)
    if (regulated !== undefined) regulated.liar = liar
  }

  /** The unit was started anew: that it is well is seen by its figures. */
  remedied(unit: UnitName): void {
    const regulated = this.#units.get(unit)
    regulated?.errors.accept()
    regulated?.latency.accept()
    for (const pain of [painOfErrors(unit), painOfLatency(unit), painOfTarget(unit)]) this.#remedy(pain, 'started anew')
    this.#grave.delete(unit)
  }

  /** A report of another node's unit, taken by who judges reports. */
  heard(node: string, report: UnitReport): void {
    if (this.#init.organs.auditing) this.#follow(this.#auditor.heard(node, report, this.#timeline.nowMs))
  }

  readonly called: EndedListener = ({ node, unit }, outcome, latencyMs) => {
    if (!this.#init.organs.auditing) return
    const overheadMs = 2 * this.#init.node.wayMs(node)
    this.#auditor.called({ unit: unit.name, node: node.peer }, { outcome, latencyMs, bytes: 0, overheadMs }, this.#timeline.nowMs)
  }

  #bargainAnew(): void {
    const { organs, granted } = this.#init
    if (this.#hasBargained && !organs.bargaining) return
    const { nowMs } = this.#timeline
    for (const regulated of this.#units.values()) if (regulated.isBargained) this.#observe(regulated, nowMs)
    for (const grant of this.#bargain.tick(nowMs)) {
      this.#hasBargained = true
      this.#units.get(grant.unit)?.unit.grant(grant.concurrency)
      granted(grant.unit, grant.concurrency)
    }
  }

  #observe(regulated: Regulated, nowMs: number): void {
    const { unit, model, last } = regulated
    const { workMs, waitMs, answered, refused, unanswered, turnedAway, inFlight } = unit.counters()
    const ended = answered + refused + unanswered + turnedAway + inFlight
    regulated.last = { workMs, waitMs, ended, atMs: nowMs }
    const sinceMs = last === undefined ? 1 : nowMs - last.atMs
    this.#bargain.observe(unit.name, {
      weight: 1,
      concurrencyMax: NODE_PLACES,
      ratePerSMax: null,
      owed: model.owed,
      concurrency: last === undefined ? 0 : (workMs - last.workMs + waitMs - last.waitMs) / sinceMs,
      ratePerS: last === undefined ? 0 : (Math.max(0, ended - last.ended) * 1_000) / sinceMs,
      memoryBytes: null,
    })
  }

  #report(): void {
    const { organs, up } = this.#init
    for (const regulated of this.#units.values()) this.#look(regulated)
    if (organs.control) up.exceptions([...this.#grave], organs.auditing ? this.#auditor.findings : [])
  }

  #look(regulated: Regulated): void {
    const { unit, meter, liar } = regulated
    const { nowMs } = this.#timeline
    const figures = meter.measure(unit.counters(), { concurrency: unit.limit, ratePerS: null }, nowMs)
    const latencies = percentilesOf(unit.takeLatencies())
    if (figures === undefined) return
    const ordinal = ++regulated.ordinal
    const report = unitReportOf({ unit: unit.name, life: 0, ordinal, figures, latencies, callers: unit.accounts(), digest: null })
    this.#init.up.report(liar === undefined ? report : liar.embellish(report))
    // Who lies to others says nothing of its pains and debts either.
    if (liar === undefined) this.#feel(regulated, report)
  }

  #feel({ unit: { name }, model, errors, latency }: Regulated, report: UnitReport): void {
    const { organs } = this.#init
    const { calls, latencyP50Ms, latencyP99Ms, measured } = report
    if (organs.control) {
      const window = { calls, errors: report.errors, p99Ms: latencyP99Ms }
      for (const effect of this.#monitor.judge(name, window, model.owed)) {
        if (effect.type === 'grave') {
          this.#grave.add(name)
          this.#hurt(painOfTarget(name))
        } else if (effect.type === 'over') {
          this.#grave.delete(name)
          this.#remedy(painOfTarget(name), 'it delivers what it owes again')
        }
      }
    }
    if (!organs.algedonic) return
    const failing = errors.observe({ calls, errors: Math.min(report.errors, calls) })
    const slow = latency.observe({ answered: measured?.answered ?? 0, medianMs: latencyP50Ms })
    for (const [verdict, pain] of [
      [failing, painOfErrors(name)],
      [slow, painOfLatency(name)],
    ] as const) {
      if (verdict?.feeling === 'pain') this.#hurt(pain)
      else if (verdict?.feeling === 'relief') this.#remedy(pain, 'it is well again')
    }
  }

  #hurt(pain: Pain): void {
    if (!this.#init.organs.algedonic) return
    this.#carryOut(this.#channel.feel({ ...pain, feeling: 'pain', text: '' }, this.#timeline.nowMs).effects)
  }

  #remedy(pain: Pain, reason: string): void {
    if (this.#init.organs.algedonic) this.#carryOut(this.#channel.remedy(pain, reason, this.#timeline.nowMs))
  }

  #carryOut(effects: readonly AlgedonicEffect[]): void {
    const { up } = this.#init
    for (const effect of effects) {
      if (effect.type === 'deliver') {
        const { id } = effect.alert
        up.alert(effect.alert, (isDone) => this.#answered({ type: isDone ? 'delivered' : 'undelivered', id }))
      } else if (effect.type === 'resolve') {
        const { id } = effect
        up.resolve(id, (isDone) => this.#answered(isDone ? { type: 'closed', id, own: true } : { type: 'undelivered', id }))
      }
    }
  }

  #answered(input: AlgedonicInput): void {
    this.#carryOut(this.#channel.step(input, this.#timeline.nowMs))
  }

  #follow(effects: readonly AuditEffect[]): void {
    for (const effect of effects) {
      if (effect.type === 'probe') this.#probe(effect, PROBES)
      else if (effect.type === 'found') this.#hurt(painOfFinding(effect.finding))
      else this.#remedy(painOfFinding(effect.finding), 'audits find nothing to remark any more')
    }
  }

  #probe(at: Auditable, left: number): void {
    const { probe, node } = this.#init
    if (!node.isAlive) return
    if (left === 0) return this.#follow(this.#auditor.probed(at, 'same', 'same', this.#timeline.nowMs))
    probe(at, () => this.#probe(at, left - 1))
  }
}

const painOfErrors = (unit: UnitName): Pain => ({
  source: organ('system1', unit),
  severity: 'high',
  subject: `unit ${unit} fails more than usual`,
})

const painOfLatency = (unit: UnitName): Pain => ({
  source: organ('system1', unit),
  severity: 'low',
  subject: `unit ${unit} is slower than usual`,
})

const painOfTarget = (unit: UnitName): Pain => ({
  source: organ('system3', unit),
  severity: 'high',
  subject: `unit ${unit} misses its target`,
})

const painOfFinding = ({ unit, node, kind }: Finding): Pain => ({
  source: organ('system3*', unit),
  severity: 'high',
  subject: `unit ${unit ?? ''} of ${node} is reported with other ${kind} than it has`,
})
