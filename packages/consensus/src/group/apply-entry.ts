import { InvalidArgumentError } from '@vsmcp/kernel'
import {
  ANCHORS_LEVEL,
  AUTHORITY_LEVEL,
  GOVERNING_LEVEL,
  GROUPS_LEVEL,
  MOVES_LEVEL,
  ORGANS_LEVEL,
  PROVIDERS_LEVEL,
  STATE_BYTES_MAX,
  STATE_RESERVED_BYTES,
} from '../constants.ts'
import { configurationAfter, isJoint } from '../raft/configuration.ts'
import type { Entry } from '../raft/entry.ts'
import { acknowledgeAlert, climbAlert, raiseAlert, resolveAlert } from './alerts.ts'
import { type Authority, NO_AUTHORITY } from './authority.ts'
import { certifyCharter, withCharter } from './charter-change.ts'
import { askClaim, recallClaim, releaseClaim, revokeClaim } from './claims.ts'
import { evictMember, expireRevocations, forgetMember, raiseFeatureLevel } from './evictions.ts'
import type { Applied, GroupState } from './group-state.ts'
import { awaitGroup, moveGroup, placeGroup } from './group-moves.ts'
import { createGroup, removeGroup, renameGroup } from './groups.ts'
import { createInvitation, redeemInvitation, revokeInvitation } from './invitations.ts'
import { describeMember, removeMember } from './members.ts'
import type { Operation } from './operation.ts'
import { addLink, anchorChain } from './links.ts'
import { type Place, refused, unchanged } from './outcome.ts'
import { addOperator, removeOperator, setPolicies } from './policies.ts'
import { decodeOperation } from './read-operation.ts'
import { assignOccurrence, endOccurrence, loseOccurrence, occurrencesDue, takeOccurrence } from './occurrences.ts'
import { closeDirective, decideProposal, makeProposal, renewDirective } from './proposals.ts'
import { addSchedule, removeSchedule } from './schedules.ts'
import { rotateSessionKey } from './session-key.ts'
import { claimUnit, grantBareName, releaseOwnUnit, replicateUnit } from './units.ts'

/**
 * The replicated state machine of a group: the state after one committed entry, what to answer whoever proposed it, and
 * what became true. Same state and entry, same outcome on every node; nothing is read from outside.
 *
 * Never throws: an entry that cannot be read, or that is refused, changes nothing. An operation of a later version is
 * refused by all nodes of this one; that all nodes read alike is what the charter's `featureLevel` is for.
 *
 * @param authority what proofs are checked with (rule 5); without it everything that needs one is refused
 */
export function applyEntry(state: GroupState, entry: Entry, authority: Authority = NO_AUTHORITY): Applied {
  if (entry.type === 'noop') return unchanged(state)
  if (entry.type === 'configuration') return applyConfiguration(state, entry, authority)
  let operation: Operation
  try {
    operation = decodeOperation(entry.data)
  } catch (error) {
    if (error instanceof InvalidArgumentError) return refused(state, 'operation-invalid', error.message)
    throw error
  }
  const applied = applyOperation(state, operation, entry, authority)
  const max = bytesFor(operation, state)
  if (applied.state.bytes > max && applied.state.bytes > state.bytes) {
    return refused(state, 'state-full', `the records of the group may take ${max} bytes, and this would be more`)
  }
  return applied
}

/** What members add of their own, as much as they like. Everything else is small, ends what was begun, or keeps the group going. */
const ADDING: ReadonlySet<Operation['op']> = new Set([
  'invitation:create',
  'member:describe',
  'unit:claim',
  'unit:replicate',
  'name:grant',
  'claim:ask',
  'schedule:add',
  'proposal:make',
  'group:create',
  'group:await',
])

function bytesFor({ op }: Operation, { charter }: GroupState): number {
  const isReserved = charter.featureLevel >= ORGANS_LEVEL && ADDING.has(op)
  return isReserved ? STATE_BYTES_MAX - STATE_RESERVED_BYTES : STATE_BYTES_MAX
}

type Apply<O extends Operation> = (state: GroupState, operation: O, place: Place, authority: Authority) => Applied

const APPLY: { readonly [O in Operation['op']]: Apply<Extract<Operation, { op: O }>> } = {
  'invitation:create': createInvitation,
  'invitation:revoke': revokeInvitation,
  'invitation:redeem': redeemInvitation,
  'member:remove': removeMember,
  'member:describe': describeMember,
  'unit:claim': claimUnit,
  'unit:replicate': replicateUnit,
  'unit:release': releaseOwnUnit,
  'name:grant': grantBareName,
  'link:add': addLink,
  'chain:anchor': anchorChain,
  'policy:set': setPolicies,
  'operator:add': addOperator,
  'operator:remove': removeOperator,
  'member:evict': evictMember,
  'member:forget': forgetMember,
  'revocation:expire': expireRevocations,
  'feature:raise': raiseFeatureLevel,
  'session-key:rotate': rotateSessionKey,
  'charter:certify': certifyCharter,
  'alert:raise': raiseAlert,
  'alert:acknowledge': acknowledgeAlert,
  'alert:resolve': resolveAlert,
  'alert:climb': climbAlert,
  'group:create': createGroup,
  'group:rename': renameGroup,
  'group:remove': removeGroup,
  'group:await': awaitGroup,
  'group:move': moveGroup,
  'group:placed': placeGroup,
  'claim:ask': askClaim,
  'claim:release': releaseClaim,
  'claim:recall': recallClaim,
  'claim:revoke': revokeClaim,
  'schedule:add': addSchedule,
  'schedule:remove': removeSchedule,
  'occurrence:due': occurrencesDue,
  'occurrence:assign': assignOccurrence,
  'occurrence:take': takeOccurrence,
  'occurrence:end': endOccurrence,
  'occurrence:lose': loseOccurrence,
  'proposal:make': makeProposal,
  'proposal:decide': decideProposal,
  'directive:renew': renewDirective,
  'directive:close': closeDirective,
}

/** What nodes of a lower feature level cannot read, and would not do. Raising the group's level is what ends that. */
const SINCE: { readonly [O in Operation['op']]?: number } = {
  'policy:set': AUTHORITY_LEVEL,
  'operator:add': AUTHORITY_LEVEL,
  'operator:remove': AUTHORITY_LEVEL,
  'member:evict': AUTHORITY_LEVEL,
  'member:forget': AUTHORITY_LEVEL,
  'revocation:expire': AUTHORITY_LEVEL,
  'session-key:rotate': AUTHORITY_LEVEL,
  'charter:certify': AUTHORITY_LEVEL,
  'chain:anchor': ANCHORS_LEVEL,
  'alert:raise': ORGANS_LEVEL,
  'alert:acknowledge': ORGANS_LEVEL,
  'alert:resolve': ORGANS_LEVEL,
  'alert:climb': ORGANS_LEVEL,
  'claim:ask': ORGANS_LEVEL,
  'claim:release': ORGANS_LEVEL,
  'claim:recall': ORGANS_LEVEL,
  'claim:revoke': ORGANS_LEVEL,
  'schedule:add': ORGANS_LEVEL,
  'schedule:remove': ORGANS_LEVEL,
  'occurrence:due': ORGANS_LEVEL,
  'occurrence:assign': ORGANS_LEVEL,
  'occurrence:take': ORGANS_LEVEL,
  'occurrence:end': ORGANS_LEVEL,
  'occurrence:lose': ORGANS_LEVEL,
  'unit:replicate': PROVIDERS_LEVEL,
  'proposal:make': GOVERNING_LEVEL,
  'proposal:decide': GOVERNING_LEVEL,
  'directive:renew': GOVERNING_LEVEL,
  'directive:close': GOVERNING_LEVEL,
  'group:create': GROUPS_LEVEL,
  'group:rename': GROUPS_LEVEL,
  'group:remove': GROUPS_LEVEL,
  'group:await': MOVES_LEVEL,
  'group:move': MOVES_LEVEL,
  'group:placed': MOVES_LEVEL,
}

/** The feature level that a group must have for the operation; 1 for what there always was. */
function levelFor(operation: Operation): number {
  if (operation.op === 'invitation:create' && operation.ephemeral === true) return AUTHORITY_LEVEL
  return SINCE[operation.op] ?? 1
}

function applyOperation(state: GroupState, operation: Operation, place: Place, authority: Authority): Applied {
  if (!state.members.has(operation.author)) {
    return refused(state, 'author-unknown', `${operation.author} is no member of the group`)
  }
  const level = state.charter.featureLevel
  const needed = levelFor(operation)
  if (level < needed) {
    return refused(state, 'feature-level', `${operation.op} needs feature level ${needed}, and the group's is ${level}`)
  }
  return (APPLY[operation.op] as Apply<Operation>)(state, operation, place, authority)
}

function applyConfiguration(state: GroupState, { index, data }: Entry, authority: Authority): Applied {
  const configuration = configurationAfter(state.configuration, data)
  if (configuration === state.configuration) return unchanged(state)
  const before = state.charter.voters
  const now = configuration.voters
  const result = { ok: true, changed: true } as const
  // Half-way between two sets of voters the charter still names those that were: the change is made when the old half lets go.
  if (isJoint(configuration) || before.join() === now.join()) return { state: { ...state, configuration }, result, effects: [] }
  return {
    state: withCharter({ ...state, configuration }, { ...state.charter, voters: now }, { index }, authority),
    result,
    effects: [{ type: 'voters:changed', before, now, index }],
  }
}
