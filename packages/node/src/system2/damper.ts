import { type Random, telemetry } from '@vsmcp/kernel'
import { AllocationDamping, type Damper } from '@vsmcp/vsm'

const changes = telemetry('vsmcp:system2:damping')

/** System 2's say on what System 3 of this node grants; tells when that begins and ends to matter. */
export function damperOf(random: Random): Damper {
  const damping = new AllocationDamping(random)
  return (unit, held, wanted, nowMs) => {
    const before = damping.state
    const given = damping.damp(unit, held, wanted, nowMs)
    const { gain, oscillations } = damping.state
    if (gain !== before.gain || oscillations !== before.oscillations) changes.publish({ gain, oscillations })
    return given
  }
}
