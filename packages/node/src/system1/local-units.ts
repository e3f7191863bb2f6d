import {
  type ClaimedResource,
  type Clock,
  Emitter,
  type Inspection,
  InvalidArgumentError,
  type Logger,
  messageOf,
  type Startable,
  StoppedError,
  type UnitName,
} from '@vsmcp/kernel'
import type { Definitions, Unit, UnitSpec, UnitState } from '@vsmcp/mcp'
import type { AttachResult, UnitTerms } from './contract.ts'
import type { FallbackAnswers } from '../degradation/contract.ts'
import { UNITS_PER_NODE_MAX } from '../constants.ts'
import { UnitExistsError, UnitUnknownError } from '../errors.ts'
import { assertFallbacksFit } from '../degradation/checked-fallbacks.ts'
import { entryOf } from './unit-entry.ts'
import { specOf, type UnitRequest } from './unit-request.ts'
import { isSameUnit, type StoredUnitSpec, type UnitSpecs } from './unit-specs.ts'

interface Events extends Record<string, unknown> {
  'unit:definitions': { name: UnitName; kind: Unit['kind']; definitions: Definitions }
  'unit:state': { name: UnitName; state: UnitState; reason?: string }
  'unit:gone': { name: UnitName }
  /** An attached unit offers something else than before. */
  'unit:changed': { name: UnitName }
}

/** Whose a unit's name is, as the group decided it. */
export interface UnitNames {
  /** Throws `UnitExistsError` when, as far as this node knows, another node has the name, and this one does not want to be its replica. */
  assertFree(name: UnitName, isReplica: boolean): void
  /**
   * Asks the group for the name, and declares what the unit offers; as a replica of what others may run already. Throws `UnitExistsError`
   * when another node has it, `ReplicaRefusedError` when it cannot be one of several.
   */
  claim(name: UnitName, definitions: Definitions | undefined, isReplica: boolean): Promise<void>
  /** Whether this node has the name, and the group knows what the unit offers. */
  isSettled(name: UnitName, definitions: Definitions | undefined): boolean
  release(name: UnitName): Promise<void>
  /** What this node holds by its own copy of the docket. */
  held(): UnitName[]
}

/** Where the group learns what units offer. */
export interface UnitOffers {
  offer(name: UnitName, kind: Unit['kind'], definitions: Definitions): Promise<void>
  withdraw(name: UnitName): Promise<void>
}

const ORDINARY: UnitTerms = {}
const NO_CLAIMS: readonly ClaimedResource[] = []

interface LocalUnit {
  spec: StoredUnitSpec
  unit: Unit
  /** Its name is claimed, or was when it was attached: the group may know of it. */
  isAttached: boolean
  off: () => void
}

export interface LocalUnitsComponents {
  specs: UnitSpecs
  names: UnitNames
  offers: UnitOffers
  create: (spec: UnitSpec) => Unit
  /** How the endpoints of this mesh name themselves to clients. */
  ownServerName: string
  clock: Clock
  logger: Logger
}

/**
 * The MCP servers attached to this node. A name is the group's to give: a new unit is started, then its name claimed, then
 * what it offers published, then it is written down, so that a refusal leaves nothing behind and a crash nothing half done.
 */
export class LocalUnits implements Startable {
  readonly #c: LocalUnitsComponents
  readonly #units = new Map<UnitName, LocalUnit>()
  readonly #events: Emitter<Events>
  /** One change per name at a time. */
  readonly #changing = new Map<UnitName, Promise<unknown>>()
  /** Started to take another's place. */
  readonly #successors = new Set<Unit>()
  #status: 'new' | 'running' | 'stopped' = 'new'
  #settling: 'no' | 'yes' | 'again' = 'no'

  constructor(components: LocalUnitsComponents) {
    this.#c = components
    this.#events = new Emitter((error) => components.logger.error({ error: messageOf(error) }, 'a listener of units failed'))
  }

  async start(): Promise<void> {
    const { specs, logger } = this.#c
    for (const spec of await specs.all((key, error) => logger.error({ unit: key, error }, 'a unit cannot be read back'))) {
      try {
        const local = this.#adopt(spec)
        local.isAttached = true
        local.unit.startInBackground()
      } catch (error) {
        logger.error({ unit: spec.name, error: messageOf(error) }, 'a unit cannot be started')
      }
    }
    this.#status = 'running'
  }

  async stop(): Promise<void> {
    this.#status = 'stopped'
    const units = [...[...this.#units.values()].map(({ unit }) => unit), ...this.#successors]
    await Promise.allSettled(units.map((unit) => unit.stop()))
    for (const { off } of this.#units.values()) off()
    this.#units.clear()
  }

  attach(request: UnitRequest): Promise<AttachResult['outcome']> {
    return this.#exclusively(request.name, () => this.#attach(request))
  }

  /** The name is given back first: when the group cannot decide that now, the unit stays as it is. */
  detach(name: UnitName): Promise<void> {
    return this.#exclusively(name, async () => {
      const { names, specs } = this.#c
      const local = this.#units.get(name)
      if (local === undefined) throw new UnitUnknownError(`no unit ${name} is attached to this node`)
      await names.release(name)
      await specs.remove(name)
      await this.#drop(local)
      await this.#quietly(name, () => this.#c.offers.withdraw(name))
      this.#events.emit('unit:gone', { name })
    })
  }

  /** Brings the names this node holds to the units it has, should a crash or a time without System 5 have left them apart. */
  settleNames(): void {
    if (this.#settling !== 'no') {
      this.#settling = 'again'
      return
    }
    this.#settling = 'yes'
    void this.#settleNames().finally(() => {
      const again = this.#settling === 'again'
      this.#settling = 'no'
      if (again) this.settleNames()
    })
  }

  get(name: UnitName): Unit | undefined {
    return this.#units.get(name)?.unit
  }

  /** Whether it has as much in work as it is granted, so that another call would wait. */
  isSaturated(name: UnitName): boolean {
    const unit = this.get(name)
    return unit === undefined || unit.counters().inFlight >= unit.limits.concurrency
  }

  /** On what terms it works. */
  termsOf(name: UnitName): UnitTerms {
    return this.#units.get(name)?.spec.terms ?? ORDINARY
  }

  /** What a unit's calls need. */
  claimsOf(name: UnitName): readonly ClaimedResource[] {
    return this.#units.get(name)?.spec.claims ?? NO_CLAIMS
  }

  /** What stands in for its answers. */
  fallbacksOf(name: UnitName): FallbackAnswers | undefined {
    return this.#units.get(name)?.spec.fallbacks
  }

  inspect(): Inspection {
    return { children: this.list().map(entryOf) }
  }

  /** How each is started, as it was attached: secrets included. */
  specs(): StoredUnitSpec[] {
    return [...this.#units.values()].map(({ spec }) => spec)
  }

  /** Those whose names are claimed: the group may know of them. */
  attached(): Unit[] {
    return [...this.#units.values()].flatMap(({ unit, isAttached }) => (isAttached ? [unit] : []))
  }

  list(): Unit[] {
    return [...this.#units.values()].map(({ unit }) => unit)
  }

  on<K extends keyof Events & string>(event: K, listener: (payload: Events[K]) => void): () => void {
    return this.#events.on(event, listener)
  }

  async #attach(request: UnitRequest): Promise<AttachResult['outcome']> {
    this.#mustRun()
    const spec = specOf(request)
    const { name } = spec
    const present = this.#units.get(name)
    if (present !== undefined) {
      if (isSameUnit(present.spec, spec)) return this.#settleSame(present, spec)
      if (!request.replace) {
        throw new UnitExistsError(`a different unit ${name} is attached to this node`, {
          hint: `Give --replace to put this one in its place, or choose another name.`,
        })
      }
    } else if (this.#units.size >= UNITS_PER_NODE_MAX) {
      throw new InvalidArgumentError(`this node has ${UNITS_PER_NODE_MAX} units already, the most one node hosts`, {
        hint: 'Attach the server to another node.',
      })
    }
    return present === undefined ? this.#attachNew(spec) : this.#replace(present, spec)
  }

  /** The same again changes nothing; but a server that is down is started at once, and said to fail when it does. */
  async #settleSame(present: LocalUnit, spec: StoredUnitSpec): Promise<'unchanged'> {
    const { names, specs } = this.#c
    await this.#started(present.unit, spec.startTimeoutMs)
    if (present.unit.state !== 'ready') {
      await this.#replace(present, spec)
      return 'unchanged'
    }
    assertFallbacksFit(spec.name, spec.fallbacks ?? {}, present.unit.definitions)
    await names.claim(spec.name, present.unit.definitions, spec.replica === true)
    await specs.put(spec)
    present.spec = spec
    this.#events.emit('unit:changed', { name: spec.name })
    return 'unchanged'
  }

  async #attachNew(spec: StoredUnitSpec): Promise<'attached'> {
    this.#c.names.assertFree(spec.name, spec.replica === true)
    const local = this.#adopt(spec)
    try {
      await local.unit.start()
      await this.#establish(spec, local.unit)
    } catch (error) {
      await this.#drop(local)
      await this.#quietly(spec.name, () => this.#c.offers.withdraw(spec.name))
      await this.#quietly(spec.name, () => this.#c.names.release(spec.name))
      this.#events.emit('unit:gone', { name: spec.name })
      throw error
    }
    local.isAttached = true
    this.#announce(local)
    return 'attached'
  }

  /** The old server goes on until the new one has shown its tools and is written down. */
  async #replace(present: LocalUnit, spec: StoredUnitSpec): Promise<'replaced'> {
    const unit = this.#c.create(spec)
    this.#successors.add(unit)
    try {
      await unit.start()
      await this.#establish(spec, unit)
    } catch (error) {
      await unit.stop()
      const { kind, definitions } = present.unit
      if (definitions !== undefined) {
        await this.#quietly(spec.name, () => this.#c.offers.offer(spec.name, kind, definitions))
      }
      throw error
    } finally {
      this.#successors.delete(unit)
    }
    // First in its place, then stopped: calls always find one of the two.
    present.off()
    const local = this.#adopt(spec, unit)
    local.isAttached = true
    this.#announce(local)
    this.#events.emit('unit:state', { name: spec.name, state: unit.state })
    await present.unit.stop()
    return 'replaced'
  }

  /** Claimed, published, written down. */
  async #establish(spec: StoredUnitSpec, { definitions, kind }: Unit): Promise<void> {
    const { names, offers, specs } = this.#c
    this.#mustRun()
    this.#refuseOwnMesh(spec.name, definitions)
    assertFallbacksFit(spec.name, spec.fallbacks ?? {}, definitions)
    await names.claim(spec.name, definitions, spec.replica === true)
    if (definitions !== undefined) await offers.offer(spec.name, kind, definitions)
    await specs.put(spec)
    this.#mustRun()
  }

  /** A mesh that is its own unit would list its own lists, and so on without end. */
  #refuseOwnMesh(name: UnitName, definitions: Definitions | undefined): void {
    if (definitions?.serverInfo.name !== this.#c.ownServerName) return
    throw new InvalidArgumentError(`${name} is an MCP endpoint of this mesh itself`, {
      hint: 'Every node serves all tools of the mesh already; attach servers, not nodes.',
    })
  }

  async #settleNames(): Promise<void> {
    const { names } = this.#c
    if (this.#status !== 'running') return
    const held = new Set(names.held())
    for (const { spec, unit } of [...this.#units.values()].filter(({ isAttached }) => isAttached)) {
      const { name, replica = false } = spec
      // What a replica offers is not known before its server is up.
      const isEarly = replica && unit.definitions === undefined
      if (isEarly || names.isSettled(name, unit.definitions) || this.#changing.has(name)) continue
      await this.#quietly(name, () => names.claim(name, unit.definitions, replica))
    }
    for (const name of held) {
      if (!this.#units.has(name) && !this.#changing.has(name)) await this.#quietly(name, () => names.release(name))
    }
  }

  /** Resolves when a unit that is starting has come up or failed, or after so long. */
  async #started(unit: Unit, timeoutMs: number): Promise<void> {
    if (unit.state !== 'starting') return
    const { promise, resolve } = Promise.withResolvers<void>()
    const timer = this.#c.clock.after(timeoutMs, resolve)
    const off = unit.on('state', ({ state }) => {
      if (state !== 'starting') resolve()
    })
    await promise
    timer.cancel()
    off()
  }

  /** Of what is only cleaned up: it is tried again by itself when it fails now. */
  async #quietly(unit: UnitName, work: () => Promise<void>): Promise<void> {
    try {
      await work()
    } catch (error) {
      this.#c.logger.warn({ unit, error: messageOf(error) }, 'a unit was not settled, it is tried again')
    }
  }

  #mustRun(): void {
    if (this.#status === 'stopped') throw new StoppedError('the node is stopping')
  }

  #adopt(spec: StoredUnitSpec, unit = this.#c.create(spec)): LocalUnit {
    const logger = this.#c.logger.child({ unit: spec.name })
    const offs = [
      unit.on('state', ({ state, reason }) => {
        if (state === 'failed') logger.error({ reason }, 'unit failed')
        else if (state === 'backing-off') logger.warn({ reason }, 'unit is down, will be restarted')
        else logger.info({ state }, 'unit changed state')
        this.#events.emit('unit:state', { name: spec.name, state, ...(reason === undefined ? {} : { reason }) })
      }),
      unit.on('definitions', () => {
        if (!local.isAttached || this.#units.get(spec.name) !== local) return
        this.#events.emit('unit:changed', { name: spec.name })
        this.#announce(local)
      }),
      unit.on('log', ({ source, level, text }) => {
        const fields = { source, text }
        if (level === 'error' || level === 'critical' || level === 'alert' || level === 'emergency')
          logger.error(fields, 'unit says')
        else if (level === 'warning') logger.warn(fields, 'unit says')
        else logger.info(fields, 'unit says')
      }),
    ]
    const off = (): void => {
      for (const each of offs) each()
    }
    const local: LocalUnit = { spec, unit, off, isAttached: false }
    this.#units.set(spec.name, local)
    return local
  }

  #announce({ spec, unit }: LocalUnit): void {
    if (unit.definitions === undefined) return
    this.#events.emit('unit:definitions', { name: spec.name, kind: unit.kind, definitions: unit.definitions })
  }

  async #drop(local: LocalUnit): Promise<void> {
    local.off()
    if (this.#units.get(local.spec.name) === local) this.#units.delete(local.spec.name)
    await local.unit.stop()
  }

  async #exclusively<T>(name: UnitName, work: () => Promise<T>): Promise<T> {
    const before = this.#changing.get(name)
    const mine = (before ?? Promise.resolve()).then(work, work)
    this.#changing.set(name, mine)
    try {
      return await mine
    } finally {
      if (this.#changing.get(name) === mine) this.#changing.delete(name)
    }
  }
}
