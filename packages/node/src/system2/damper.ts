import { type Random, telemetry, type UnitName } from '@vsmcp/kernel'
import { AllocationDamping, type KeptDamping } from '@vsmcp/vsm'

const changes = telemetry('vsmcp:system2:damping')

/** System 2's say on what System 3 of this node grants; tells when that begins and ends to matter. */
export class NodeDamper {
  readonly #random: Random
  #damping: AllocationDamping

  constructor(random: Random) {
    this.#random = random
    this.#damping = new AllocationDamping(random)
  }

  readonly damp = (unit: UnitName, held: number, wanted: number, nowMs: number): number => {
    const before = this.#damping.state
    const given = this.#damping.damp(unit, held, wanted, nowMs)
    const { gain, oscillations } = this.#damping.state
    if (gain !== before.gain || oscillations !== before.oscillations) changes.publish({ gain, oscillations })
    return given
  }

  /** Begins anew, with what an earlier life knew. */
  begin(kept: KeptDamping | null, agoMs: number, nowMs: number): void {
    this.#damping = new AllocationDamping(this.#random)
    if (kept !== null) this.#damping.restore(kept, agoMs, nowMs)
  }

  snapshot(nowMs: number): KeptDamping {
    return this.#damping.snapshot(nowMs)
  }
}
