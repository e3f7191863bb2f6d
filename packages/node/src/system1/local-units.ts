import {
  Emitter,
  InvalidArgumentError,
  type Logger,
  messageOf,
  type Startable,
  UNIT_NAME_PATTERN,
  type UnitName,
} from '@vsmcp/kernel'
import type { Definitions, Unit, UnitSpec, UnitState } from '@vsmcp/mcp'
import type { AttachRequest, AttachResult } from '../control.ts'
import { UNITS_PER_NODE_MAX } from '../constants.ts'
import { UnitExistsError, UnitUnknownError } from '../errors.ts'
import { sameSource, type StoredUnitSpec, type UnitSpecs } from './unit-specs.ts'

interface Events extends Record<string, unknown> {
  'unit:definitions': { name: UnitName; kind: Unit['kind']; definitions: Definitions }
  'unit:state': { name: UnitName; state: UnitState; reason?: string }
  'unit:gone': { name: UnitName }
}

/** Whose a unit's name is, as the group decided it. */
export interface UnitNames {
  /** Throws `UnitExistsError` when, as far as this node knows, another node has the name. */
  assertFree(name: UnitName): void
  /** Asks the group for the name; throws `UnitExistsError` when another node has it. */
  claim(name: UnitName): Promise<void>
  release(name: UnitName): Promise<void>
}

export interface LocalUnitsComponents {
  specs: UnitSpecs
  names: UnitNames
  create: (spec: UnitSpec) => Unit
  /** How the endpoints of this mesh name themselves to clients. */
  ownServerName: string
  logger: Logger
}

interface LocalUnit {
  spec: StoredUnitSpec
  unit: Unit
  off: () => void
}

/**
 * The MCP servers attached to this node. A name is the group's to give: a new unit is started, then its name claimed,
 * then it is written down, so that a refusal leaves nothing behind and a crash nothing half done.
 */
export class LocalUnits implements Startable {
  readonly #specs: UnitSpecs
  readonly #names: UnitNames
  readonly #create: (spec: UnitSpec) => Unit
  readonly #logger: Logger
  readonly #ownServerName: string
  readonly #units = new Map<UnitName, LocalUnit>()
  readonly #events: Emitter<Events>
  /** One change per name at a time. */
  readonly #changing = new Map<UnitName, Promise<unknown>>()

  constructor(components: LocalUnitsComponents) {
    this.#ownServerName = components.ownServerName
    this.#specs = components.specs
    this.#names = components.names
    this.#create = components.create
    this.#logger = components.logger
    this.#events = new Emitter((error) => components.logger.error({ error: messageOf(error) }, 'a listener of units failed'))
  }

  async start(): Promise<void> {
    for (const spec of await this.#specs.all()) {
      const local = this.#adopt(spec)
      local.unit.startInBackground()
    }
  }

  async stop(): Promise<void> {
    await Promise.allSettled([...this.#units.values()].map(({ unit }) => unit.stop()))
    for (const { off } of this.#units.values()) off()
    this.#units.clear()
  }

  attach(request: AttachRequest): Promise<AttachResult['outcome']> {
    return this.#exclusively(request.name, () => this.#attach(request))
  }

  detach(name: UnitName): Promise<void> {
    return this.#exclusively(name, async () => {
      const local = this.#units.get(name)
      if (local === undefined) throw new UnitUnknownError(`no unit ${name} is attached to this node`)
      await this.#names.release(name)
      await this.#specs.remove(name)
      await this.#drop(local)
      this.#events.emit('unit:gone', { name })
    })
  }

  get(name: UnitName): Unit | undefined {
    return this.#units.get(name)?.unit
  }

  list(): Unit[] {
    return [...this.#units.values()].map(({ unit }) => unit)
  }

  on<K extends keyof Events & string>(event: K, listener: (payload: Events[K]) => void): () => void {
    return this.#events.on(event, listener)
  }

  async #attach(request: AttachRequest): Promise<AttachResult['outcome']> {
    const { name, source, startTimeoutMs } = request
    if (!UNIT_NAME_PATTERN.test(name)) {
      throw new InvalidArgumentError(`"${name}" cannot be a unit's name`, {
        hint: 'Use up to 24 of a-z, 0-9 and "-", beginning with a letter or digit.',
      })
    }
    const spec: StoredUnitSpec = { name, source, startTimeoutMs }
    const present = this.#units.get(name)
    if (present !== undefined) {
      if (sameSource(present.spec.source, source)) return this.#settleSame(present, spec)
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

  /** The same again changes nothing; one that is not up is given its start timeout to come up. */
  async #settleSame(present: LocalUnit, spec: StoredUnitSpec): Promise<'unchanged'> {
    await this.#names.claim(spec.name)
    await this.#specs.put(spec)
    present.spec = spec
    return 'unchanged'
  }

  async #attachNew(spec: StoredUnitSpec): Promise<'attached'> {
    this.#names.assertFree(spec.name)
    const local = this.#adopt(spec)
    try {
      await local.unit.start()
      this.#refuseOwnMesh(local.unit)
      await this.#names.claim(spec.name)
      await this.#specs.put(spec)
    } catch (error) {
      await this.#drop(local)
      throw error
    }
    this.#announce(local)
    return 'attached'
  }

  /** The old server goes on until the new one has shown its tools. */
  async #replace(present: LocalUnit, spec: StoredUnitSpec): Promise<'replaced'> {
    const unit = this.#create(spec)
    await unit.start()
    try {
      this.#refuseOwnMesh(unit)
      await this.#names.claim(spec.name)
      await this.#specs.put(spec)
    } catch (error) {
      await unit.stop()
      throw error
    }
    await this.#drop(present)
    this.#announce(this.#adopt(spec, unit))
    return 'replaced'
  }

  /** A mesh that is its own unit would list its own lists, and so on without end. */
  #refuseOwnMesh(unit: Unit): void {
    if (unit.definitions?.serverInfo.name !== this.#ownServerName) return
    throw new InvalidArgumentError(`${unit.name} is an MCP endpoint of this mesh itself`, {
      hint: 'Every node serves all tools of the mesh already; attach servers, not nodes.',
    })
  }

  #adopt(spec: StoredUnitSpec, unit = this.#create(spec)): LocalUnit {
    const logger = this.#logger.child({ unit: spec.name })
    const offs = [
      unit.on('state', ({ state, reason }) => {
        if (state === 'failed') logger.error({ reason }, 'unit failed')
        else if (state === 'backing-off') logger.warn({ reason }, 'unit is down, will be restarted')
        else logger.info({ state }, 'unit changed state')
        this.#events.emit('unit:state', { name: spec.name, state, ...(reason === undefined ? {} : { reason }) })
      }),
      unit.on('definitions', () => {
        if (this.#units.get(spec.name)?.unit === unit) this.#announce({ spec, unit, off })
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
    const local = { spec, unit, off }
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
