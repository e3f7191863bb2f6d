import {
  InvalidArgumentError,
  messageOf,
  type Logger,
  type PeerIdString,
  type Plane,
  systemClock,
  type UnitName,
} from '@vsmcp/kernel'
import type { Unit } from '@vsmcp/mcp'
import type { SharedState } from '@vsmcp/state'
import { pack, unpack } from 'msgpackr'
import { z } from 'zod'
import type { Catalog, CatalogUnit } from '../catalog/catalog.ts'
import { UNIT_QUERY_DEADLINE_MS } from '../constants.ts'
import type { UnitView } from '../control.ts'
import type { Members } from '../members/members.ts'
import type { LocalUnits } from '../system1/local-units.ts'
import type { Operations } from '../system1/operations.ts'
import type { Bargaining } from '../system3/bargaining.ts'
import { unitWorkView } from './work-view.ts'

const QUERY = 'system1:units'

/** What a node says of its units that are not ready, as a hint beside the shared document. */
const hintSchema = z.looseObject({ notReady: z.array(z.string()).max(256) })

const figure = z.number().nonnegative()

/** What a node answers about one unit of its own. */
const answerSchema = z.array(
  z.object({
    name: z.string(),
    state: z.enum(['starting', 'ready', 'backing-off', 'failed', 'stopped']),
    figures: z.object({
      calls: z.number(),
      errors: z.number(),
      inFlight: z.number(),
      latencyP50Ms: z.number().nullable(),
      latencyP99Ms: z.number().nullable(),
    }),
    // Nodes of older versions do not say.
    work: z
      .object({
        windowMs: figure,
        queued: figure,
        turnedAway: figure,
        meanInFlight: figure,
        meanQueued: figure,
        limits: z.object({ concurrency: figure, ratePerS: figure.nullable() }),
        grant: z
          .object({ owedP99Ms: figure.nullable(), owedErrors: figure.nullable(), expiresAt: z.string() })
          .nullable()
          .default(null),
        actuality: figure,
        capability: figure.nullable(),
        potentiality: figure.nullable(),
        productivity: figure.nullable(),
        latency: figure.nullable(),
        performance: figure.nullable(),
      })
      .exactOptional(),
  }),
)
type Answer = z.infer<typeof answerSchema>[number]

export interface UnitsViewComponents {
  self: PeerIdString
  catalog: Catalog
  units: LocalUnits
  operations: Operations
  bargaining: Bargaining
  members: Members
  state: SharedState
  control: Plane
  logger: Logger
  nameOf: (peer: PeerIdString) => string
}

/** The group's units with their state: this node's own by looking, the others' by asking their nodes. */
export class UnitsView {
  readonly #c: UnitsViewComponents

  constructor(components: UnitsViewComponents) {
    this.#c = components
    components.control.handle(QUERY, async () => pack(components.units.list().map((unit) => this.#answerOf(unit))))
    components.units.on('unit:state', () => this.#hint())
    components.units.on('unit:gone', () => this.#hint())
  }

  async list(): Promise<UnitView[]> {
    const { catalog, self, units, members, control, logger } = this.#c
    const nodes = [...new Set(catalog.units.map(({ node }) => node))].filter((node) => node !== self && members.isAlive(node))
    const answers = new Map<UnitName, Answer>()
    await Promise.all(
      nodes.map(async (node) => {
        try {
          const reply = await control.call(node, QUERY, new Uint8Array(), { deadlineMs: UNIT_QUERY_DEADLINE_MS })
          for (const answer of answerSchema.parse(unpack(reply))) answers.set(answer.name, answer)
        } catch (error) {
          logger.debug({ node, error: messageOf(error) }, 'a node did not say how its units are')
        }
      }),
    )
    const published = new Set(catalog.units.map(({ unit }) => unit))
    const remote = catalog.units.map((entry) =>
      entry.node === self ? this.#localView(entry) : this.#remoteView(entry, answers.get(entry.unit)),
    )
    const unpublished = units.list().filter(({ name }) => !published.has(name))
    return [...remote, ...unpublished.map((unit) => this.#viewOfLocal(unit))].sort((a, b) => (a.name < b.name ? -1 : 1))
  }

  local(name: UnitName): UnitView {
    const unit = this.#c.units.get(name)
    if (unit === undefined) throw new InvalidArgumentError(`no unit ${name} is attached to this node`)
    return this.#viewOfLocal(unit)
  }

  isReady({ unit, node }: { unit: UnitName; node: PeerIdString }): boolean {
    const { self, units, members, state } = this.#c
    if (node === self) return units.get(unit)?.state === 'ready'
    if (!members.isAlive(node)) return false
    const hint = hintSchema.safeParse(state.hints().get(node))
    return !(hint.success && hint.data.notReady.includes(unit))
  }

  readyCount(): number {
    return this.#c.catalog.units.filter((unit) => this.isReady(unit)).length
  }

  problems(): string[] {
    const { catalog, members, units } = this.#c
    const own = units.list().filter(({ state }) => state === 'failed' || state === 'backing-off')
    const remote = catalog.units.filter((unit) => unit.node !== this.#c.self && members.isAlive(unit.node) && !this.isReady(unit))
    return [
      ...own.map(({ name, state, reason }) => `unit ${name} is ${state}${reason === undefined ? '' : `: ${reason}`}`),
      ...remote.map(({ unit, node }) => `unit ${unit} on ${this.#c.nameOf(node)} is not ready`),
    ]
  }

  #hint(): void {
    const notReady = this.#c.units.list().flatMap(({ name, state }) => (state === 'ready' ? [] : [name]))
    this.#c.state.setHint({ notReady })
  }

  #localView(entry: CatalogUnit): UnitView {
    const unit = this.#c.units.get(entry.unit)
    return unit === undefined ? this.#remoteView(entry, undefined) : this.#viewOfLocal(unit)
  }

  #viewOfLocal(unit: Unit): UnitView {
    const { self, nameOf } = this.#c
    const { definitions, reason } = unit
    const { name, state, figures, work } = this.#answerOf(unit)
    return {
      name,
      node: self,
      nodeName: nameOf(self),
      local: true,
      kind: unit.kind,
      state,
      ...(reason === undefined ? {} : { reason }),
      ...(definitions === undefined
        ? {}
        : { server: { name: definitions.serverInfo.name, version: definitions.serverInfo.version }, era: definitions.era }),
      tools: definitions?.tools.length ?? 0,
      resources: definitions?.resources.length ?? 0,
      prompts: definitions?.prompts.length ?? 0,
      figures,
      ...(work === undefined ? {} : { work }),
    }
  }

  #remoteView({ unit, node, offer }: CatalogUnit, answer: Answer | undefined): UnitView {
    return {
      name: unit,
      node,
      nodeName: this.#c.nameOf(node),
      local: false,
      kind: offer.kind,
      state: answer?.state ?? 'unreachable',
      server: offer.server,
      era: offer.era,
      tools: offer.tools.length,
      resources: offer.resources.length,
      prompts: offer.prompts.length,
      ...(answer === undefined ? {} : { figures: answer.figures }),
      ...(answer?.work === undefined ? {} : { work: answer.work }),
    }
  }

  #answerOf(unit: Unit): Answer {
    const { calls, errors, inFlight, latencyP50Ms, latencyP99Ms } = unit.stats()
    const measured = this.#c.operations.figuresOf(unit.name)
    return {
      name: unit.name,
      state: unit.state,
      figures: { calls, errors, inFlight, latencyP50Ms, latencyP99Ms },
      ...(measured === undefined
        ? {}
        : { work: unitWorkView(measured, unit, this.#c.bargaining.grantOf(unit.name), systemClock) }),
    }
  }
}
