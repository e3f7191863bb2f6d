import type { PeerIdString, UnitName } from '@vsmcp/kernel'
import type { UnitClaim } from './docket.ts'
import type { GroupState } from './group-state.ts'
import type { GroupEffect } from './group-effect.ts'
import { drop, put } from './records.ts'

/** Who runs a unit, the first one first; the others in the order of coming. */
export function providersOf({ peer, replicas = [] }: UnitClaim): readonly PeerIdString[] {
  return [peer, ...replicas.map((replica) => replica.peer)]
}

export function isProvider(state: Pick<GroupState, 'units'>, unit: UnitName, peer: PeerIdString): boolean {
  const claim = state.units.get(unit)
  return claim !== undefined && (claim.peer === peer || claim.replicas?.some((replica) => replica.peer === peer) === true)
}

/** The state without one provider of a unit. The next in line takes the place of the first; after the last the unit and its names are free. */
export function withoutProvider(
  state: GroupState,
  unit: UnitName,
  peer: PeerIdString,
): { state: GroupState; effects: readonly GroupEffect[] } {
  const claim = state.units.get(unit)
  if (claim === undefined || !isProvider(state, unit, peer)) return { state, effects: [] }
  const { replicas = [], digest } = claim
  const [next, ...others] = claim.peer === peer ? replicas : [claim, ...replicas.filter((replica) => replica.peer !== peer)]
  const released: GroupEffect = { type: 'unit:released', unit, peer }
  if (next === undefined) return withoutUnit(state, unit, released)
  const { replicas: _replicas, digest: _digest, ...first } = next as UnitClaim
  const rest: UnitClaim = {
    ...first,
    ...(digest === undefined ? {} : { digest }),
    ...(others.length === 0 ? {} : { replicas: others }),
  }
  return { state: put(state, 'units', unit, rest), effects: [released] }
}

/** Frees a unit and the names it bears. */
function withoutUnit(
  state: GroupState,
  unit: UnitName,
  released: GroupEffect,
): { state: GroupState; effects: readonly GroupEffect[] } {
  const names = state.namesOfUnit.get(unit) ?? []
  const rest = names.reduce((left, bareName) => drop(left, 'names', bareName), drop(state, 'units', unit))
  return {
    state: { ...rest, namesOfUnit: rest.namesOfUnit.without(unit) },
    effects: [...names.map((bareName): GroupEffect => ({ type: 'name:released', bareName, unit })), released],
  }
}
