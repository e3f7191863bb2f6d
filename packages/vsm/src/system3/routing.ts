import type { PeerIdString, Random, UnitName } from '@vsmcp/kernel'
import { LATENCY_KNOWN_MS, LATENCY_WEIGHT, LOCAL_WEIGHT_MIN, PASSED_OVER_MS } from './constants.ts'

export interface RoutingComponents {
  self: PeerIdString
  /** Whether the provider is alive, and its unit ready, answering and not draining. */
  isReady: (at: { readonly unit: UnitName; readonly node: PeerIdString }) => boolean
  /** Whether the unit of this node has as much in work as it is granted. */
  isSaturated: (unit: UnitName) => boolean
  /** System 3's say: from little to 1. */
  weightOf: (unit: UnitName, node: PeerIdString) => number
  /** Providers that hold what the unit claims; all of them where it claims nothing. */
  holdersOf: (unit: UnitName, nodes: readonly PeerIdString[]) => readonly PeerIdString[]
  random: Random
}

/** A unit, and the nodes that run it. */
export interface RoutedUnit {
  readonly unit: UnitName
  readonly providers: readonly PeerIdString[]
}

export type ProviderOutcome = 'answered' | 'failed' | 'cancelled'

/** What calls of this node came to at one provider, since they were last asked for. */
export interface ProviderCalls {
  answered: number
  failed: number
  latencyMs: number
}

/** Calls of this node at one provider of a unit that has several. */
interface Load {
  inFlight: number
  /** Of the last ten or so; undefined while none is known. */
  latencyMs: number | undefined
  /** Monotonic. */
  latencyAtMs: number
  passedOverUntilMs: number
  calls: ProviderCalls
}

/**
 * Which provider a call goes to. The own one first, unless it is saturated or does far worse than others; else two are drawn by System 3's
 * weights and the one with less work before it is taken, work being calls of this node in flight times their recent latency (M. Mitzenmacher,
 * "The power of two choices in randomized load balancing", 1996). Who cannot take a call is not drawn; who has just sent one back is
 * passed over for a moment.
 */
export class Routing {
  readonly #c: RoutingComponents
  readonly #loads = new Map<UnitName, Map<PeerIdString, Load>>()

  constructor(components: RoutingComponents) {
    this.#c = components
  }

  /**
   * @param tried providers that have failed this call
   * @param nowMs monotonic, as everywhere here
   * @returns undefined when all were tried. When none is known to take calls it is one that is not: it refuses at once, unless what was
   *   heard of it is out of date
   */
  choose({ unit, providers }: RoutedUnit, tried: ReadonlySet<PeerIdString>, nowMs: number): PeerIdString | undefined {
    const { self, isReady, holdersOf, weightOf, isSaturated } = this.#c
    const left = providers.filter((node) => !tried.has(node))
    const ready = left.filter((node) => isReady({ unit, node }))
    if (ready.length === 0) return left[0]
    const welcome = ready.filter((node) => (this.#loads.get(unit)?.get(node)?.passedOverUntilMs ?? 0) <= nowMs)
    const able = holdersOf(unit, welcome.length > 0 ? welcome : ready)
    if (able.length === 1) return able[0]
    if (able.includes(self) && weightOf(unit, self) >= LOCAL_WEIGHT_MIN && !isSaturated(unit)) return self
    const [one, other] = [this.#draw(unit, able), this.#draw(unit, able)]
    return this.#workBefore(unit, other, able, nowMs) < this.#workBefore(unit, one, able, nowMs) ? other : one
  }

  /** A call is sent. @returns to be called with how it ended */
  began(unit: UnitName, node: PeerIdString, beganMs: number): (outcome: ProviderOutcome, nowMs: number) => void {
    const load = this.#loadOf(unit, node)
    load.inFlight++
    return (outcome, nowMs) => {
      load.inFlight--
      if (outcome === 'cancelled') return
      if (outcome === 'failed') {
        load.calls.failed++
        load.passedOverUntilMs = nowMs + PASSED_OVER_MS
        return
      }
      const latencyMs = nowMs - beganMs
      load.calls.answered++
      load.calls.latencyMs += latencyMs
      const before = this.#latencyOf(load, nowMs) ?? latencyMs
      load.latencyMs = before + LATENCY_WEIGHT * (latencyMs - before)
      load.latencyAtMs = nowMs
    }
  }

  /** What calls came to since this was asked last, and begins to count anew. */
  takeCalls(unit: UnitName, node: PeerIdString): ProviderCalls {
    const load = this.#loadOf(unit, node)
    const { calls } = load
    load.calls = noCalls()
    return calls
  }

  /** Nothing is kept of providers that are gone. */
  keepOnly(isProvider: (unit: UnitName, node: PeerIdString) => boolean): void {
    for (const [unit, ofUnit] of this.#loads) {
      for (const node of ofUnit.keys()) if (!isProvider(unit, node)) ofUnit.delete(node)
      if (ofUnit.size === 0) this.#loads.delete(unit)
    }
  }

  #draw(unit: UnitName, nodes: readonly PeerIdString[]): PeerIdString {
    const { random, weightOf } = this.#c
    const weights = nodes.map((node) => weightOf(unit, node))
    let left = random.next() * weights.reduce((sum, weight) => sum + weight, 0)
    const at = weights.findIndex((weight) => (left -= weight) < 0)
    // Rounding may leave a little over at the end.
    return nodes[at] ?? (nodes.at(-1) as PeerIdString)
  }

  /** Milliseconds of work of this node's calls. Of whom no latency is known it is what the others take on average. */
  #workBefore(unit: UnitName, node: PeerIdString, among: readonly PeerIdString[], nowMs: number): number {
    const ofUnit = this.#loads.get(unit)
    const load = ofUnit?.get(node)
    if (load === undefined || load.inFlight === 0) return 0
    const own = this.#latencyOf(load, nowMs)
    if (own !== undefined) return load.inFlight * own
    const known = among.flatMap((each) => {
      const other = ofUnit?.get(each)
      return (other === undefined ? undefined : this.#latencyOf(other, nowMs)) ?? []
    })
    return load.inFlight * (known.length === 0 ? 1 : known.reduce((sum, each) => sum + each, 0) / known.length)
  }

  #latencyOf({ latencyMs, latencyAtMs }: Load, nowMs: number): number | undefined {
    return nowMs - latencyAtMs <= LATENCY_KNOWN_MS ? latencyMs : undefined
  }

  #loadOf(unit: UnitName, node: PeerIdString): Load {
    const ofUnit = this.#loads.get(unit) ?? new Map<PeerIdString, Load>()
    this.#loads.set(unit, ofUnit)
    const known = ofUnit.get(node)
    if (known !== undefined) return known
    const load: Load = { inFlight: 0, latencyMs: undefined, latencyAtMs: 0, passedOverUntilMs: 0, calls: noCalls() }
    ofUnit.set(node, load)
    return load
  }
}

const noCalls = (): ProviderCalls => ({ answered: 0, failed: 0, latencyMs: 0 })
