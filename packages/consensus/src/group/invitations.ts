import { INVITATIONS_MAX, MEMBERS_MAX } from '../constants.ts'
import { canonicalText } from '../json/json.ts'
import type { Invitation, Member } from './docket.ts'
import { isRevoked } from './evictions.ts'
import { unknownFields } from './fields.ts'
import type { Applied, GroupState } from './group-state.ts'
import { flawOfDelegate, knowsGroups } from './groups.ts'
import type { GroupEffect } from './group-effect.ts'
import type { InvitationCreate, InvitationRedeem, InvitationRevoke } from './operation.ts'
import { changed, type Place, refused, refusedBy, unchanged } from './outcome.ts'
import { drop, put } from './records.ts'

/** What of an operation is about the operation, not about the invitation. */
const OPERATION_FIELDS = ['op', 'id', 'author', 'atMs']

/** Fields of a redemption; what else it carries belongs to the member. */
const REDEEM_FIELDS = [...OPERATION_FIELDS, 'peer', 'ephemeral', 'absenceMs']

/** Asked again with the same content it is unchanged; an id is never used for two. */
export function createInvitation(state: GroupState, operation: InvitationCreate, { index }: Place): Applied {
  const { id, author, atMs, createdBy, expiresAtMs } = operation
  if (createdBy !== author) return refused(state, 'not-yours', `${author} cannot invite in the name of ${createdBy}`)
  const { verifier, role, zone, uses } = operation
  const wanted = { ...unknownFields(operation, OPERATION_FIELDS), verifier, role, zone, uses, expiresAtMs, createdBy }
  const existing = state.invitations.get(id)
  if (existing !== undefined) {
    const { used, revoked, createdAtIndex } = existing
    // Asked again, for instance because the first answer got lost.
    if (canonicalText({ ...wanted, used, revoked, createdAtIndex }) === canonicalText(existing)) return unchanged(state)
    return refused(state, 'invitation-exists', `there is another invitation ${id}`)
  }
  const flaw = flawOfDelegate(state, operation.delegateOf, author)
  if (flaw !== undefined) return refusedBy(state, flaw)
  if (expiresAtMs <= atMs) return refused(state, 'invitation-expired', `the invitation ${id} would be expired from the start`)
  const { state: roomy, effects } = state.invitations.size < INVITATIONS_MAX ? { state, effects: [] } : dropClosed(state, atMs)
  if (roomy.invitations.size >= INVITATIONS_MAX) {
    return refused(state, 'invitations-full', `the group has ${INVITATIONS_MAX} open invitations; revoke some`)
  }
  const invitation: Invitation = { ...wanted, used: 0, createdAtIndex: index, revoked: false }
  return changed(put(roomy, 'invitations', id, invitation), [...effects, { type: 'invitation:created', id }])
}

export function revokeInvitation(state: GroupState, { id }: InvitationRevoke): Applied {
  const invitation = state.invitations.get(id)
  if (invitation === undefined) return refused(state, 'invitation-unknown', `there is no invitation ${id}`)
  if (invitation.revoked) return unchanged(state)
  return changed(put(state, 'invitations', id, { ...invitation, revoked: true }), [{ type: 'invitation:revoked', id }])
}

export function redeemInvitation(state: GroupState, operation: InvitationRedeem, { index }: Place): Applied {
  const { id, peer, name, atMs, addresses = [] } = operation
  // The same peer gets the same answer, however often it asks and whatever became of the invitation since.
  const member = state.members.get(peer)
  if (member !== undefined) return unchanged(state, member)
  if (isRevoked(state, peer)) {
    return refused(state, 'peer-revoked', `${peer} was evicted: it may come back with a new identity only`)
  }
  const invitation = state.invitations.get(id)
  if (invitation === undefined) return refused(state, 'invitation-unknown', `there is no invitation ${id}`)
  if (invitation.revoked) return refused(state, 'invitation-revoked', `the invitation ${id} was revoked`)
  if (invitation.expiresAtMs <= atMs) return refused(state, 'invitation-expired', `the invitation ${id} has expired`)
  if (invitation.used >= invitation.uses) {
    return refused(state, 'invitation-used-up', `the invitation ${id} was used ${invitation.used} times, as often as it may be`)
  }
  const flaw = flawOfDelegate(state, invitation.delegateOf)
  if (flaw !== undefined) return refusedBy(state, flaw)
  if (state.members.size >= MEMBERS_MAX) {
    return refused(state, 'members-full', `the group has ${MEMBERS_MAX} members; divide it into groups`)
  }
  const newcomer: Member = {
    ...unknownFields(operation, knowsGroups(state) ? [...REDEEM_FIELDS, 'delegateOf'] : REDEEM_FIELDS),
    name,
    role: invitation.role,
    zone: invitation.zone,
    joinedAtIndex: index,
    joinedAtMs: atMs,
    addresses,
    invitation: id,
    ...(knowsGroups(state) && invitation.delegateOf !== undefined ? { delegateOf: invitation.delegateOf } : {}),
    ...(invitation.ephemeral === true ? { ephemeral: true, absenceMs: invitation.absenceMs ?? 0 } : {}),
  }
  const used = put(state, 'invitations', id, { ...invitation, used: invitation.used + 1 })
  return changed(put(used, 'members', peer, newcomer), [{ type: 'member:joined', peer }], newcomer)
}

/** Drops invitations that nobody can redeem any more. Who redeemed one is remembered with the member. */
function dropClosed(state: GroupState, atMs: number): { state: GroupState; effects: readonly GroupEffect[] } {
  const closed = state.invitations
    .entries()
    .filter(([, { revoked, expiresAtMs, used, uses }]) => revoked || expiresAtMs <= atMs || used >= uses)
  return {
    state: closed.reduce((rest, [id]) => drop(rest, 'invitations', id), state),
    effects: closed.map(([id]) => ({ type: 'invitation:dropped', id })),
  }
}
