import type { PeerIdString, UnitName } from '@vsmcp/kernel'
import { NAMES_MAX, PROVIDERS_LEVEL, UNIT_PROVIDERS_MAX, UNITS_MAX } from '../constants.ts'
import { isVoter } from '../raft/configuration.ts'
import { withoutWaiting } from './claims.ts'
import { delegatesOf, groupNamed } from './groups.ts'
import type { Applied, GroupState } from './group-state.ts'
import type { NameGrantOperation, UnitClaimOperation, UnitRelease, UnitReplicate } from './operation.ts'
import { changed, type Place, refused, unchanged } from './outcome.ts'
import { isProvider, withoutProvider } from './providers.ts'
import { grantName, put } from './records.ts'

/**
 * A unit's name belongs to the first node that claims it, until it releases it or leaves. Asked again, that node declares what the unit
 * offers now: its other providers must offer the same.
 */
export function claimUnit(
  state: GroupState,
  { unit, peer, author, atMs, digest }: UnitClaimOperation,
  { index, term }: Place,
): Applied {
  if (author !== peer) return refused(state, 'not-yours', `${author} cannot claim ${unit} for ${peer}`)
  const claim = state.units.get(unit)
  const declared = digest !== undefined && state.charter.featureLevel >= PROVIDERS_LEVEL ? { digest } : {}
  if (claim?.peer === peer) {
    if (declared.digest === undefined || declared.digest === claim.digest) return unchanged(state)
    return changed(put(state, 'units', unit, { ...claim, ...declared }), [{ type: 'unit:claimed', unit, peer }])
  }
  if (claim !== undefined) return refused(state, 'unit-taken', `the unit ${unit} runs on ${claim.peer}`, claim.peer)
  if (!mayRun(state, unit, peer)) return onlyDelegates(state, unit)
  if (state.units.size >= UNITS_MAX)
    return refused(state, 'units-full', `the group has ${UNITS_MAX} units; divide it into groups`)
  const record = { peer, claimedAtMs: atMs, term, index, ...declared }
  return changed(put(state, 'units', unit, record), [{ type: 'unit:claimed', unit, peer }])
}

/** One more provider: of the same zone, and with the very definitions that the first one declared. */
export function replicateUnit(state: GroupState, operation: UnitReplicate, place: Place): Applied {
  const { unit, peer, author, atMs, digest } = operation
  if (author !== peer) return refused(state, 'not-yours', `${author} cannot run ${unit} for ${peer}`)
  const claim = state.units.get(unit)
  if (claim === undefined || claim.peer === peer) return claimUnit(state, { ...operation, op: 'unit:claim' }, place)
  if (claim.digest !== digest) {
    const why = claim.digest === undefined ? 'has not declared what it offers yet' : 'offers other definitions'
    return refused(state, 'definitions-differ', `the unit ${unit}, first on ${claim.peer}, ${why}`, claim.peer)
  }
  if (isProvider(state, unit, peer)) return unchanged(state)
  if (!mayRun(state, unit, peer)) return onlyDelegates(state, unit)
  const [zone, own] = [claim.peer, peer].map((member) => state.members.get(member)?.zone ?? '')
  if (zone !== own) {
    return refused(state, 'zone-differs', `the unit ${unit} runs in the zone "${zone}", and ${peer} is in "${own}"`, claim.peer)
  }
  const { replicas = [] } = claim
  if (replicas.length + 1 >= UNIT_PROVIDERS_MAX) {
    return refused(state, 'providers-full', `the unit ${unit} has ${UNIT_PROVIDERS_MAX} providers, the most there may be`)
  }
  const added = [...replicas, { peer, claimedAtMs: atMs, term: place.term, index: place.index }]
  return changed(put(state, 'units', unit, { ...claim, replicas: added }), [{ type: 'unit:claimed', unit, peer }])
}

/** The unit that a group below is, its delegates run, and nobody else. */
function mayRun(state: GroupState, unit: UnitName, peer: PeerIdString): boolean {
  const [child, group] = groupNamed(state, unit) ?? []
  if (group?.awaited === true) return false
  return child === undefined || delegatesOf(state, child).includes(peer)
}

function onlyDelegates(state: GroupState, unit: UnitName): Applied {
  return refused(state, 'unit-taken', `${unit} is a group below this one: only its delegates stand for it, once it is here`)
}

export function releaseOwnUnit(state: GroupState, { unit, author }: UnitRelease, place: Place): Applied {
  const holder = state.units.get(unit)?.peer
  if (holder === undefined) return unchanged(state)
  if (!isProvider(state, unit, author))
    return refused(state, 'not-yours', `the unit ${unit} runs on ${holder}, which alone releases it`, holder)
  const released = withoutProvider(withoutWaiting(state, author, unit, place), unit, author)
  return changed(released.state, released.effects)
}

/** A bare name goes to the first unit that brings it and stays there: it never moves silently to another. */
export function grantBareName(state: GroupState, { bareName, unit, author }: NameGrantOperation, { index }: Place): Applied {
  const runner = state.units.get(unit)?.peer
  if (runner === undefined) return refused(state, 'unit-unknown', `there is no unit ${unit} to bear the name ${bareName}`)
  if (!isProvider(state, unit, author) && !isVoter(state.configuration, author)) {
    return refused(state, 'not-yours', `the unit ${unit} runs on ${runner}, and ${author} is no voter`, runner)
  }
  const bearer = state.names.get(bareName)?.unit
  if (bearer === unit) return unchanged(state)
  if (bearer !== undefined) return refused(state, 'name-taken', `the name ${bareName} belongs to the unit ${bearer}`, bearer)
  if (state.names.size >= NAMES_MAX) {
    return refused(
      state,
      'names-full',
      `the group has granted ${NAMES_MAX} names; ${unit} is called with its unit's name in front`,
    )
  }
  return changed(grantName(state, bareName, { unit, grantedAtIndex: index }), [{ type: 'name:granted', bareName, unit }])
}
