import type { PeerIdString, UnitName } from '@vsmcp/kernel'
import { FAILED_AFTER_MS, LAN_RTT_MS, NODE_PLACES, WAN_RTT_MS } from './constants.ts'
import { Processor } from './processor.ts'
import type { Timeline } from './timeline.ts'
import type { SimulatedUnit } from './unit.ts'

/** A machine with its units. */
export class SimulatedNode {
  readonly peer: PeerIdString
  readonly site: number
  readonly processor: Processor
  readonly units = new Map<UnitName, SimulatedUnit>()
  readonly #timeline: Timeline
  #diedAtMs: number | undefined

  constructor(timeline: Timeline, peer: PeerIdString, site: number) {
    this.#timeline = timeline
    this.peer = peer
    this.site = site
    this.processor = new Processor(timeline, NODE_PLACES)
  }

  get isAlive(): boolean {
    return this.#diedAtMs === undefined
  }

  /** Since when the others know that it is gone; undefined while they do not. */
  get failedSinceMs(): number | undefined {
    if (this.#diedAtMs === undefined) return undefined
    const sinceMs = this.#diedAtMs + FAILED_AFTER_MS
    return this.#timeline.nowMs >= sinceMs ? sinceMs : undefined
  }

  /** When whoever asked it hears that nobody answers. */
  get heardGoneMs(): number {
    return (this.#diedAtMs ?? this.#timeline.nowMs) + FAILED_AFTER_MS
  }

  die(): void {
    this.#diedAtMs = this.#timeline.nowMs
    for (const unit of this.units.values()) unit.end()
  }

  comeBack(): void {
    this.#diedAtMs = undefined
    for (const unit of this.units.values()) unit.start()
  }

  /** One way. */
  wayMs(to: SimulatedNode): number {
    return this === to ? 0 : (to.site === this.site ? LAN_RTT_MS : WAN_RTT_MS) / 2
  }
}
