import { isoTime } from '@vsmcp/kernel'
import { type GroupDirective, type GroupRecord, ToolFilter } from '@vsmcp/vsm'
import type { GroupToldView, HeldToView } from '../seats/contract.ts'
import type { Judged } from './from-above.ts'

/** A filter that is nearly full tells no number any more, and a full one an infinite one. */
const TOOL_NAMES_MAX = 100_000

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
  followed,
}: GroupRecord): GroupToldView {
  const { calls, errors, windowMs, inFlight, latencyMs, actuality, capability, potentiality } = figures
  return {
    at: isoTime(atMs),
    members,
    groups,
    levels: depth,
    toolNames: Math.round(Math.min(TOOL_NAMES_MAX, ToolFilter.fromText(tools)?.names ?? 0)),
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
    followed,
  }
}

/** What the groups above hold a group to, for people. */
export function heldToView({ directive, refused }: Judged): HeldToView {
  const { id, by, order, reason, untilMs } = directive
  return { id, by, order: sentenceOf(order), reason, until: isoTime(untilMs), refused }
}

function sentenceOf(order: GroupDirective['order']): string {
  if (order.kind === 'never') return `never seek ${order.tools.join(', ')}`
  if (order.kind === 'concurrency') return `no unit has more than ${order.most} calls in work`
  if (order.kind === 'weight') return `no unit weighs more than ${order.most}`
  if (order.kind === 'ceiling') {
    const bounds = [
      ...(order.concurrency === null ? [] : [`${order.concurrency} calls in work`]),
      ...(order.weight === null ? [] : [`a weight of ${order.weight}`]),
    ]
    return `no unit is given more than ${bounds.join(' and ')}`
  }
  if (order.kind === 'target') {
    const owed = [
      ...(order.p99Ms === null ? [] : [`a p99 of ${order.p99Ms} ms`]),
      ...(order.errors === null ? [] : [`${Number((order.errors * 100).toPrecision(3))} % errors`]),
    ]
    return `each unit owes ${owed.join(' and ')} at the most`
  }
  return `${order.units.join(', ')}: ${order.kind === 'stop' ? 'not called' : 'one call at a time'}`
}
