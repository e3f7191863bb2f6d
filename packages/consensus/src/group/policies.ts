import { GOVERNING_LEVEL, OPERATORS_MAX, POLICY_HISTORY_MAX, RECOVERERS_MAX } from '../constants.ts'
import { canonicalBytes, canonicalText } from '../json/json.ts'
import type { Authority } from './authority.ts'
import { charterChanged } from './charter-change.ts'
import {
  type Charter,
  MESH_KEY_SIGNER,
  type Operator,
  operatorsVersionOf,
  type PolicyChange,
  policyVersionOf,
} from './charter.ts'
import type { Applied, GroupState } from './group-state.ts'
import type { OperatorAdd, OperatorRemove, PolicySet } from './operation.ts'
import { type Place, refused, refusedVersion, unchanged } from './outcome.ts'
import { flawOfOperator } from './proofs.ts'

/** Replaces the policies, if nobody else did meanwhile. */
export function setPolicies(state: GroupState, operation: PolicySet, place: Place, authority: Authority): Applied {
  const { charter } = state
  const { policies, expects, operator: by, reason, signedAtMs: atMs } = operation
  const { policyHistory = [] } = charter
  const digest = authority.digest(canonicalBytes(policies))
  const last = policyHistory.at(-1)
  // Asked again, for instance because the first answer got lost.
  if (last?.version === expects + 1 && last.digest === digest && last.by === by && last.atMs === atMs) return unchanged(state)
  const flaw = flawOfOperator(charter, operation, authority)
  if (flaw !== undefined) return refused(state, flaw.code, flaw.message)
  const current = policyVersionOf(charter)
  if (expects !== current) return refusedVersion(state, 'the policies', expects, current)
  if (charter.featureLevel >= GOVERNING_LEVEL && by !== MESH_KEY_SIGNER && isOtherIdentity(charter.policies, policies)) {
    return refused(state, 'identity-fixed', 'these policies change the identity of the group: only the mesh key signs that')
  }
  const change: PolicyChange = { version: current + 1, digest, by, reason, atMs, index: place.index }
  const history = [...policyHistory, change].slice(-POLICY_HISTORY_MAX)
  const next = { ...charter, policies, policyVersion: change.version, policyHistory: history }
  return charterChanged(state, next, place, authority, [{ type: 'policy:changed', version: change.version }])
}

/** Who the group is, and what must never change: once it is said, no operator changes it (Beer: identity is what System 5 keeps). */
function isOtherIdentity(before: Charter['policies'], now: Charter['policies']): boolean {
  const { identity } = before
  return identity !== undefined && canonicalText(identity) !== canonicalText(now['identity'] ?? null)
}

export function addOperator(state: GroupState, operation: OperatorAdd, place: Place, authority: Authority): Applied {
  const { charter } = state
  const { name, publicKey, recovery, expects } = operation
  const flaw = flawOfOperator(charter, operation, authority)
  if (flaw !== undefined) return refused(state, flaw.code, flaw.message)
  const existing = charter.operators.find((operator) => operator.name === name)
  if (existing?.publicKey === publicKey && (existing.recovery ?? false) === (recovery ?? false)) return unchanged(state)
  if (existing !== undefined) return refused(state, 'operator-exists', `there is an operator ${name} already, with another key`)
  const twin = charter.operators.find((operator) => operator.publicKey === publicKey)
  if (twin !== undefined) return refused(state, 'operator-exists', `this key is that of the operator ${twin.name}`, twin.name)
  const current = operatorsVersionOf(charter)
  if (expects !== current) return refusedVersion(state, 'the operators', expects, current)
  if (charter.operators.length >= OPERATORS_MAX) {
    return refused(state, 'operators-full', `the charter names ${OPERATORS_MAX} operators; remove one first`)
  }
  const recoverers = charter.operators.filter((operator) => operator.recovery === true)
  if (recovery === true && recoverers.length >= RECOVERERS_MAX) {
    return refused(state, 'operators-full', `${RECOVERERS_MAX} operators may recover the group; remove one of them first`)
  }
  const added: Operator = { name, publicKey, ...(recovery === undefined ? {} : { recovery }) }
  const next = { ...charter, operators: [...charter.operators, added], operatorsVersion: current + 1 }
  return charterChanged(state, next, place, authority, [{ type: 'operator:added', name }])
}

/** The last operator goes only by the mesh key: else nobody but its holder could change a policy any more, unasked. */
export function removeOperator(state: GroupState, operation: OperatorRemove, place: Place, authority: Authority): Applied {
  const { charter } = state
  const { name, expects, operator } = operation
  const current = operatorsVersionOf(charter)
  const rest = charter.operators.filter((each) => each.name !== name)
  const isThere = rest.length < charter.operators.length
  if (!isThere && current === expects + 1) return unchanged(state)
  const flaw = flawOfOperator(charter, operation, authority)
  if (flaw !== undefined) return refused(state, flaw.code, flaw.message)
  if (!isThere) return refused(state, 'operator-unknown', `the charter names no operator ${name}`)
  if (expects !== current) return refusedVersion(state, 'the operators', expects, current)
  if (rest.length === 0 && operator !== MESH_KEY_SIGNER) {
    return refused(state, 'operator-last', `${name} is the last operator: only the mesh key removes it`)
  }
  const next = { ...charter, operators: rest, operatorsVersion: current + 1 }
  return charterChanged(state, next, place, authority, [{ type: 'operator:removed', name }])
}
