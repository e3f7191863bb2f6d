import {
  type Clock,
  Emitter,
  type Logger,
  messageOf,
  type PeerIdString,
  type Startable,
  type Timer,
  type UnitName,
} from '@vsmcp/kernel'
import type { Unit } from '@vsmcp/mcp'
import { type Achievement, together, type UnitFigures, UnitMeter, type UnitReport, unitReportOf } from '@vsmcp/vsm'
import { REPORT_PERIOD_MS } from '../constants.ts'
import type { GroupSignals } from '../topics/group-signals.ts'
import type { LocalUnits } from './local-units.ts'

export interface OperationsComponents {
  self: PeerIdString
  signals: GroupSignals
  units: LocalUnits
  clock: Clock
  logger: Logger
}

interface Events extends Record<string, unknown> {
  /** A window of a unit of this node is over. */
  measured: { unit: Unit; figures: UnitFigures }
}

export interface HeardUnitReport extends UnitReport {
  readonly node: PeerIdString
  readonly atMs: number
}

/** One unit of this node, from its first measurement to its end or replacement. */
interface Measured {
  readonly unit: Unit
  readonly meter: UnitMeter
  /** Wall clock at the beginning: names this life in reports. */
  readonly life: number
  ordinal: number
  figures: UnitFigures | undefined
}

/** System 1 of this node: measures its units, reports of them, and knows what other nodes reported last of theirs. */
export class Operations implements Startable {
  readonly #c: OperationsComponents
  readonly #events: Emitter<Events>
  readonly #measured = new Map<UnitName, Measured>()
  readonly #heard = new Map<UnitName, Map<PeerIdString, HeardUnitReport>>()
  readonly #nodes = new Map<PeerIdString, Achievement>()
  #timer: Timer | undefined
  #offs: (() => void)[] = []

  constructor(components: OperationsComponents) {
    this.#c = components
    this.#events = new Emitter((error) => components.logger.error({ error: messageOf(error) }, 'a listener of figures failed'))
  }

  on<K extends keyof Events & string>(event: K, listener: (payload: Events[K]) => void): () => void {
    return this.#events.on(event, listener)
  }

  async start(): Promise<void> {
    const { signals, units, clock } = this.#c
    this.#offs = [
      signals.on('unit', ({ node, atMs, body }) => {
        const ofUnit = this.#heard.get(body.unit) ?? new Map<PeerIdString, HeardUnitReport>()
        this.#heard.set(body.unit, ofUnit.set(node, { ...body, node, atMs }))
      }),
      signals.on('control', ({ node, body: { achievement } }) => {
        if (achievement !== undefined) this.#nodes.set(node, achievement)
      }),
      // From its first call on it is measured.
      units.on('unit:state', ({ name }) => this.#measuredOf(units.get(name))),
      units.on('unit:gone', ({ name }) => this.#measured.delete(name)),
    ]
    this.#timer = clock.every(REPORT_PERIOD_MS, () => this.report())
  }

  async stop(): Promise<void> {
    this.#timer?.cancel()
    for (const off of this.#offs) off()
  }

  /** Of the last window; undefined before the first is over. */
  figuresOf(unit: UnitName): UnitFigures | undefined {
    return this.#measured.get(unit)?.figures
  }

  /** The node as a unit of its group: all of its units together. */
  achievement(): Achievement {
    return together([...this.#measured.values()].flatMap(({ figures }) => figures ?? []))
  }

  /** The group as a unit: this node, and the others as they reported last. */
  groupAchievement(): Achievement {
    return together([this.achievement(), ...this.#nodes.values()])
  }

  /** What every unit of the group did in its last window, as far as this node knows: its own, and those of others as they reported. */
  windows(): UnitReport[] {
    const own = [...this.#measured.values()].flatMap((measured) => {
      const { figures } = measured
      return figures === undefined ? [] : [this.#reportOf(measured, figures)]
    })
    return [...own, ...[...this.#heard.values()].flatMap((ofUnit) => [...ofUnit.values()])]
  }

  /** What was heard last of a unit of another node. */
  reportOf(unit: UnitName, node: PeerIdString): HeardUnitReport | undefined {
    return this.#heard.get(unit)?.get(node)
  }

  /** Only reports of these units by these nodes are kept. */
  keepReportsOf(hosts: ReadonlyMap<UnitName, ReadonlySet<PeerIdString>>): void {
    for (const [unit, ofUnit] of this.#heard) {
      for (const node of ofUnit.keys()) if (hosts.get(unit)?.has(node) !== true) ofUnit.delete(node)
      if (ofUnit.size === 0) this.#heard.delete(unit)
    }
  }

  /** Nodes that are gone no longer count for the group. */
  keepNodes(isPresent: (node: PeerIdString) => boolean): void {
    for (const node of this.#nodes.keys()) if (!isPresent(node)) this.#nodes.delete(node)
  }

  /** Measures, and tells the group. */
  report(): void {
    const { units, clock, signals } = this.#c
    for (const unit of units.list()) {
      const measured = this.#measuredOf(unit)
      if (measured === undefined) continue
      const figures = measured.meter.measure(unit.counters(), unit.limits, clock.monotonicMs())
      if (figures === undefined) continue
      measured.figures = figures
      measured.ordinal++
      this.#events.emit('measured', { unit, figures })
      signals.say('unit', { kind: 'report', from: 'system1', to: 'system3' }, this.#reportOf(measured, figures))
    }
  }

  #measuredOf(unit: Unit | undefined): Measured | undefined {
    if (unit === undefined) return undefined
    const known = this.#measured.get(unit.name)
    if (known?.unit === unit) return known
    const { clock } = this.#c
    const made: Measured = { unit, meter: new UnitMeter(), life: Math.round(clock.wallMs()), ordinal: 0, figures: undefined }
    made.meter.measure(unit.counters(), unit.limits, clock.monotonicMs())
    this.#measured.set(unit.name, made)
    return made
  }

  #reportOf({ unit, life, ordinal }: Measured, figures: UnitFigures): UnitReport {
    const { self } = this.#c
    return unitReportOf({
      unit: unit.name,
      life,
      ordinal,
      figures,
      latencies: unit.latencies(figures.answered),
      callers: [...unit.accounts()].map(([node, account]) => ({ node: node === '' ? self : node, ...account })),
      digest: unit.definitions?.digest ?? null,
    })
  }
}
