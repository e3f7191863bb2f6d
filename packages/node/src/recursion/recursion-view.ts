import type { GroupState } from '@vsmcp/consensus'
import { isoTime } from '@vsmcp/kernel'
import { type GroupRecord, type GroupRecursion, pathUnder } from '@vsmcp/vsm'
import { workView } from '../control/work-view.ts'
import type { BelowView, GroupView, RecursionView } from '../seats/contract.ts'

/** Groups below that are told of: those with open alerts first, then those that do most. */
export const BELOW_SHOWN = 8

/** What is next to a group, above and below, as this node has heard of it. */
export function recursionView(
  { path, parent }: Pick<GroupView, 'path' | 'parent'>,
  { groups }: Pick<GroupState, 'groups'>,
  recursion: Pick<GroupRecursion, 'parent' | 'child'>,
): RecursionView {
  const below = groups
    .entries()
    .map(([id, { name, awaited }]) => belowOf(id, pathUnder(path, name), awaited === true, recursion.child(id)))
    .toSorted((a, b) => weightOf(b) - weightOf(a) || (a.path < b.path ? -1 : 1))
  return {
    above: parent === null ? null : { ...parent, heard: recursion.parent === undefined ? null : isoTime(recursion.parent.atMs) },
    below: below.slice(0, BELOW_SHOWN),
    belowMore: Math.max(0, below.length - BELOW_SHOWN),
  }
}

function belowOf(id: string, path: string, awaited: boolean, record: GroupRecord | undefined): BelowView {
  if (record === undefined) return { id, path, awaited, told: null }
  const { atMs, members, groups, depth, alertsOpen, figures } = record
  return { id, path, awaited, told: { at: isoTime(atMs), members, groups, levels: depth, alertsOpen, ...workView(figures) } }
}

/** Alerts count before any rate. */
function weightOf({ told }: BelowView): number {
  return told === null ? -1 : told.alertsOpen * 1e12 + told.actuality
}
