import { availableParallelism } from 'node:os'
import type { Clock, Logger, Startable, Timer, UnitName } from '@vsmcp/kernel'
import { IN_FLIGHT_MAX, type Unit, type UnitCounters } from '@vsmcp/mcp'
import { type Capacity, type Damper, type Grant, ResourceBargain } from '@vsmcp/vsm'
import { BARGAIN_TICK_MS, CONCURRENCY_PER_CORE } from '../constants.ts'
import type { LocalUnits } from '../system1/local-units.ts'
import { owedBy } from './unit-terms.ts'

export interface BargainingInit {
  /** Calls all units of this node may have in work at once. @default 128 for each processor core */
  concurrency?: number
  /** Calls all units of this node may begin per second. @default no bound */
  ratePerS?: number
  /** System 2's say on changes. @default none */
  damp?: Damper
}

export interface BargainingComponents {
  units: LocalUnits
  clock: Clock
  logger: Logger
}

/**
 * System 3 of this node at work: bargains with its units for what the node has, and tells each unit's bulkhead. Should it ever stop,
 * units go on under their last grants.
 */
export class Bargaining implements Startable {
  readonly #c: BargainingComponents
  readonly #bargain: ResourceBargain
  readonly capacity: Capacity
  readonly #last = new Map<UnitName, { unit: Unit; counters: UnitCounters; atMs: number }>()
  #timer: Timer | undefined
  #offs: (() => void)[] = []

  constructor(init: BargainingInit, components: BargainingComponents) {
    this.#c = components
    const { concurrency = CONCURRENCY_PER_CORE * availableParallelism(), ratePerS = null, damp } = init
    this.capacity = { concurrency, ratePerS, memoryBytes: null }
    this.#bargain = new ResourceBargain({ capacity: this.capacity, ...(damp === undefined ? {} : { damp }) })
  }

  async start(): Promise<void> {
    const { units, clock } = this.#c
    this.#offs = [
      units.on('unit:gone', ({ name }) => {
        this.#last.delete(name)
        this.#bargain.forget(name)
      }),
    ]
    this.#timer = clock.every(BARGAIN_TICK_MS, () => this.bargain())
  }

  async stop(): Promise<void> {
    this.#timer?.cancel()
    for (const off of this.#offs) off()
  }

  grantOf(unit: UnitName): Grant | undefined {
    return this.#bargain.grantOf(unit)
  }

  /** Looks at the load, and bargains when it is time. */
  bargain(): void {
    const { units, clock, logger } = this.#c
    const nowMs = clock.monotonicMs()
    for (const unit of units.list()) this.#observe(unit, nowMs)
    for (const { unit: name, concurrency, ratePerS } of this.#bargain.tick(nowMs)) {
      const unit = units.get(name)
      if (unit === undefined) continue
      const held = unit.limits
      unit.limit({ concurrency, ratePerS })
      if (held.concurrency === unit.limits.concurrency && held.ratePerS === ratePerS) continue
      logger.debug({ unit: name, concurrency, ratePerS }, 'a unit was granted something else')
    }
  }

  #observe(unit: Unit, nowMs: number): void {
    const counters = unit.counters()
    const last = this.#last.get(unit.name)
    this.#last.set(unit.name, { unit, counters, atMs: nowMs })
    const terms = this.#c.units.termsOf(unit.name)
    const isNew = last?.unit !== unit || nowMs <= last.atMs
    const sinceMs = isNew ? 1 : nowMs - last.atMs
    const grown = (key: keyof UnitCounters): number => (isNew ? 0 : Math.max(0, counters[key] - last.counters[key]))
    const came = endedOf(counters) - (isNew ? endedOf(counters) : endedOf(last.counters))
    this.#bargain.observe(unit.name, {
      weight: terms.weight ?? 1,
      concurrencyMax: Math.min(terms.concurrency ?? IN_FLIGHT_MAX, IN_FLIGHT_MAX),
      ratePerSMax: terms.ratePerS ?? null,
      owed: owedBy(terms),
      concurrency: (grown('workMs') + grown('waitMs')) / sinceMs,
      ratePerS: (Math.max(0, came) * 1_000) / sinceMs,
      memoryBytes: null,
    })
  }
}

function endedOf({ answered, refused, unanswered, cancelled, turnedAway, inFlight }: UnitCounters): number {
  return answered + refused + unanswered + cancelled + turnedAway + inFlight
}
