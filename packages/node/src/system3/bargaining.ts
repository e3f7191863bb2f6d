import {
  type Clock,
  type Logger,
  type OperationalUnit,
  messageOf,
  type Startable,
  telemetry,
  type Timer,
  type UnitName,
} from '@vsmcp/kernel'
import { availableParallelism, totalmem } from 'node:os'
import { IN_FLIGHT_MAX, type ProcessGuard } from '@vsmcp/mcp'
import {
  type Capacity,
  CountWindow,
  type Grant,
  type GroupDirective,
  type Orders,
  type Owed,
  owedWithin,
  ResourceBargain,
  withinBounds,
} from '@vsmcp/vsm'
import { BARGAIN_TICK_MS, CONCURRENCY_PER_CORE, MEMORY_PERIOD_MS, MEMORY_SHARE } from '../constants.ts'
import type { NodeDamper } from '../system2/damper.ts'
import type { Keeping } from '../tree/checkpoint.ts'
import type { BargainKept } from '../tree/checkpoints.ts'
import type { LocalUnits } from '../system1/local-units.ts'
import { UnitStoppedError } from '../errors.ts'
import { owedBy } from './unit-terms.ts'

const grants = telemetry('vsmcp:system3:grant')

export interface BargainingInit {
  /** Calls all units of this node may have in work at once. @default 128 for each processor core */
  concurrency?: number
  /** Calls all units of this node may begin per second. @default no bound */
  ratePerS?: number
  /** Resident memory all units of this node may have, bytes. @default four fifths of what the machine, or its container, has */
  memoryBytes?: number
  /** System 2's say on changes. @default none */
  damper?: NodeDamper
}

export interface BargainingComponents {
  units: LocalUnits
  /** Measures what units use of memory. */
  guard: Pick<ProcessGuard, 'memory'>
  /** What a life of it leaves to the next. */
  checkpoint: Keeping<BargainKept>
  clock: Clock
  logger: Logger
}

/**
 * System 3 of this node at work: bargains with its units for what the node has, and tells each unit's bulkhead. Should it ever stop,
 * units go on under their last grants.
 */
export class Bargaining implements Startable {
  readonly #c: BargainingComponents
  readonly #damper: NodeDamper | undefined
  #bargain: ResourceBargain
  readonly capacity: Capacity
  readonly #windows = new Map<UnitName, CountWindow>()
  #memory: ReadonlyMap<UnitName, number> = new Map()
  /** Units that use more memory than they are granted. */
  readonly #tooLarge = new Set<UnitName>()
  /** What System 5 has decided of units, in place of what they were attached with. */
  #orders: ReadonlyMap<UnitName, Orders> = new Map()
  #above: readonly GroupDirective[] = []
  #stops: ReadonlyMap<UnitName, GroupDirective> = new Map()
  #timer: Timer | undefined
  #weighing: Timer | undefined
  #offs: (() => void)[] = []

  constructor(init: BargainingInit, components: BargainingComponents) {
    this.#c = components
    const {
      concurrency = CONCURRENCY_PER_CORE * availableParallelism(),
      ratePerS = null,
      memoryBytes = memoryOfMachine(),
      damper,
    } = init
    this.capacity = { concurrency, ratePerS, memoryBytes }
    this.#damper = damper
    this.#bargain = this.#bargainFrom()
  }

  #bargainFrom(kept?: BargainKept): ResourceBargain {
    const damping = this.#damper === undefined ? {} : { damp: this.#damper.damp }
    return new ResourceBargain({ capacity: this.capacity, ...damping, ...(kept === undefined ? {} : { kept }) })
  }

  async start(): Promise<void> {
    const { units, checkpoint, clock } = this.#c
    const kept = await checkpoint.begin(() => this.#snapshot())
    this.#windows.clear()
    this.#damper?.begin(kept?.state.damping ?? null, kept?.agoMs ?? 0, clock.monotonicMs())
    this.#bargain = this.#bargainFrom(kept?.state)
    this.#offs = [
      units.on('unit:gone', ({ name }) => {
        this.#windows.delete(name)
        this.#tooLarge.delete(name)
        this.#bargain.forget(name)
      }),
    ]
    this.#timer = clock.every(BARGAIN_TICK_MS, () => this.bargain())
    this.#weighing = clock.every(MEMORY_PERIOD_MS, () => void this.weigh())
  }

  async stop(): Promise<void> {
    this.#timer?.cancel()
    this.#weighing?.cancel()
    for (const off of this.#offs) off()
    await this.#c.checkpoint.end()
  }

  #snapshot(): BargainKept {
    const damping = this.#damper?.snapshot(this.#c.clock.monotonicMs()) ?? null
    return { ...this.#bargain.snapshot(), damping }
  }

  /** What the units want of what there is; above 1 some wait for others. */
  get load(): number {
    return this.#bargain.load
  }

  grantOf(unit: UnitName): Grant | undefined {
    return this.#bargain.grantOf(unit)
  }

  /**
   * From now on units work by these orders of System 5, and by their own terms where there are none; by either within what the groups above
   * allow.
   */
  direct(orders: ReadonlyMap<UnitName, Orders>, above: readonly GroupDirective[] = []): void {
    this.#orders = orders
    this.#above = above
    const stops = above.flatMap((each) =>
      each.order.kind === 'stop' ? each.order.units.map((unit) => [unit, each] as const) : [],
    )
    this.#stops = new Map(stops)
  }

  /** Throws `UnitStoppedError` for a unit that a group above has stopped. */
  assertMayBeCalled(unit: UnitName): void {
    const stop = this.#stops.get(unit)
    if (stop === undefined) return
    const { id, by, reason } = stop
    const why = reason === '' ? '' : `: ${reason}`
    throw new UnitStoppedError(`unit ${unit} is stopped by the group ${by}, above this one${why}`, {
      hint: 'Nothing was executed. `vsmcp group show` tells what the group is held to, by whom, and until when.',
      details: { unit, by, directive: id },
    })
  }

  /** What a unit owes: by its own terms, or as the groups above have it, whichever is more. One that is stopped owes nothing: it cannot make up for what it missed. */
  owedBy(unit: UnitName): Owed {
    if (this.#stops.has(unit)) return NOTHING_OWED
    return owedWithin(owedBy(this.#c.units.termsOf(unit)), this.#above)
  }

  ordersFor(unit: UnitName): Orders | undefined {
    const { weight = 1, concurrency = IN_FLIGHT_MAX } = this.#c.units.termsOf(unit)
    return withinBounds(unit, this.#orders.get(unit), { weight, concurrency }, this.#above)
  }

  /** Measures what units use of memory. Who uses more than it is granted works on one call at a time until it does no longer. */
  async weigh(): Promise<void> {
    const { guard, units, logger } = this.#c
    try {
      this.#memory = await guard.memory()
    } catch (error) {
      logger.warn({ error: messageOf(error) }, 'the memory of units cannot be measured')
      return
    }
    for (const unit of units.list()) {
      const { name } = unit
      const grant = this.grantOf(name)
      if (grant === undefined) continue
      const used = this.#memory.get(name) ?? 0
      const isTooLarge = grant.memoryBytes !== null && used > grant.memoryBytes
      if (isTooLarge === this.#tooLarge.has(name)) continue
      if (isTooLarge) this.#tooLarge.add(name)
      else this.#tooLarge.delete(name)
      const fields = { unit: name, bytes: used, granted: grant.memoryBytes }
      if (isTooLarge) logger.warn(fields, 'a unit uses more memory than it is granted: one call at a time')
      else logger.info(fields, 'a unit uses no more memory than it is granted again')
      this.#apply(unit, grant)
    }
  }

  /** Looks at the load, and bargains when it is time. */
  bargain(): void {
    const { units, clock } = this.#c
    const nowMs = clock.monotonicMs()
    for (const unit of units.list()) this.#observe(unit, nowMs)
    for (const grant of this.#bargain.tick(nowMs)) {
      const unit = units.get(grant.unit)
      if (unit !== undefined) this.#apply(unit, grant)
    }
  }

  #apply(unit: OperationalUnit, { unit: name, concurrency, ratePerS }: Grant): void {
    const held = unit.limits
    unit.limit({ concurrency: this.#tooLarge.has(name) ? 1 : concurrency, ratePerS })
    if (held.concurrency === unit.limits.concurrency && held.ratePerS === ratePerS) return
    this.#c.logger.debug({ unit: name, ...unit.limits }, 'a unit was granted something else')
    if (grants.hasSubscribers) grants.publish({ unit: name, ...unit.limits })
  }

  #observe(unit: OperationalUnit, nowMs: number): void {
    const window = this.#windows.get(unit.name) ?? new CountWindow()
    this.#windows.set(unit.name, window)
    const counted = window.next(unit.counters(), nowMs)
    if (counted === undefined) return
    // Nothing is known yet of the demand of one that has begun.
    const { windowMs, workMs, waitMs, came, notSent } =
      counted === 'begun' ? { windowMs: 1, workMs: 0, waitMs: 0, came: 0, notSent: 0 } : counted
    const terms = this.#c.units.termsOf(unit.name)
    const orders = this.ordersFor(unit.name) ?? NO_ORDERS
    const concurrency = orders.concurrency ?? terms.concurrency ?? IN_FLIGHT_MAX
    this.#bargain.observe(unit.name, {
      weight: orders.weight ?? terms.weight ?? 1,
      concurrencyMax: orders.isQuarantined === true ? 1 : Math.min(concurrency, IN_FLIGHT_MAX),
      ratePerSMax: terms.ratePerS ?? null,
      owed: this.owedBy(unit.name),
      concurrency: (workMs + waitMs) / windowMs,
      // What a unit that is down refuses takes no rate.
      ratePerS: (Math.max(0, came - notSent) * 1_000) / windowMs,
      memoryBytes: this.#memory.get(unit.name) ?? null,
    })
  }
}

const NO_ORDERS: Orders = { by: [] }

const NOTHING_OWED: Owed = { p99Ms: null, errorShare: null }

/** Bytes, of a container where there is one. */
function memoryOfMachine(): number {
  const bound = process.constrainedMemory()
  const machine = totalmem()
  return Math.floor(MEMORY_SHARE * (bound > 0 && bound < machine ? bound : machine))
}
