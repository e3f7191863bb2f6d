import type { UnitName } from '@vsmcp/kernel'
import { NAMES_MAX, UNITS_MAX } from '../constants.ts'
import { isVoter } from '../raft/configuration.ts'
import { withoutWaiting } from './claims.ts'
import type { Applied, GroupState } from './group-state.ts'
import type { GroupEffect, NameGrantOperation, UnitClaimOperation, UnitRelease } from './operation.ts'
import { changed, type Place, refused, unchanged } from './outcome.ts'
import { drop, grantName, put } from './records.ts'

/** A unit's name belongs to the first node that claims it, until it releases it or leaves. */
export function claimUnit(state: GroupState, { unit, peer, author, atMs }: UnitClaimOperation, { index, term }: Place): Applied {
  if (author !== peer) return refused(state, 'not-yours', `${author} cannot claim ${unit} for ${peer}`)
  const holder = state.units.get(unit)?.peer
  if (holder === peer) return unchanged(state)
  if (holder !== undefined) return refused(state, 'unit-taken', `the unit ${unit} runs on ${holder}`, holder)
  if (state.units.size >= UNITS_MAX)
    return refused(state, 'units-full', `the group has ${UNITS_MAX} units; divide it into groups`)
  return changed(put(state, 'units', unit, { peer, claimedAtMs: atMs, term, index }), [{ type: 'unit:claimed', unit, peer }])
}

export function releaseOwnUnit(state: GroupState, { unit, author }: UnitRelease, place: Place): Applied {
  const holder = state.units.get(unit)?.peer
  if (holder === undefined) return unchanged(state)
  if (holder !== author) return refused(state, 'not-yours', `the unit ${unit} runs on ${holder}, which alone releases it`, holder)
  const released = releaseUnit(withoutWaiting(state, author, unit, place), unit)
  return changed(released.state, released.effects)
}

/** A bare name goes to the first unit that brings it and stays there: it never moves silently to another. */
export function grantBareName(state: GroupState, { bareName, unit, author }: NameGrantOperation, { index }: Place): Applied {
  const runner = state.units.get(unit)?.peer
  if (runner === undefined) return refused(state, 'unit-unknown', `there is no unit ${unit} to bear the name ${bareName}`)
  if (runner !== author && !isVoter(state.configuration, author)) {
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

/** Frees a unit and the names it bears. */
export function releaseUnit(state: GroupState, unit: UnitName): { state: GroupState; effects: readonly GroupEffect[] } {
  const peer = state.units.get(unit)?.peer
  if (peer === undefined) return { state, effects: [] }
  const names = state.namesOfUnit.get(unit) ?? []
  const rest = names.reduce((left, bareName) => drop(left, 'names', bareName), drop(state, 'units', unit))
  return {
    state: { ...rest, namesOfUnit: rest.namesOfUnit.without(unit) },
    effects: [
      ...names.map((bareName): GroupEffect => ({ type: 'name:released', bareName, unit })),
      { type: 'unit:released', unit, peer },
    ],
  }
}
