import { type PeerIdString, seededRandom, type UnitName } from '@vsmcp/kernel'
import { type Damper, Routing, Synergy } from '@vsmcp/vsm'
import type { SimulatedNode } from './node.ts'
import type { Timeline } from './timeline.ts'
import type { Call, Outcome, SimulatedUnit } from './unit.ts'

/** One node that runs a unit. */
export interface Provider {
  readonly node: SimulatedNode
  readonly unit: SimulatedUnit
}

/** How a request to a unit of another node ended, for who audits. */
export type EndedListener = (at: Provider, outcome: 'answered' | 'refused' | 'lost', latencyMs: number) => void

/** Who runs what. */
export interface Catalog {
  providersOf(unit: UnitName): readonly Provider[]
}

export interface RouterInit {
  readonly self: SimulatedNode
  readonly catalog: Catalog
  /** What a provider reported last: calls per second it could do, and does. */
  readonly reported: (
    unit: UnitName,
    node: PeerIdString,
  ) => { readonly capability: number | null; readonly actuality: number | null } | undefined
  /** System 3 weighs providers by what was measured; else all weigh the same. */
  readonly hasSynergy: boolean
  readonly damp: Damper | undefined
  readonly seed: number
  readonly onEnded: EndedListener
}

/** Brings the calls of one node's clients to a provider as `@vsmcp/node` does; to another when the first did not take it, or was lost. */
export class Router {
  readonly #timeline: Timeline
  readonly #init: RouterInit
  readonly #synergy: Synergy
  readonly #routing: Routing
  readonly #called = new Set<UnitName>()

  constructor(timeline: Timeline, init: RouterInit) {
    this.#timeline = timeline
    this.#init = init
    const { self, catalog, hasSynergy, damp, seed } = init
    const providerAt = (unit: UnitName, peer: PeerIdString): Provider | undefined =>
      catalog.providersOf(unit).find(({ node }) => node.peer === peer)
    this.#synergy = new Synergy(damp === undefined ? {} : { damp })
    this.#routing = new Routing({
      self: self.peer,
      isReady: ({ unit, node }) => {
        const provider = providerAt(unit, node)
        return (
          provider !== undefined && provider.node.failedSinceMs === undefined && (provider.unit.isUp || !provider.node.isAlive)
        )
      },
      isSaturated: (unit) => {
        const own = self.units.get(unit)
        return own !== undefined && own.inFlight >= own.limit
      },
      weightOf: (unit, peer) => (hasSynergy ? this.#synergy.weightOf(unit, peer) : 1),
      holdersOf: (_unit, nodes) => nodes,
      random: seededRandom(seed),
    })
  }

  request(unit: UnitName, call: Call): void {
    this.#attempt(unit, call, new Set(), 0)
  }

  /** To this very provider. */
  send({ node, unit }: Provider, call: Call): void {
    const { self, onEnded } = this.#init
    const sentMs = this.#timeline.nowMs
    const ended = (outcome: Outcome, workedMs: number): void => {
      if (node !== self) {
        const seen = outcome === 'served' ? 'answered' : outcome === 'failed' ? 'refused' : 'lost'
        onEnded({ node, unit }, seen, this.#timeline.nowMs - sentMs)
      }
      call.onEnd(outcome, workedMs)
    }
    if (node.isAlive) return unit.offer({ ...call, beganMs: sentMs, onEnd: ended })
    // Nobody knows yet that it is gone: heard when its connection is given up, or the caller does.
    this.#timeline.at(Math.min(call.deadlineMs, node.heardGoneMs), () => ended('lost', 0))
  }

  /** Weighs anew by what was seen since the last time. */
  weigh(): void {
    const { hasSynergy, catalog, reported } = this.#init
    if (!hasSynergy) return
    const { nowMs } = this.#timeline
    const isProvider = (unit: UnitName, peer: PeerIdString): boolean => {
      const providers = catalog.providersOf(unit)
      return providers.length > 1 && providers.some(({ node }) => node.peer === peer)
    }
    this.#synergy.keepOnly(isProvider)
    for (const unit of this.#called) {
      for (const { node } of catalog.providersOf(unit)) {
        if (!isProvider(unit, node.peer)) continue
        const { capability = null, actuality = null } = reported(unit, node.peer) ?? {}
        const calls = this.#routing.takeCalls(unit, node.peer)
        this.#synergy.observe(unit, node.peer, { ...calls, capability, actuality }, nowMs)
      }
    }
    this.#synergy.tick(nowMs)
  }

  #attempt(unit: UnitName, call: Call, tried: Set<PeerIdString>, workedBeforeMs: number): void {
    const providers = this.#init.catalog.providersOf(unit)
    const { nowMs } = this.#timeline
    this.#called.add(unit)
    const peer = this.#routing.choose({ unit, providers: providers.map(({ node }) => node.peer) }, tried, nowMs)
    const provider = providers.find(({ node }) => node.peer === peer)
    if (peer === undefined || provider === undefined) return call.onEnd('refused', workedBeforeMs)
    tried.add(peer)
    const ended = this.#routing.began(unit, peer, nowMs)
    const onEnd = (outcome: Outcome, workedMs: number): void => {
      const endedMs = this.#timeline.nowMs
      // An answer with an error is one, too.
      ended(outcome === 'served' || outcome === 'failed' ? 'answered' : 'failed', endedMs)
      const isToBeTried =
        (outcome === 'refused' || outcome === 'lost') && endedMs < call.deadlineMs && tried.size < providers.length
      if (isToBeTried) this.#attempt(unit, call, tried, workedBeforeMs + workedMs)
      else call.onEnd(outcome, workedBeforeMs + workedMs)
    }
    this.send(provider, { ...call, onEnd })
  }
}
