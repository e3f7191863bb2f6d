import type { GroupId } from '@vsmcp/kernel'
import { GROUP_DEPTH_MAX, GROUPS_DEPARTED_MAX } from '../constants.ts'
import { closeAlertsOf } from './alerts.ts'
import type { Authority } from './authority.ts'
import { depthOf } from './charter.ts'
import type { ChildGroup, GroupPlace } from './docket.ts'
import type { Applied, GroupState } from './group-state.ts'
import { flawOfName, flawOfNumber, hasSay, noSay, unknownGroup } from './groups.ts'
import type { GroupAwait, GroupMove, GroupPlaced } from './group-operation.ts'
import type { GroupEffect } from './group-effect.ts'
import { changed, type Place, refused, refusedBy, refusedVersion, type Refusal, unchanged } from './outcome.ts'
import { flawOfOperator } from './proofs.ts'
import { providersOf, withoutProvider } from './providers.ts'
import { drop, put } from './records.ts'

// A group that moves is decided about in three dockets: the one above that is to be keeps a place (`group:await`), the group itself decides
// that it stands there (`group:move`, which alone counts), and both groups above are told (`group:placed`). Whatever cuts that off, the same
// steps asked for again lead on; until its own word comes the new one does not take it for its own, and the old one lets go by that word.

/** How often a child was moved when it came here. */
function moveOf({ move = 0 }: ChildGroup): number {
  return move
}

/** Keeps a place for a group that is to come. */
export function awaitGroup(state: GroupState, operation: GroupAwait, place: Place): Applied {
  const { id, name, charterDigest, move, author, atMs, asDelegate } = operation
  const before = state.groups.get(id)
  if (before !== undefined && (before.charterDigest !== charterDigest || moveOf(before) > move)) {
    return refused(state, 'group-exists', `there is another group ${id} here, or it came by a later move`)
  }
  if (before !== undefined && !hasSay(state, id, before, author)) return refusedBy(state, noSay(before, author))
  if (before !== undefined && moveOf(before) === move && (before.awaited !== true || before.name === name))
    return unchanged(state)
  const flaw = flawOfComing(state, operation)
  if (flaw !== undefined) return refusedBy(state, flaw)
  // It was here, and its word that it had gone did not come before it returns.
  const { state: free, effects } = before?.awaited === undefined ? without(state, id, operation, place) : { state, effects: [] }
  const group: ChildGroup = {
    name,
    founder: author,
    charterDigest,
    createdAtMs: atMs,
    createdAtIndex: place.index,
    move,
    awaited: true,
  }
  const listed = put(free, 'groups', id, group)
  const member = listed.members.get(author)
  const speaks = asDelegate && member !== undefined && member.delegateOf === undefined
  return changed(speaks ? put(listed, 'members', author, { ...member, delegateOf: id }) : listed, [
    ...effects,
    { type: 'group:awaited', id },
  ])
}

function flawOfComing(state: GroupState, { id, name, move, levels, author }: GroupAwait): Refusal | undefined {
  const { charter, groups, place, removedGroups, departedGroups } = state
  if (id === charter.groupId || place?.lineage.includes(id) === true) {
    return { code: 'group-below-itself', message: `${name} would be below itself: ${charter.path} is, or is below it` }
  }
  if (removedGroups.includes(id)) {
    return { code: 'group-removed', message: `the group ${id} was removed here, and does not come back` }
  }
  const left = departedGroups.find((departed) => departed.id === id)
  if (left !== undefined && left.move >= move) {
    return { code: 'group-removed', message: `the group ${id} has left already, and comes back by a later move only` }
  }
  const depth = depthNow(state) + 1 + levels
  if (depth > GROUP_DEPTH_MAX) {
    return {
      code: 'group-too-deep',
      message: `${name} and what is below it would be ${depth} levels deep, ${GROUP_DEPTH_MAX} are`,
    }
  }
  const known = groups.get(id)
  return (
    (known?.name === name ? undefined : flawOfName(state, name)) ??
    (known === undefined ? flawOfNumber(state, author) : undefined)
  )
}

/** Levels above it: as it was founded, or moved last. */
function depthNow({ charter, place }: Pick<GroupState, 'charter' | 'place'>): number {
  return place === undefined ? depthOf(charter.path) : place.lineage.length
}

/**
 * The group itself stands below another one. An operator signs it, since those above evict and direct; each signature is for one place
 * and one move.
 */
export function moveGroup(state: GroupState, operation: GroupMove, { index }: Place, authority: Authority): Applied {
  const { charter, groups, place } = state
  const { parent, path, former, lineage, move, operator: by, reason, signedAtMs: atMs } = operation
  if (place?.move === move && place.parent === parent) return unchanged(state)
  const flaw = flawOfOperator(charter, operation, authority)
  if (flaw !== undefined) return refused(state, flaw.code, flaw.message)
  if (charter.path === '/') return refused(state, 'group-outermost', 'the outermost group of a mesh stands below nobody')
  const current = place?.move ?? 0
  if (move !== current + 1) return refusedVersion(state, 'the moves of this group', move - 1, current)
  // Of two groups that go below each other at once, the second one is refused here: it keeps a place for the first already.
  const below = lineage.find((above) => above === charter.groupId || groups.has(above))
  if (below !== undefined)
    return refused(state, 'group-below-itself', `${path} is, or is below, ${below}: this group or one below it`)
  if (lineage.at(-1) !== parent) return refused(state, 'operation-invalid', `the groups above do not lead to ${parent}`)
  if (lineage.length + Math.min(1, groups.size) > GROUP_DEPTH_MAX) {
    return refused(state, 'group-too-deep', `${path} and what is below it would be more than ${GROUP_DEPTH_MAX} levels deep`)
  }
  const now: GroupPlace = { parent, move, path, former, lineage, by, reason, atMs, index }
  return changed({ ...state, place: now }, [{ type: 'group:moved', parent }])
}

/** Whether a group that lists a child (or keeps a place for it) is to be told where that stands now. */
export function isPlaceNews(
  here: GroupId,
  { move = 0, awaited }: ChildGroup,
  place: Pick<GroupPlace, 'parent' | 'move'>,
): boolean {
  if (place.parent === here) return awaited === true && place.move === move
  return awaited === true ? place.move >= move : place.move > move
}

/** A child has decided where it stands: here, or no more. An earlier word than what is known changes nothing. */
export function placeGroup(state: GroupState, operation: GroupPlaced, place: Place): Applied {
  const { id, parent, move, author } = operation
  const group = state.groups.get(id)
  if (group === undefined) {
    return state.departedGroups.some((departed) => departed.id === id) ? unchanged(state) : unknownGroup(state, id)
  }
  if (!hasSay(state, id, group, author)) return refusedBy(state, noSay(group, author))
  const isHere = parent === state.charter.groupId
  if (isHere && group.awaited === undefined) return unchanged(state)
  if (!isPlaceNews(state.charter.groupId, group, { parent, move })) {
    return refusedVersion(state, `the moves of ${group.name}`, move, moveOf(group))
  }
  if (isHere) {
    const { awaited: _, ...arrived } = group
    return changed(put(state, 'groups', id, arrived), [{ type: 'group:arrived', id }])
  }
  const { state: rest, effects } = without(state, id, operation, place)
  return changed(rest, [...effects, { type: 'group:departed', id }])
}

/** Without a child that stands elsewhere: nobody runs the unit that it was, and what hurt in it is no pain of this group's any more. */
function without(
  state: GroupState,
  id: string,
  { author, atMs }: Pick<GroupPlaced, 'author' | 'atMs'>,
  place: Place,
): { state: GroupState; effects: readonly GroupEffect[] } {
  const group = state.groups.get(id)
  if (group === undefined) return { state, effects: [] }
  let rest = state
  const effects: GroupEffect[] = []
  const take = (step: { state: GroupState; effects: readonly GroupEffect[] }): void => {
    rest = step.state
    effects.push(...step.effects)
  }
  const claim = group.awaited === true ? undefined : state.units.get(group.name)
  for (const peer of claim === undefined ? [] : providersOf(claim)) take(withoutProvider(rest, group.name, peer))
  if (claim !== undefined)
    take(closeAlertsOf(rest, group.name, { by: author, reason: `${group.name} is in another group now`, atMs }, place))
  const departedGroups = [...state.departedGroups.filter((other) => other.id !== id), { id, move: moveOf(group) }]
  return { state: { ...drop(rest, 'groups', id), departedGroups: departedGroups.slice(-GROUPS_DEPARTED_MAX) }, effects }
}
