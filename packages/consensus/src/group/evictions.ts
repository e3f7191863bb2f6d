import type { PeerIdString } from '@vsmcp/kernel'
import { CHARTER_ITEMS_MAX } from '../constants.ts'
import { isVoter } from '../raft/configuration.ts'
import type { Authority } from './authority.ts'
import { charterChanged } from './charter-change.ts'
import type { Revoked } from './charter.ts'
import type { Applied, GroupState } from './group-state.ts'
import { mayBeAwayMs } from './groups.ts'
import { withoutMember } from './members.ts'
import type { FeatureRaise, MemberEvict, MemberForget, RevocationExpire } from './operation.ts'
import { changed, type Place, refused, unchanged } from './outcome.ts'
import { flawOfEndorsements, flawOfOperator } from './proofs.ts'

export function isRevoked({ charter }: GroupState, peer: PeerIdString): boolean {
  return charter.revocations.some((revoked) => revoked.peer === peer)
}

/** Revokes what a peer shows, and takes it off the list. The voters are changed first, so that no vote is left without a node. */
export function evictMember(state: GroupState, operation: MemberEvict, place: Place, authority: Authority): Applied {
  const { charter } = state
  const { peer, joinedAtIndex, untilMs, operator: by, reason, signedAtMs: atMs } = operation
  const known = charter.revocations.find((revoked) => revoked.peer === peer)
  const member = state.members.get(peer)
  if (member === undefined && known !== undefined && known.untilMs >= untilMs) return unchanged(state)
  const flaw = flawOfOperator(charter, operation, authority)
  if (flaw !== undefined) return refused(state, flaw.code, flaw.message)
  if (isVoter(state.configuration, peer)) {
    return refused(state, 'still-votes', `${peer} still votes: take it out of the voters first, then evict it`)
  }
  if (member === undefined && joinedAtIndex !== 0) {
    return refused(state, 'member-unknown', `${peer} is no member of the group`)
  }
  if (member !== undefined && member.joinedAtIndex !== joinedAtIndex) {
    return refused(state, 'membership-differs', `${peer} joined by entry ${member.joinedAtIndex}, not ${joinedAtIndex}`)
  }
  const others = charter.revocations.filter((revoked) => revoked.peer !== peer)
  if (others.length >= CHARTER_ITEMS_MAX) {
    return refused(state, 'revocations-full', `the charter keeps ${CHARTER_ITEMS_MAX} revocations; wait until some have ended`)
  }
  const revoked: Revoked = { peer, untilMs, index: place.index, by, reason, atMs }
  const { state: rest, effects } = withoutMember(state, peer, place)
  const applied = charterChanged(rest, { ...charter, revocations: [...others, revoked] }, place, authority, [
    ...effects,
    { type: 'member:evicted', peer },
  ])
  return applied.result.ok ? applied : { ...applied, state }
}

/** A member that a majority of the voters has not seen for as long as it may be away. */
export function forgetMember(state: GroupState, operation: MemberForget, place: Place, authority: Authority): Applied {
  const { peer, joinedAtIndex, absentSinceMs, asOfMs } = operation
  const member = state.members.get(peer)
  if (member === undefined) return unchanged(state)
  const flaw = flawOfEndorsements(state, operation, authority)
  if (flaw !== undefined) return refused(state, flaw.code, flaw.message)
  if (member.joinedAtIndex !== joinedAtIndex) {
    return refused(state, 'membership-differs', `${peer} joined by entry ${member.joinedAtIndex}, not ${joinedAtIndex}`)
  }
  const allowedMs = mayBeAwayMs(state, member)
  const awayMs = asOfMs - absentSinceMs
  if (allowedMs === undefined || awayMs < allowedMs) {
    const why =
      allowedMs === undefined
        ? 'is neither ephemeral nor a delegate with two others'
        : `was away for ${awayMs} of ${allowedMs} ms`
    return refused(state, 'not-absent', `${peer} ${why}`)
  }
  if (isVoter(state.configuration, peer)) {
    return refused(state, 'still-votes', `${peer} still votes: change the voters first, then forget it`)
  }
  const { state: rest, effects } = withoutMember(state, peer, place)
  return changed(rest, [...effects, { type: 'member:forgotten', peer }])
}

/** What was revoked has ended by itself: a majority of the voters says so by their clocks. */
export function expireRevocations(state: GroupState, operation: RevocationExpire, place: Place, authority: Authority): Applied {
  const { charter } = state
  const { asOfMs } = operation
  const peers = operation.peers.filter((peer) => isRevoked(state, peer))
  if (peers.length === 0) return unchanged(state)
  const flaw = flawOfEndorsements(state, operation, authority)
  if (flaw !== undefined) return refused(state, flaw.code, flaw.message)
  const standing = charter.revocations.find(({ peer, untilMs }) => peers.includes(peer) && untilMs > asOfMs)
  if (standing !== undefined) {
    return refused(
      state,
      'revocation-stands',
      `the credentials of ${standing.peer} end only at ${standing.untilMs}`,
      standing.peer,
    )
  }
  const revocations = charter.revocations.filter(({ peer }) => !peers.includes(peer))
  return charterChanged(state, { ...charter, revocations }, place, authority, [{ type: 'revocation:expired', peers }])
}

/** Every voter has signed that it supports the level, so all of them read alike what it brings. */
export function raiseFeatureLevel(state: GroupState, operation: FeatureRaise, place: Place, authority: Authority): Applied {
  const { charter } = state
  const { level } = operation
  if (level === charter.featureLevel) return unchanged(state)
  if (level < charter.featureLevel) {
    return refused(state, 'feature-lower', `the group's feature level is ${charter.featureLevel}, and never goes down`)
  }
  const flaw = flawOfEndorsements(state, operation, authority, 'all')
  if (flaw !== undefined) return refused(state, flaw.code, flaw.message)
  return charterChanged(state, { ...charter, featureLevel: level }, place, authority, [{ type: 'feature:raised', level }])
}
