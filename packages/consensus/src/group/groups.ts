import type { GroupId, PeerIdString } from '@vsmcp/kernel'
import {
  DELEGATE_ABSENCE_MS,
  DELEGATES_WANTED,
  GROUP_DEPTH_MAX,
  GROUPS_LEVEL,
  GROUPS_MAX,
  GROUPS_PER_FOUNDER_MAX,
  GROUPS_REMOVED_MAX,
} from '../constants.ts'
import { byCodeUnit } from '../json/json.ts'
import { isVoter } from '../raft/configuration.ts'
import { depthOf } from './charter.ts'
import type { ChildGroup, Member } from './docket.ts'
import type { Applied, GroupState } from './group-state.ts'
import type { GroupCreate, GroupRemove, GroupRename } from './group-operation.ts'
import { changed, type Place, refused, type Refusal, refusedBy, unchanged } from './outcome.ts'
import { drop, put } from './records.ts'

/**
 * Who speaks for a child group here: members that joined as its delegates, and its founder, as long as it is a member and they are
 * fewer than `DELEGATES_WANTED`. Sorted.
 */
export function delegatesOf({ groups, members }: Pick<GroupState, 'groups' | 'members'>, id: GroupId): readonly PeerIdString[] {
  const founder = groups.get(id)?.founder
  const delegates = joinedFor(members, id)
  const isEarly = founder !== undefined && delegates.length < DELEGATES_WANTED && members.has(founder)
  return isEarly && !delegates.includes(founder) ? [...delegates, founder].sort(byCodeUnit) : delegates
}

/** Members that joined as delegates of this group. */
function joinedFor(members: GroupState['members'], id: GroupId): readonly PeerIdString[] {
  return members.entries().flatMap(([peer, { delegateOf }]) => (delegateOf === id ? [peer] : []))
}

/**
 * How long a member may be away before it is forgotten, milliseconds: an ephemeral one as its invitation says, a delegate that others stand in for,
 * or whose group was moved away, `DELEGATE_ABSENCE_MS`. @returns undefined for who is never forgotten
 */
export function mayBeAwayMs(
  state: Pick<GroupState, 'charter' | 'groups' | 'members'>,
  { ephemeral, absenceMs, delegateOf }: Pick<Member, 'ephemeral' | 'absenceMs' | 'delegateOf'>,
): number | undefined {
  if (ephemeral === true) return absenceMs
  if (!knowsGroups(state) || delegateOf === undefined) return undefined
  // Its group is none of those here any more: it would have left by itself.
  if (!state.groups.has(delegateOf)) return DELEGATE_ABSENCE_MS
  return joinedFor(state.members, delegateOf).length > DELEGATES_WANTED ? DELEGATE_ABSENCE_MS : undefined
}

/** Id and record of the child group of this name. */
export function groupNamed({ groups }: Pick<GroupState, 'groups'>, name: string): readonly [GroupId, ChildGroup] | undefined {
  return groups.entries().find(([, group]) => group.name === name)
}

/** Whether the docket lists just this group: what voters sign the grant of, and nothing else. */
export function listsGroup(
  { groups }: Pick<GroupState, 'groups'>,
  id: GroupId,
  { name, founder, charterDigest }: Pick<ChildGroup, 'name' | 'founder' | 'charterDigest'>,
): boolean {
  const listed = groups.get(id)
  return listed?.charterDigest === charterDigest && listed.founder === founder && listed.name === name
}

/** Whether the group's level is one at which delegates mean something: below it the field is one that nobody knows. */
export function knowsGroups({ charter }: Pick<GroupState, 'charter'>): boolean {
  return charter.featureLevel >= GROUPS_LEVEL
}

/**
 * A member founds a group below this one. What it asks for is the place in the docket; the voters sign its first charter only for what
 * is there (`security`: `groupToGrant`). An id is never used for two, nor again.
 */
export function createGroup(state: GroupState, operation: GroupCreate, { index }: Place): Applied {
  const { id, name, charterDigest, author: founder, atMs } = operation
  const existing = state.groups.get(id)
  if (existing !== undefined) {
    const isSame = existing.founder === founder && existing.charterDigest === charterDigest
    // Asked again, for instance because the first answer got lost; it may have another name by now.
    return isSame ? unchanged(state) : refused(state, 'group-exists', `there is another group ${id}`)
  }
  if (id === state.charter.groupId) return refused(state, 'group-exists', `${id} is this group itself`)
  if (state.removedGroups.includes(id)) {
    return refused(state, 'group-removed', `the group ${id} was removed, and does not come back: found another`)
  }
  if (state.departedGroups.some((departed) => departed.id === id)) {
    return refused(state, 'group-removed', `the group ${id} was moved away: it comes back by a move only`)
  }
  // Its first charter says the path of its founding, which is below that of this group's.
  if (Math.max(depthOf(state.charter.path), state.place?.lineage.length ?? 0) >= GROUP_DEPTH_MAX) {
    return refused(state, 'group-too-deep', `${state.charter.path} is ${GROUP_DEPTH_MAX} levels deep, as deep as groups go`)
  }
  const flaw = flawOfName(state, name) ?? flawOfNumber(state, founder)
  if (flaw !== undefined) return refusedBy(state, flaw)
  const group: ChildGroup = { name, founder, charterDigest, createdAtMs: atMs, createdAtIndex: index }
  return changed(put(state, 'groups', id, group), [{ type: 'group:created', id }])
}

/** Whether there is room for one more by this member. */
export function flawOfNumber({ groups }: Pick<GroupState, 'groups'>, author: PeerIdString): Refusal | undefined {
  const code = 'groups-full'
  if (groups.size >= GROUPS_MAX) {
    return { code, message: `there are ${GROUPS_MAX} groups below this one, the most there may be: make one below them` }
  }
  const own = groups.entries().filter(([, { founder }]) => founder === author).length
  if (own < GROUPS_PER_FOUNDER_MAX) return undefined
  return { code, message: `${author} founded ${own} of the groups below this one: others found more` }
}

/** Its path changes, and those of all below it; ids and charters stay. */
export function renameGroup(state: GroupState, { id, name, author }: GroupRename): Applied {
  const group = state.groups.get(id)
  if (group === undefined) return unknownGroup(state, id)
  if (!hasSay(state, id, group, author)) return refusedBy(state, noSay(group, author))
  if (group.name === name) return unchanged(state)
  const taken = flawOfName(state, name)
  if (taken !== undefined) return refusedBy(state, taken)
  return changed(put(state, 'groups', id, { ...group, name }), [{ type: 'group:renamed', id }])
}

/** It is none of this group's any more. Whoever lives in it goes on, under its own charter, and nobody here speaks for it. */
export function removeGroup(state: GroupState, { id, author }: GroupRemove): Applied {
  const group = state.groups.get(id)
  if (group === undefined) return state.removedGroups.includes(id) ? unchanged(state) : unknownGroup(state, id)
  if (!hasSay(state, id, group, author)) return refusedBy(state, noSay(group, author))
  // It is not here yet: whoever was let in on its behalf leaves again, and it may still come.
  if (group.awaited === true) return changed(drop(state, 'groups', id), [{ type: 'group:removed', id }])
  // What only its founder speaks for yet it may take back itself.
  const delegate = delegatesOf(state, id).find((peer) => peer !== author || state.members.get(peer)?.delegateOf === id)
  if (delegate !== undefined) {
    const { name = '' } = state.members.get(delegate) ?? {}
    const message = `${name} (${delegate}) speaks for ${group.name}: its delegates leave this group first`
    return refused(state, 'group-has-delegates', message, delegate)
  }
  const removedGroups = [...state.removedGroups, id].slice(-GROUPS_REMOVED_MAX)
  return changed({ ...drop(state, 'groups', id), removedGroups }, [{ type: 'group:removed', id }])
}

/** A unit of the group is called by its name, so no two units have one. */
export function flawOfName(state: GroupState, name: string): Refusal | undefined {
  const code = 'group-name-taken'
  const unit = state.units.get(name)
  if (unit !== undefined) return { code, message: `${name} is a unit here, that of ${unit.peer}`, holder: unit.peer }
  const other = groupNamed(state, name)
  return other === undefined ? undefined : { code, message: `there is a group ${name} here already`, holder: other[0] }
}

/** Why nobody becomes a delegate so: of a group that is not there, or by the word (`author`, when it counts) of somebody who has no say in it. */
export function flawOfDelegate(state: GroupState, delegateOf: unknown, author?: PeerIdString): Refusal | undefined {
  // Below that level the field is one of a later version: carried along as it came, as nodes of earlier versions do.
  if (!knowsGroups(state) || delegateOf === undefined) return undefined
  const id = typeof delegateOf === 'string' ? delegateOf : ''
  const group = state.groups.get(id)
  if (group === undefined)
    return { code: 'group-unknown', message: `the group to be a delegate of is not below this one (any more)` }
  return author === undefined || hasSay(state, id, group, author) ? undefined : noSay(group, author)
}

/** Those who speak for it here, or spoke for it first, and the voters. */
export function hasSay(
  { members, configuration }: GroupState,
  id: GroupId,
  { founder }: ChildGroup,
  author: PeerIdString,
): boolean {
  return author === founder || members.get(author)?.delegateOf === id || isVoter(configuration, author)
}

export function noSay({ name, founder }: ChildGroup, author: PeerIdString): Refusal {
  const message = `${author} is neither founder nor delegate of ${name}, and no voter of this group: ask on one of those`
  return { code: 'not-yours', message, holder: founder }
}

export function unknownGroup(state: GroupState, id: GroupId): Applied {
  return refused(state, 'group-unknown', `there is no group ${id} below this one`)
}
