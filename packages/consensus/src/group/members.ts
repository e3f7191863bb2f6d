import { isVoter } from '../raft/configuration.ts'
import type { Member } from './docket.ts'
import type { Applied, GroupState } from './group-state.ts'
import type { GroupEffect, MemberDescribe, MemberRemove } from './operation.ts'
import { changed, refused, unchanged } from './outcome.ts'
import { drop, put } from './records.ts'
import { releaseUnit } from './units.ts'

/** A member leaves, by itself or, on its behalf, by a voter. Its units and their names become free. */
export function removeMember(state: GroupState, { peer, author }: MemberRemove): Applied {
  if (!state.members.has(peer)) return unchanged(state)
  if (author !== peer && !isVoter(state.configuration, author)) {
    return refused(state, 'not-yours', `${author} is no voter, so it can take out only itself, not ${peer}`)
  }
  if (isVoter(state.configuration, peer)) {
    return refused(state, 'still-votes', `${peer} still votes: change the voters first, then remove it`)
  }
  let rest = state
  const effects: GroupEffect[] = []
  for (const [unit, claim] of state.units.entries()) {
    if (claim.peer !== peer) continue
    const released = releaseUnit(rest, unit)
    rest = released.state
    effects.push(...released.effects)
  }
  return changed(drop(rest, 'members', peer), [...effects, { type: 'member:left', peer }])
}

export function describeMember(state: GroupState, { peer, author, name, addresses }: MemberDescribe): Applied {
  const member = state.members.get(peer)
  if (member === undefined) return refused(state, 'member-unknown', `${peer} is no member of the group`)
  if (author !== peer) return refused(state, 'not-yours', `${author} cannot describe ${peer}`)
  const described: Member = { ...member, name: name ?? member.name, addresses: addresses ?? member.addresses }
  if (described.name === member.name && described.addresses.join('\n') === member.addresses.join('\n')) {
    return unchanged(state, member)
  }
  return changed(put(state, 'members', peer, described), [{ type: 'member:described', peer }], described)
}
