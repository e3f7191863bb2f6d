import type { GroupId } from '@vsmcp/kernel'
import { ROUTE_CHILDREN_MAX, ROUTE_GROUPS_MAX } from './constants.ts'

/** Where a question came from: a member of this group, one of its children, or its parent. */
export type Asker = { readonly from: 'here' | 'parent' } | { readonly from: 'child'; readonly group: GroupId }

export interface Question {
  readonly tool: string
  readonly asker: Asker
  /** Groups that have it, or had it and passed it on, in order. Travels along. */
  readonly visited: readonly GroupId[]
}

/** What a group knows of itself and of those around it. */
export interface Surroundings {
  readonly group: GroupId
  readonly parent: GroupId | undefined
  /** Whether this group itself lists the tool. */
  readonly lists: boolean
  /** Children whose records hold, and whether their filters say that they may have it; the most likely first. */
  readonly children: readonly { readonly group: GroupId; readonly mayHave: boolean }[]
}

export type Step =
  | { readonly to: 'here' }
  | { readonly to: 'child'; readonly group: GroupId }
  | { readonly to: 'parent'; readonly group: GroupId }

export interface Route {
  /** To be tried one after another until one has it. None: nobody has it that this group may ask. */
  readonly steps: readonly Step[]
  /** What goes along with the question. */
  readonly visited: readonly GroupId[]
}

/**
 * Where a call for a tool goes that the caller knows by name only. Here, if it is listed here; else to the children that may have it; else up,
 * unless it came from there. So a question climbs no further than needed and comes down along filters; no group sees it twice, and a filter
 * that says yes wrongly costs one question more.
 */
export function routeOf({ asker, visited }: Question, { group, parent, lists, children }: Surroundings): Route {
  if (visited.includes(group) || visited.length >= ROUTE_GROUPS_MAX) return { steps: [], visited }
  const steps: Step[] = lists ? [{ to: 'here' }] : []
  const isNew = (other: GroupId): boolean => !visited.includes(other) && !(asker.from === 'child' && asker.group === other)
  const likely = children.filter((child) => child.mayHave && isNew(child.group))
  for (const child of likely.slice(0, ROUTE_CHILDREN_MAX)) steps.push({ to: 'child', group: child.group })
  if (parent !== undefined && asker.from !== 'parent' && isNew(parent)) steps.push({ to: 'parent', group: parent })
  return { steps, visited: [...visited, group] }
}
