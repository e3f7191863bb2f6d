import {
  type Clock,
  endedOf,
  Emitter,
  isoTime,
  type Logger,
  messageOf,
  type PeerIdString,
  type Startable,
  telemetry,
  type Timer,
  type UnitName,
} from '@vsmcp/kernel'
import { type DegradationStep, DegradationLadder, organ, type Reason, type Signs } from '@vsmcp/vsm'
import type { Algedonic } from '../algedonic/algedonic.ts'
import type { Catalog } from '../catalog/catalog.ts'
import { DEGRADATION_LAG_LOOK_MS, DEGRADATION_LOOK_MS } from '../constants.ts'
import type { DegradationView } from './contract.ts'
import { PausedError, ShedError } from '../errors.ts'
import type { Members } from '../members/members.ts'
import type { Fallbacks } from './fallbacks.ts'
import type { LocalUnits } from '../system1/local-units.ts'
import type { Bargaining } from '../system3/bargaining.ts'
import type { GroupLog } from '../system5/group-log.ts'

const steps = telemetry('vsmcp:system3:degradation')

export interface DegradationComponents {
  self: PeerIdString
  log: Pick<GroupLog, 'status' | 'on'>
  members: Pick<Members, 'isAlive'>
  catalog: Pick<Catalog, 'units'>
  units: Pick<LocalUnits, 'list' | 'get' | 'termsOf'>
  bargaining: Pick<Bargaining, 'load' | 'capacity'>
  fallbacks: Pick<Fallbacks, 'given'>
  algedonic: Pick<Algedonic, 'feel' | 'relieve'>
  clock: Clock
  logger: Logger
}

interface Events extends Record<string, unknown> {
  changed: { step: DegradationStep }
}

/** What waits while service is reduced, as `vsmcp status` names it. */
const OPTIONAL = ['audits', 'feeds', 'forecasts', 'simulations']

const SHEDDING = { source: organ('system3'), subject: 'this node serves only what is essential', severity: 'high' } as const

/** System 3 of this node at its limits: looks at how the node is, says what it still does, and refuses what it does not. */
export class Degradation implements Startable {
  readonly #c: DegradationComponents
  readonly #ladder: DegradationLadder
  readonly #events: Emitter<Events>
  /** Calls refused since the last look, by unit, and since the step was taken. */
  #shed = new Map<UnitName, number>()
  #shedInAll = 0
  #storeAccepts = true
  #lagMs = 0
  #expectedMs = 0
  #lookedMs = 0
  #timers: Timer[] = []
  #offs: (() => void)[] = []

  constructor(components: DegradationComponents) {
    this.#c = components
    const { clock, logger } = components
    this.#ladder = new DegradationLadder(clock.wallMs())
    this.#events = new Emitter((error) => logger.error({ error: messageOf(error) }, 'a listener of degradation failed'))
  }

  async start(): Promise<void> {
    const { log, clock } = this.#c
    this.#offs = [
      log.on('storage:failed', () => (this.#storeAccepts = false)),
      log.on('storage:recovered', () => (this.#storeAccepts = true)),
    ]
    this.#lookedMs = clock.monotonicMs()
    this.#expectedMs = this.#lookedMs + DEGRADATION_LAG_LOOK_MS
    this.#timers = [
      clock.every(DEGRADATION_LAG_LOOK_MS, () => this.#timed()),
      clock.every(DEGRADATION_LOOK_MS, () => this.look()),
    ]
  }

  async stop(): Promise<void> {
    for (const timer of this.#timers) timer.cancel()
    for (const off of this.#offs) off()
  }

  on<K extends keyof Events & string>(event: K, listener: (payload: Events[K]) => void): () => void {
    return this.#events.on(event, listener)
  }

  get step(): DegradationStep {
    return this.#ladder.step
  }

  /** Work that can wait is not begun. */
  get isReduced(): boolean {
    return this.step === 'reduced' || this.step === 'essential'
  }

  /** Throws `PausedError` for work that can wait while it has to. */
  assertMayBegin(what: string): void {
    if (!this.isReduced) return
    throw new PausedError(`${what} is not begun now, this node has reduced its service: ${this.#told().join('; ')}`, {
      hint: 'Ask another node, or later; `vsmcp status` shows the step and why.',
      details: { step: this.step },
    })
  }

  /** Throws `ShedError` for a call of a unit of this node that is not essential while only such are served. */
  assertServed(unit: UnitName): void {
    if (this.step !== 'essential' || this.#isEssential(unit)) return
    this.#shed.set(unit, (this.#shed.get(unit) ?? 0) + 1)
    this.#shedInAll++
    throw new ShedError(`unit ${unit} was not called, its node serves only what is essential now: ${this.#told().join('; ')}`, {
      hint: 'Nothing was executed. Try again in some seconds; what must always be served is attached with --essential.',
      details: { unit, step: this.step },
    })
  }

  get view(): DegradationView {
    const { step, sinceMs } = this.#ladder
    const since = isoTime(sinceMs)
    const paused = this.isReduced ? [...OPTIONAL] : []
    const { given: synthetic } = this.#c.fallbacks
    return { step, since, reasons: this.#told(), paused, shed: this.#shedInAll, synthetic }
  }

  /** Looks at the node once, and goes a step up or down where that is due. */
  look(): void {
    const { clock, logger, algedonic } = this.#c
    const before = this.step
    const signs = this.#signs()
    if (!this.#ladder.look(signs, clock.wallMs())) return
    const { step } = this
    const reasons = this.#told()
    if (step !== 'essential') this.#shedInAll = 0
    logger.warn({ step, before, reasons }, 'the node serves otherwise than before')
    if (steps.hasSubscribers) steps.publish({ step, before, reasons })
    if (step === 'essential') algedonic.feel({ ...SHEDDING, feeling: 'pain', text: `${reasons.join('; ')}.` })
    if (before === 'essential') algedonic.relieve(SHEDDING, `it serves all units again: ${step}`)
    this.#events.emit('changed', { step })
  }

  #timed(): void {
    const nowMs = this.#c.clock.monotonicMs()
    this.#lagMs = Math.max(this.#lagMs, nowMs - this.#expectedMs)
    this.#expectedMs = nowMs + DEGRADATION_LAG_LOOK_MS
  }

  #signs(): Signs {
    const { self, log, members, catalog, units, bargaining, clock } = this.#c
    const nowMs = clock.monotonicMs()
    const windowMs = Math.max(1, nowMs - this.#lookedMs)
    this.#lookedMs = nowMs
    const loopLagMs = this.#lagMs
    this.#lagMs = 0
    const shed = this.#shed
    this.#shed = new Map()
    return {
      hasSystem5: log.status()?.leader !== undefined,
      unitsAway: catalog.units.filter(({ callable }) => !callable.some((node) => node === self || members.isAlive(node))).length,
      storeAccepts: this.#storeAccepts,
      loopLagMs,
      load: bargaining.load + this.#wanted(shed, windowMs) / bargaining.capacity.concurrency,
      hasEssential: units.list().some(({ name }) => this.#isEssential(name)),
    }
  }

  /** How many calls would have been in work of those refused, by Little's law with what each unit took on average for one. */
  #wanted(shed: ReadonlyMap<UnitName, number>, windowMs: number): number {
    let wanted = 0
    for (const [name, calls] of shed) {
      const counters = this.#c.units.get(name)?.counters()
      if (counters === undefined) continue
      const worked = endedOf(counters) - counters.turnedAway - counters.notSent
      if (worked > 0) wanted += (calls * counters.workMs) / worked / windowMs
    }
    return wanted
  }

  #isEssential(unit: UnitName): boolean {
    return this.#c.units.termsOf(unit).essential === true
  }

  #told(): string[] {
    return this.#ladder.reasons.map((reason) => TEXT[reason.sign](reason.value))
  }
}

const TEXT: { readonly [S in Reason['sign']]: (value: number) => string } = {
  system5: () => 'there is no System 5, the group is as it was decided last',
  units: (away) =>
    `${away === 1 ? '1 unit is listed as it was' : `${away} units are listed as they were`} known last, not reached`,
  store: () => 'its disk refuses writes',
  loop: (ms) => `its timers come ${Math.round(ms)} ms late`,
  load: (load) => `its units are asked for ${load.toFixed(1)} times what it has to share out among them`,
}
