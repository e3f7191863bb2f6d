import type { PeerIdString } from '@vsmcp/kernel'
import { AUTHORITY_LEVEL } from '../constants.ts'
import { isVoter } from '../raft/configuration.ts'
import type { Authority } from './authority.ts'
import { withoutClaimant } from './claims.ts'
import type { Member } from './docket.ts'
import type { Applied, GroupState } from './group-state.ts'
import type { GroupEffect } from './group-effect.ts'
import type { MemberDescribe, MemberRemove } from './operation.ts'
import { changed, type Place, refused, unchanged } from './outcome.ts'
import { type Flaw, flawOfEndorsements, flawOfPeer } from './proofs.ts'
import { providersOf, withoutProvider } from './providers.ts'
import { drop, put } from './records.ts'

/** A member leaves, by its own signature, or because a majority of the voters says so. Its units and their names become free. */
export function removeMember(state: GroupState, operation: MemberRemove, place: Place, authority: Authority): Applied {
  const { peer, author } = operation
  const member = state.members.get(peer)
  if (member === undefined) return unchanged(state)
  if (state.charter.featureLevel < AUTHORITY_LEVEL) {
    if (author !== peer && !isVoter(state.configuration, author)) {
      return refused(state, 'not-yours', `${author} is no voter, so it can take out only itself, not ${peer}`)
    }
  } else {
    const flaw = flawOfRemoval(state, operation, member, authority)
    if (flaw !== undefined) return refused(state, flaw.code, flaw.message)
  }
  if (isVoter(state.configuration, peer)) {
    return refused(state, 'still-votes', `${peer} still votes: change the voters first, then remove it`)
  }
  const { state: rest, effects } = withoutMember(state, peer, place)
  return changed(rest, effects)
}

function flawOfRemoval(
  state: GroupState,
  operation: MemberRemove,
  { joinedAtIndex }: Member,
  authority: Authority,
): Flaw | { code: 'membership-differs'; message: string } | undefined {
  const { peer, signature, endorsements } = operation
  if (operation.joinedAtIndex !== joinedAtIndex) {
    return { code: 'membership-differs', message: `${peer} joined by entry ${joinedAtIndex}, and this is about another time` }
  }
  if (signature !== undefined) return flawOfPeer(state.charter, { ...operation, signature }, peer, authority)
  return flawOfEndorsements(state, { ...operation, endorsements: endorsements ?? [] }, authority)
}

/** Takes a member off the list, frees its units and recalls what they claim. A peer that is no member leaves the state as it is. */
export function withoutMember(
  state: GroupState,
  peer: PeerIdString,
  place: Place,
): { state: GroupState; effects: readonly GroupEffect[] } {
  if (!state.members.has(peer)) return { state, effects: [] }
  const unclaimed = withoutClaimant(state, peer, place)
  let rest = unclaimed.state
  const effects: GroupEffect[] = [...unclaimed.effects]
  for (const [unit, claim] of state.units.entries()) {
    if (!providersOf(claim).includes(peer)) continue
    const released = withoutProvider(rest, unit, peer)
    rest = released.state
    effects.push(...released.effects)
  }
  return { state: drop(rest, 'members', peer), effects: [...effects, { type: 'member:left', peer }] }
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
