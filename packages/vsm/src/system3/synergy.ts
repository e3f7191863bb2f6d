import type { PeerIdString, UnitName } from '@vsmcp/kernel'
import type { Damper } from './bargain.ts'
import {
  BARGAINERS_MAX,
  HEADROOM,
  LATENCY_PRIOR_CALLS,
  ROUTING_EVIDENCE_HALF_LIFE_MS,
  ROUTING_WEIGHT_MIN,
  ROUTING_WEIGHT_PARTS,
} from './constants.ts'
import { fairShares } from './fair-shares.ts'

/** What calls of this node came to at one provider of a unit since it was told last, and what that provider says of itself. */
export interface ProviderWindow {
  readonly answered: number
  /** Sent and never answered, or refused for want of a place. */
  readonly failed: number
  /** As the caller saw it, summed over those answered. */
  readonly latencyMs: number
  /** Calls per second that it could do, and does, for all its callers; null while nothing is known. */
  readonly capability: number | null
  readonly actuality: number | null
}

/** How much of a unit's calls a provider is to get: 1 for who gets most. */
export interface RoutingWeight {
  readonly unit: UnitName
  readonly provider: PeerIdString
  readonly weight: number
}

export interface SynergyInit {
  /** System 2's say on changes. @default what is wanted is given */
  readonly damp?: Damper
}

/** Counts that fade: half of each is forgotten in `ROUTING_EVIDENCE_HALF_LIFE_MS`. */
interface Evidence {
  answered: number
  failed: number
  latencyMs: number
  capability: number | null
  actuality: number | null
  atMs: number
  weight: number
}

/** Mean age of what is remembered, s: a faded count over this is a rate. */
const MEMORY_S = ROUTING_EVIDENCE_HALF_LIFE_MS / Math.LN2 / 1_000

/**
 * System 3's synergy (Beer: what operations do better together than each for itself): of several that do the same, each is called in
 * proportion to what it was measured to do. One place in work yields `success / latency` good calls per second (Little's law); calls are
 * shared out by that, max-min fair, and none is sent more than a quarter beyond what it could do for this caller. Who gets few is called
 * now and then all the same, and what is known of it fades, so that it gets its share again when it is well.
 */
export class Synergy {
  readonly #damp: Damper
  readonly #units = new Map<UnitName, Map<PeerIdString, Evidence>>()

  constructor({ damp = (_unit, _held, wanted) => wanted }: SynergyInit = {}) {
    this.#damp = damp
  }

  /** @returns whether it is heard; what cannot have been measured is not */
  observe(unit: UnitName, provider: PeerIdString, window: ProviderWindow, nowMs: number): boolean {
    if (!isSane(window)) return false
    const known = this.#units.get(unit)
    if (known === undefined && this.#units.size >= BARGAINERS_MAX) return false
    const ofUnit = known ?? new Map<PeerIdString, Evidence>()
    this.#units.set(unit, ofUnit)
    const before = ofUnit.get(provider)
    const { answered, failed, latencyMs, capability, actuality } = window
    const kept = before === undefined ? 0 : 2 ** (-Math.max(0, nowMs - before.atMs) / ROUTING_EVIDENCE_HALF_LIFE_MS)
    ofUnit.set(provider, {
      answered: kept * (before?.answered ?? 0) + answered,
      failed: kept * (before?.failed ?? 0) + failed,
      latencyMs: kept * (before?.latencyMs ?? 0) + latencyMs,
      capability,
      actuality,
      atMs: nowMs,
      weight: before?.weight ?? 1,
    })
    return true
  }

  /** Nothing is kept of units and providers that are gone. */
  keepOnly(isProvider: (unit: UnitName, provider: PeerIdString) => boolean): void {
    for (const [unit, ofUnit] of this.#units) {
      for (const provider of ofUnit.keys()) if (!isProvider(unit, provider)) ofUnit.delete(provider)
      if (ofUnit.size === 0) this.#units.delete(unit)
    }
  }

  /** Weighs anew. @returns the weights that are others now */
  tick(nowMs: number): readonly RoutingWeight[] {
    const changes: RoutingWeight[] = []
    for (const [unit, ofUnit] of this.#units) {
      const providers = [...ofUnit]
      const wanted = weightsOf(providers.map(([, evidence]) => evidence))
      for (const [at, [provider, evidence]] of providers.entries()) {
        // Damping is made for whole amounts: a weight is told in parts.
        const [held, parts] = [evidence.weight, wanted[at] ?? 1].map((weight) => weight * ROUTING_WEIGHT_PARTS) as [
          number,
          number,
        ]
        const damped = this.#damp(`${unit} ${provider}`, held, parts, nowMs) / ROUTING_WEIGHT_PARTS
        const weight = Math.min(1, Math.max(ROUTING_WEIGHT_MIN, damped))
        if (weight === evidence.weight) continue
        evidence.weight = weight
        changes.push({ unit, provider, weight })
      }
    }
    return changes
  }

  /** From `ROUTING_WEIGHT_MIN` to 1; 1 for whom nothing is known of. */
  weightOf(unit: UnitName, provider: PeerIdString): number {
    return this.#units.get(unit)?.get(provider)?.weight ?? 1
  }
}

function weightsOf(all: readonly Evidence[]): number[] {
  const answered = sum(all.map((each) => each.answered))
  const failed = sum(all.map((each) => each.failed))
  if (answered + failed < 1) return all.map(() => 1)
  // Whom little is known of counts as the others do, until more is.
  const usualMs = answered === 0 ? 1 : Math.max(sum(all.map((each) => each.latencyMs)) / answered, Number.EPSILON)
  const goodput = all.map((each) => {
    const latencyMs = (each.latencyMs + LATENCY_PRIOR_CALLS * usualMs) / (each.answered + LATENCY_PRIOR_CALLS)
    const success = (each.answered + 1) / (each.answered + each.failed + 1)
    return success / Math.max(latencyMs, Number.EPSILON)
  })
  const rates = all.map((each) => (each.answered + each.failed) / MEMORY_S)
  const claimants = all.map((each, at) => ({ weight: goodput[at] ?? 1, demand: spareOf(each, rates[at] ?? 0) }))
  const total = sum(rates)
  const shares = fairShares(total, claimants)
  // More than all of them could do: what is over weighs on each as it works.
  const over = Math.max(0, total - sum(shares))
  const goodputs = sum(goodput)
  const borne = shares.map((share, at) => share + (over * (goodput[at] ?? 0)) / goodputs)
  const most = Math.max(...borne)
  return borne.map((share) => Math.max(ROUTING_WEIGHT_MIN, most > 0 ? share / most : 1))
}

/** Calls per second that it could do for this caller, as far as is known, and a little more: else nobody could be seen to do more. */
function spareOf({ capability, actuality }: Evidence, ownRate: number): number {
  if (capability === null) return Infinity
  const others = Math.max(0, (actuality ?? 0) - ownRate)
  return Math.max(0, capability * HEADROOM - others)
}

const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0)

function isSane({ answered, failed, latencyMs, capability, actuality }: ProviderWindow): boolean {
  return [answered, failed, latencyMs, capability ?? 0, actuality ?? 0].every((value) => Number.isFinite(value) && value >= 0)
}
