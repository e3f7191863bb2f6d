import {
  type Clock,
  endedOf,
  failedOf,
  type KeyValueStore,
  type Logger,
  messageOf,
  type PeerIdString,
  type Startable,
  telemetry,
  type Timer,
  type UnitName,
} from '@vsmcp/kernel'
import type { Unit } from '@vsmcp/mcp'
import {
  CountWindow,
  type Measure,
  type ObservedUnit,
  Outlook,
  type SeriesAhead,
  type SeriesOutlook,
  StationMeter,
  type Turn,
} from '@vsmcp/vsm'
import type { Catalog } from '../catalog/catalog.ts'
import type { Members } from '../members/members.ts'
import type { LocalUnits } from '../system1/local-units.ts'
import { CHECKPOINT_SHARE, FEED_PERIOD_MS, MISSES_MAX, SCAN_PERIOD_MS, TURNS_KEPT } from './constants.ts'
import { OutlookStore } from './outlook-store.ts'

/** The subject of series about the group; no unit can be called so. */
export const GROUP_SUBJECT = '(group)'

const turnsTold = telemetry('vsmcp:system4:turn')

export interface ScannerComponents {
  self: PeerIdString
  name: () => string
  units: LocalUnits
  catalog: Catalog
  members: Members
  /** Nothing is foretold while the node has better to do: what happens meanwhile counts as not seen. */
  isPaused: () => boolean
  kv: KeyValueStore
  clock: Clock
  logger: Logger
}

export interface HeardTurn extends Turn {
  readonly atMs: number
}

interface Watched {
  readonly station: StationMeter
  readonly window: CountWindow
  /** Since the last tick. */
  served: number
  servedMs: number
}

/**
 * System 4's eyes: at every tick calls, failures and latency of each unit of this node, and how many members and units there are, go to the
 * outlook; calls as they begin and end, to what each unit is as a queueing station.
 */
export class Scanner implements Startable {
  readonly #c: ScannerComponents
  readonly #store: OutlookStore
  readonly #watched = new Map<UnitName, Watched>()
  readonly #turns: HeardTurn[] = []
  #outlook = new Outlook()
  #lastMs = 0
  #ticks = 0
  #timer: Timer | undefined
  #off: (() => void) | undefined

  constructor(components: ScannerComponents) {
    this.#c = components
    this.#store = new OutlookStore(components.kv, components.logger)
  }

  async start(): Promise<void> {
    const { clock, units } = this.#c
    const stored = await this.#store.all()
    this.#outlook = new Outlook(stored.map(({ series }) => series))
    const nowMs = clock.wallMs()
    for (const { atMs, series } of stored) this.#miss(series.subject, series.measure, (nowMs - atMs) / periodOf(series.measure))
    this.#lastMs = clock.monotonicMs()
    this.#timer = clock.every(SCAN_PERIOD_MS, () => this.tick())
    this.#off = units.on('unit:gone', ({ name }) => {
      this.#watched.delete(name)
      this.forget(name)
    })
  }

  async stop(): Promise<void> {
    this.#timer?.cancel()
    this.#off?.()
    await this.#store.save(this.#outlook.snapshot(), this.#c.clock.wallMs())
  }

  /** A unit of this node is asked. */
  asked(unit: UnitName): (isServed: boolean) => void {
    const { clock } = this.#c
    const watched = this.#watch(unit)
    const begun = watched.station.begun(clock.monotonicMs())
    return (isServed) => {
      const nowMs = clock.monotonicMs()
      watched.station.ended(begun, isServed, nowMs)
      if (!isServed) return
      watched.served++
      watched.servedMs += nowMs - begun.beganMs
    }
  }

  /** What a feed gave, or that it gave nothing. */
  feed(subject: string, value: number | null): void {
    this.#step(subject, 'feed', value, 0)
  }

  /** A subject is gone, here and on disk. */
  forget(subject: string): void {
    const gone = this.#outlook.view(subject)
    this.#outlook.forget(subject)
    this.#store
      .remove(gone)
      .catch((error: unknown) =>
        this.#c.logger.warn({ subject, error: messageOf(error) }, 'forecasts of what is gone are still on disk'),
      )
  }

  /** @param subject a unit's name or `GROUP_SUBJECT`. @default all */
  view(subject?: string, horizons?: readonly number[]): SeriesOutlook[] {
    return this.#outlook.view(subject, horizons)
  }

  /** What a series comes to so many ticks from now, and how probably it is above a value. */
  ahead(subject: string, measure: Measure, ticks: number, value: number): SeriesAhead | undefined {
    return this.#outlook.ahead(subject, measure, ticks, value)
  }

  get subjects(): ReadonlySet<string> {
    return this.#outlook.subjects
  }

  /** The newest turns of series, oldest first. */
  get turns(): readonly HeardTurn[] {
    return this.#turns
  }

  /** The units of this node as queueing stations. */
  observed(): ObservedUnit[] {
    const node = this.#c.name()
    const nowMs = this.#c.clock.monotonicMs()
    return this.#c.units.list().map(({ name }) => ({ unit: name, node, ...this.#watch(name).station.figures(nowMs) }))
  }

  /** Looks at everything once. */
  tick(): void {
    const { clock, units, members, catalog, self, isPaused } = this.#c
    if (isPaused()) return
    const nowMs = clock.monotonicMs()
    // The machine slept, or the process stood still: what happened meanwhile was not seen.
    const missed = Math.min(MISSES_MAX, Math.floor((nowMs - this.#lastMs) / SCAN_PERIOD_MS - 0.5))
    this.#lastMs = nowMs
    for (const unit of units.list()) this.#look(unit, nowMs, missed)
    const alive = 1 + members.list().filter(({ peer }) => peer !== self && members.isAlive(peer)).length
    this.#step(GROUP_SUBJECT, 'alive', alive, missed)
    this.#step(GROUP_SUBJECT, 'units', catalog.units.length, missed)
    this.#checkpoint()
  }

  #look(unit: Pick<Unit, 'name' | 'counters'>, nowMs: number, missed: number): void {
    const { name } = unit
    const watched = this.#watch(name)
    const counted = watched.window.next(unit.counters(), nowMs)
    const { served, servedMs } = watched
    watched.served = 0
    watched.servedMs = 0
    // What came before the first look belongs to no tick.
    if (counted === undefined || counted === 'begun') return
    this.#step(name, 'calls', endedOf(counted), missed)
    this.#step(name, 'failures', failedOf(counted), missed)
    this.#step(name, 'latency', served === 0 ? null : servedMs / served, missed)
  }

  #step(subject: string, measure: Measure, value: number | null, missed: number): void {
    if (missed > 0) this.#miss(subject, measure, missed)
    // What is counted over several periods belongs to none of them.
    const counted = missed > 0 && (measure === 'calls' || measure === 'failures') ? null : value
    for (const turn of this.#outlook.step(subject, measure, counted)) {
      this.#turns.push({ ...turn, atMs: Math.round(this.#c.clock.wallMs()) })
      if (this.#turns.length > TURNS_KEPT) this.#turns.shift()
      this.#c.logger.info({ ...turn }, 'a series has turned')
      if (turnsTold.hasSubscribers) {
        const { change, probability } = turn
        turnsTold.publish({ subject, measure, change, probability })
      }
    }
  }

  #miss(subject: string, measure: Measure, ticks: number): void {
    for (let i = 0; i < Math.min(MISSES_MAX, Math.floor(ticks)); i++) this.#outlook.step(subject, measure, null)
  }

  #watch(unit: UnitName): Watched {
    const known = this.#watched.get(unit)
    if (known !== undefined) return known
    const watched = { station: new StationMeter(), window: new CountWindow(), served: 0, servedMs: 0 }
    this.#watched.set(unit, watched)
    return watched
  }

  /** A share of the series at every tick, so that a thousand of them never hold up the loop at once. */
  #checkpoint(): void {
    const { clock, logger } = this.#c
    const turn = this.#ticks++ % CHECKPOINT_SHARE
    const share = this.#outlook.snapshot((index) => index % CHECKPOINT_SHARE === turn)
    this.#store
      .save(share, clock.wallMs())
      .catch((error: unknown) => logger.warn({ error: messageOf(error) }, 'forecasts are not on disk'))
  }
}

function periodOf(measure: Measure): number {
  return measure === 'feed' ? FEED_PERIOD_MS : SCAN_PERIOD_MS
}
