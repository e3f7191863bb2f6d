import type { PeerIdString, UnitName } from '@vsmcp/kernel'
import { CLAIMS_MAX, CLAIMS_PER_MEMBER_MAX } from '../constants.ts'
import type { Authority } from './authority.ts'
import type { ResourceClaim } from './coordination.ts'
import type { Applied, GroupState } from './group-state.ts'
import type { ClaimAsk, ClaimRecall, ClaimRelease, ClaimRevoke } from './coordination-operation.ts'
import type { GroupEffect } from './group-effect.ts'
import { changed, type Place, refused, unchanged } from './outcome.ts'
import { flawOfEndorsements } from './proofs.ts'
import { isProvider } from './providers.ts'
import { drop, put } from './records.ts'

/** A claim outlives the name of its unit, which another node may take meanwhile: so the peer is part of the key. */
export function claimKey(peer: PeerIdString, unit: UnitName): string {
  return `${peer} ${unit}`
}

/**
 * A unit asks for all that it claims at once, and holds either everything or nothing: who waits holds nothing, so no two can wait for
 * each other. Asked again it is unchanged.
 */
export function askClaim(state: GroupState, { unit, resources, author, atMs }: ClaimAsk, place: Place): Applied {
  const runner = state.units.get(unit)?.peer
  if (!isProvider(state, unit, author))
    return refused(state, 'not-yours', `${author} claims for ${unit}, which it does not run`, runner)
  const key = claimKey(author, unit)
  const existing = state.claims.get(key)
  if (existing !== undefined) {
    if (isSame(existing.resources, resources)) return unchanged(state)
    return refused(state, 'claim-exists', `${unit} has a claim on other resources, which it gives back first`)
  }
  const own = [...state.claims].filter(([, { peer }]) => peer === author).length
  if (state.claims.size >= CLAIMS_MAX || own >= CLAIMS_PER_MEMBER_MAX) {
    const most = own >= CLAIMS_PER_MEMBER_MAX ? `${author} has ${CLAIMS_PER_MEMBER_MAX}` : `the group has ${CLAIMS_MAX}`
    return refused(state, 'claims-full', `${most} claims, the most there may be`)
  }
  const claim: ResourceClaim = { peer: author, unit, resources, askedAtIndex: place.index, askedAtMs: atMs }
  const asked: GroupEffect = { type: 'claim:asked', unit, peer: author }
  const granted = grantClaims(put(state, 'claims', key, claim), place)
  return changed(granted.state, [asked, ...granted.effects])
}

/** Of a claim that is no more it is unchanged: it was given back already, or taken away. */
export function releaseClaim(
  state: GroupState,
  { unit, askedAtIndex, again, author, atMs }: ClaimRelease,
  place: Place,
): Applied {
  const key = claimKey(author, unit)
  const claim = state.claims.get(key)
  if (claim?.askedAtIndex !== askedAtIndex) return unchanged(state)
  const released: GroupEffect = { type: 'claim:released', unit, peer: author }
  // A name that it gave back, it asks nothing for.
  const stays = again && isProvider(state, unit, author)
  const { token: _token, epoch: _epoch, recalledAtIndex: _recalled, ...rest } = claim
  const next = stays
    ? put(state, 'claims', key, { ...rest, askedAtIndex: place.index, askedAtMs: atMs })
    : drop(state, 'claims', key)
  const granted = grantClaims(next, place)
  return changed(granted.state, [released, ...granted.effects])
}

/** From now on the holder begins nothing more under it; another may have it only by `revokeClaim`, or when it is given back. */
export function recallClaim(state: GroupState, operation: ClaimRecall, { index }: Place, authority: Authority): Applied {
  const { peer, unit, askedAtIndex } = operation
  const key = claimKey(peer, unit)
  const claim = state.claims.get(key)
  if (claim?.askedAtIndex !== askedAtIndex || claim.recalledAtIndex !== undefined) return unchanged(state)
  const flaw = flawOfEndorsements(state, operation, authority)
  if (flaw !== undefined) return refused(state, flaw.code, flaw.message)
  if (claim.token === undefined) return refused(state, 'claim-stands', `${unit} waits for its claim and holds nothing`)
  const next = put(state, 'claims', key, { ...claim, recalledAtIndex: index })
  return changed(next, [{ type: 'claim:recalled', unit, peer }])
}

/** A majority of the voters has seen the recall for so long that the holder has stopped by its own rule. */
export function revokeClaim(state: GroupState, operation: ClaimRevoke, place: Place, authority: Authority): Applied {
  const { peer, unit, askedAtIndex } = operation
  const key = claimKey(peer, unit)
  const claim = state.claims.get(key)
  if (claim?.askedAtIndex !== askedAtIndex) return unchanged(state)
  const flaw = flawOfEndorsements(state, operation, authority)
  if (flaw !== undefined) return refused(state, flaw.code, flaw.message)
  if (claim.recalledAtIndex === undefined) return refused(state, 'claim-stands', `the claim of ${unit} was not recalled`)
  const granted = grantClaims(drop(state, 'claims', key), place)
  return changed(granted.state, [{ type: 'claim:released', unit, peer }, ...granted.effects])
}

/** What a name that was given back leaves: its unit waits for nothing any more. What it holds it gives back when it has stopped. */
export function withoutWaiting(state: GroupState, peer: PeerIdString, unit: UnitName, place: Place): GroupState {
  const key = claimKey(peer, unit)
  const claim = state.claims.get(key)
  if (claim === undefined || claim.token !== undefined) return state
  return grantClaims(drop(state, 'claims', key), place).state
}

/**
 * What a member that is taken off the list leaves: it waits for nothing. What it still holds counts as recalled, since it may not know
 * yet that it is none any more.
 */
export function withoutClaimant(
  state: GroupState,
  peer: PeerIdString,
  place: Place,
): { state: GroupState; effects: readonly GroupEffect[] } {
  let next = state
  const effects: GroupEffect[] = []
  for (const [key, claim] of state.claims.entries()) {
    if (claim.peer !== peer) continue
    const { unit } = claim
    if (claim.token === undefined) {
      next = drop(next, 'claims', key)
      effects.push({ type: 'claim:released', unit, peer })
    } else if (claim.recalledAtIndex === undefined) {
      next = put(next, 'claims', key, { ...claim, recalledAtIndex: place.index })
      effects.push({ type: 'claim:recalled', unit, peer })
    }
  }
  if (effects.length === 0) return { state, effects }
  const granted = grantClaims(next, place)
  return { state: granted.state, effects: [...effects, ...granted.effects] }
}

/**
 * What the first entry of an epoch makes of what was held before: granted anew, so that every token of this epoch is above all of the
 * one that is over, whose end this log may not have.
 */
export function grantedAnew(state: GroupState, { index }: Pick<Place, 'index'>): GroupState {
  const { epoch } = state.charter
  const held = state.claims.entries().filter(([, { token }]) => token !== undefined)
  return held.reduce((next, [key, claim]) => put(next, 'claims', key, { ...claim, token: index, epoch }), state)
}

/**
 * Grants in order of asking. Who waits counts as if it held what it asked for against all behind it, also those who would share:
 * so nobody overtakes, and the first in the queue has it as soon as those who hold have given back.
 */
function grantClaims(state: GroupState, { index }: Place): { state: GroupState; effects: readonly GroupEffect[] } {
  const all = [...state.claims].sort(([, a], [, b]) => a.askedAtIndex - b.askedAtIndex)
  const sharedAs = new Map<string, boolean>()
  const take = ({ resources }: ResourceClaim): void => {
    for (const { resource, shared } of resources) sharedAs.set(resource, shared && (sharedAs.get(resource) ?? true))
  }
  for (const [, claim] of all) if (claim.token !== undefined) take(claim)
  let next = state
  const effects: GroupEffect[] = []
  for (const [key, claim] of all) {
    if (claim.token !== undefined) continue
    const isFree = claim.resources.every(({ resource, shared }) => {
      const taken = sharedAs.get(resource)
      return taken === undefined || (taken && shared)
    })
    take(claim)
    if (!isFree) continue
    next = put(next, 'claims', key, { ...claim, token: index, epoch: state.charter.epoch })
    effects.push({ type: 'claim:granted', unit: claim.unit, peer: claim.peer })
  }
  return { state: next, effects }
}

function isSame(a: ResourceClaim['resources'], b: ResourceClaim['resources']): boolean {
  return a.length === b.length && a.every(({ resource, shared }, i) => b[i]?.resource === resource && b[i].shared === shared)
}
