import { isoTime } from '@vsmcp/kernel'
import { type GroupRecord, ToolFilter } from '@vsmcp/vsm'
import type { GroupToldView } from '../seats/contract.ts'

/** What a group says of itself and all below it, for people. */
export function toldView({
  atMs,
  members,
  groups,
  depth,
  figures,
  variety,
  alerts,
  alertsOpen,
  tools,
}: GroupRecord): GroupToldView {
  const { calls, errors, windowMs, inFlight, latencyMs, actuality, capability, potentiality } = figures
  return {
    at: isoTime(atMs),
    members,
    groups,
    levels: depth,
    toolNames: Math.round(ToolFilter.fromText(tools)?.names ?? 0),
    callsPerS: (calls * 1_000) / windowMs,
    errorShare: calls === 0 ? null : errors / calls,
    inFlight,
    latencyMs,
    actuality,
    capability,
    potentiality,
    demandBits: variety.demandBits,
    outcomeBits: variety.outcomeBits,
    residualBits: variety.residualBits,
    alertsOpen,
    alerts: alerts.map(({ id, severity, subject, group, onsetMs, isAcknowledged }) => ({
      id,
      severity,
      subject,
      group,
      onset: isoTime(onsetMs),
      acknowledged: isAcknowledged,
    })),
  }
}
