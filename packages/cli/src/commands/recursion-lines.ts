import type { BelowView, RecursionView } from '@vsmcp/node'
import { count, formatAgo, formatRate, formatShare } from '../terminal/format.ts'
import { printableLine } from '../terminal/printable.ts'

/** The group above in a line; none for the root. */
export function aboveOf({ above }: RecursionView, now: number): string[] {
  if (above === null) return []
  const { path, reached, since, heard } = above
  const reach = reached ? 'reached' : `not reached since ${formatAgo(since, now)}`
  return [`${printableLine(path)}, ${reach}, ${heard === null ? 'not heard of late' : `heard ${formatAgo(heard, now)}`}`]
}

/** A line for each group below that is told of, and one for all others. */
export function belowOf({ below, belowMore }: RecursionView, now: number): string[] {
  const more = belowMore === 0 ? [] : [`… and ${belowMore} more: "vsmcp group ls"`]
  return [...below.map((each) => lineOf(each, now)), ...more]
}

/** `/eu/plant-7: 12 nodes, 1 level below, 3.10/s of 9.00/s, 2 alerts, performance 17 %; heard 3 s ago` */
function lineOf({ path, awaited, told }: BelowView, now: number): string {
  const name = printableLine(path)
  if (awaited) return `${name}: a place is kept for it, it has not come yet`
  if (told === null) return `${name}: not heard of late`
  const { at, members, levels, alertsOpen, actuality, capability, performance } = told
  const parts = [
    count(members, 'node'),
    ...(levels === 0 ? [] : [`${count(levels, 'level')} below`]),
    capability === null ? formatRate(actuality) : `${formatRate(actuality)} of ${formatRate(capability)}`,
    ...(alertsOpen === 0 ? [] : [count(alertsOpen, 'alert')]),
  ]
  const index = performance === null ? '' : `, performance ${formatShare(performance)}`
  return `${name}: ${parts.join(', ')}${index}; heard ${formatAgo(at, now)}`
}
