import { type Clock, type Logger, type PeerIdString, type Startable, telemetry, type Timer, type UnitName } from '@vsmcp/kernel'
import { type Achievement, type Damper, type Routing, Synergy } from '@vsmcp/vsm'
import type { Catalog } from '../catalog/catalog.ts'
import { SYNERGY_TICK_MS } from '../constants.ts'
import type { Operations } from '../system1/operations.ts'

const weighed = telemetry('vsmcp:system3:synergy')

export interface ProviderWeightsInit {
  /** System 2's say on changes. @default none */
  damp?: Damper
}

export interface ProviderWeightsComponents {
  self: PeerIdString
  catalog: Pick<Catalog, 'units'>
  operations: Pick<Operations, 'figuresOf' | 'reportOf'>
  /** What calls of this node came to. */
  routing: () => Pick<Routing, 'takeCalls' | 'keepOnly'>
  clock: Clock
  logger: Logger
}

/**
 * System 3's synergy at work: of units with several providers it weighs each by what calls of this node came to there, and by what it reports
 * that it could do. Each node weighs for itself, by what it sees; the router draws by it.
 */
export class ProviderWeights implements Startable {
  readonly #c: ProviderWeightsComponents
  readonly #synergy: Synergy
  #timer: Timer | undefined

  constructor({ damp }: ProviderWeightsInit, components: ProviderWeightsComponents) {
    this.#c = components
    this.#synergy = new Synergy(damp === undefined ? {} : { damp })
  }

  async start(): Promise<void> {
    this.#timer = this.#c.clock.every(SYNERGY_TICK_MS, () => this.tick())
  }

  async stop(): Promise<void> {
    this.#timer?.cancel()
  }

  /** From little to 1. */
  weightOf(unit: UnitName, node: PeerIdString): number {
    return this.#synergy.weightOf(unit, node)
  }

  tick(): void {
    const { catalog, clock, routing, logger } = this.#c
    const nowMs = clock.monotonicMs()
    const shared = new Map(
      catalog.units.flatMap(({ unit, callable }) => (callable.length > 1 ? [[unit, callable] as const] : [])),
    )
    const isShared = (unit: UnitName, node: PeerIdString): boolean => shared.get(unit)?.includes(node) === true
    this.#synergy.keepOnly(isShared)
    routing().keepOnly(isShared)
    for (const [unit, nodes] of shared) {
      for (const node of nodes) {
        const calls = routing().takeCalls(unit, node)
        const { capability = null, actuality = null } = this.#achievementOf(unit, node) ?? {}
        this.#synergy.observe(unit, node, { ...calls, capability, actuality }, nowMs)
      }
    }
    for (const { unit, provider, weight } of this.#synergy.tick(nowMs)) {
      logger.debug({ unit, node: provider, weight }, 'a provider is called more, or less')
      if (weighed.hasSubscribers) weighed.publish({ unit, node: provider, weight })
    }
  }

  /** As measured here, or as its host reports it. */
  #achievementOf(unit: UnitName, node: PeerIdString): Pick<Achievement, 'capability' | 'actuality'> | undefined {
    const { self, operations } = this.#c
    return node === self ? operations.figuresOf(unit) : operations.reportOf(unit, node)?.measured
  }
}
