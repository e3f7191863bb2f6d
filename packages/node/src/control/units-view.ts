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
import type { Grant, Orders } from '@vsmcp/vsm'
import { pack, unpack } from 'msgpackr'
import { z } from 'zod'
import type { Catalog, Target } from '../catalog/catalog.ts'
import type { CatalogUnit, Provider } from '../catalog/providers.ts'
import { UNIT_QUERY_DEADLINE_MS } from '../constants.ts'
import type { UnitView } from '../system1/contract.ts'
import type { Members } from '../members/members.ts'
import type { LocalUnits } from '../system1/local-units.ts'
import type { Operations } from '../system1/operations.ts'
import type { Readiness } from '../system1/readiness.ts'
import type { Bargaining } from '../system3/bargaining.ts'
import type { ProviderWeights } from '../system3/provider-weights.ts'
import { UNMEASURED, unitWorkView } from './work-view.ts'

const QUERY = 'system1:units'

const DIFFERS = 'offers other definitions than the unit is declared to, and is not called'

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
        directed: z
          .object({
            weight: figure.nullable(),
            concurrency: figure.nullable(),
            quarantined: z.boolean(),
            stopped: z.boolean().default(false),
            proposals: z.array(z.string()).max(16),
          })
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
  readiness: Readiness
  weights: Pick<ProviderWeights, 'weightOf'>
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
  }

  /** One for each provider of each unit. */
  async list(): Promise<UnitView[]> {
    const { catalog, self, units } = this.#c
    const answers = await this.#answers()
    const published = new Set<UnitName>()
    const views = catalog.units.flatMap((entry) =>
      entry.providers.map((provider) => {
        const local = provider.node === self ? units.get(entry.unit) : undefined
        if (local !== undefined) published.add(entry.unit)
        const view =
          local === undefined
            ? this.#remoteView(entry, provider, answers.get(provider.node)?.get(entry.unit))
            : this.#viewOfLocal(local)
        return { ...view, ...this.#asProvider(entry, provider) }
      }),
    )
    const unpublished = units.list().filter(({ name }) => !published.has(name))
    return [...views, ...unpublished.map((unit) => this.#viewOfLocal(unit))].sort((a, b) => (a.name < b.name ? -1 : 1))
  }

  local(name: UnitName): UnitView {
    const unit = this.#c.units.get(name)
    if (unit === undefined) throw new InvalidArgumentError(`no unit ${name} is attached to this node`)
    return this.#viewOfLocal(unit)
  }

  /** Whether a call would find somebody who takes it. */
  isReady({ unit, providers }: Pick<Target, 'unit' | 'providers'>): boolean {
    return providers.some((node) => this.#c.readiness.isReady({ unit, node }))
  }

  readyCount(): number {
    return this.#c.catalog.units.filter(({ unit, callable }) => this.isReady({ unit, providers: callable })).length
  }

  problems(): string[] {
    const { catalog, members, units, readiness, self, nameOf } = this.#c
    const own = units.list().filter(({ state }) => state === 'failed' || state === 'backing-off')
    const all = catalog.units.flatMap(({ unit, providers }) => providers.map((provider) => ({ unit, ...provider })))
    const remote = all.filter((at) => at.node !== self && members.isAlive(at.node) && !readiness.isReady(at))
    return [
      ...own.map(({ name, state, reason }) => `unit ${name} is ${state}${reason === undefined ? '' : `: ${reason}`}`),
      ...remote.map(({ unit, node }) => `unit ${unit} on ${nameOf(node)} is not ready`),
      ...all.filter(({ isAgreed }) => !isAgreed).map(({ unit, node }) => `unit ${unit} on ${nameOf(node)} ${DIFFERS}`),
    ]
  }

  /** What the nodes of units elsewhere say of them. */
  async #answers(): Promise<ReadonlyMap<PeerIdString, ReadonlyMap<UnitName, Answer>>> {
    const { catalog, self, members, control, logger } = this.#c
    const hosts = new Set(catalog.units.flatMap(({ providers }) => providers.map(({ node }) => node)))
    const answers = new Map<PeerIdString, ReadonlyMap<UnitName, Answer>>()
    await Promise.all(
      [...hosts].map(async (node) => {
        if (node === self || !members.isAlive(node)) return
        try {
          const reply = await control.call(node, QUERY, new Uint8Array(), { deadlineMs: UNIT_QUERY_DEADLINE_MS })
          answers.set(node, new Map(answerSchema.parse(unpack(reply)).map((answer) => [answer.name, answer])))
        } catch (error) {
          logger.debug({ node, error: messageOf(error) }, 'a node did not say how its units are')
        }
      }),
    )
    return answers
  }

  /** What concerns it as one of several. */
  #asProvider({ unit, providers }: CatalogUnit, { node, isAgreed }: Provider): Partial<UnitView> {
    if (providers.length < 2) return {}
    if (!isAgreed) return { state: 'differs', reason: `it ${DIFFERS}`, weight: 0 }
    return { weight: this.#c.weights.weightOf(unit, node) }
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

  #remoteView({ unit }: CatalogUnit, { node, offer }: Provider, answer: Answer | undefined): UnitView {
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

  #bargained(unit: UnitName): { granted: Grant | undefined; orders: Orders | undefined } {
    const { bargaining } = this.#c
    return { granted: bargaining.grantOf(unit), orders: bargaining.ordersFor(unit) }
  }

  #answerOf(unit: Unit): Answer {
    const { calls, errors, inFlight, latencyP50Ms, latencyP99Ms } = unit.stats()
    const measured = this.#c.operations.figuresOf(unit.name) ?? UNMEASURED
    return {
      name: unit.name,
      state: unit.state,
      figures: { calls, errors, inFlight, latencyP50Ms, latencyP99Ms },
      work: unitWorkView(measured, unit, this.#bargained(unit.name), systemClock),
    }
  }
}
