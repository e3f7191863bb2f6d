import { InvalidArgumentError } from '@vsmcp/kernel'
import { STATE_BYTES_MAX } from '../constants.ts'
import { configurationAfter, isJoint } from '../raft/configuration.ts'
import type { Entry } from '../raft/entry.ts'
import type { Applied, GroupState } from './group-state.ts'
import { createInvitation, redeemInvitation, revokeInvitation } from './invitations.ts'
import { describeMember, removeMember } from './members.ts'
import type { Operation } from './operation.ts'
import { type Place, refused, unchanged } from './outcome.ts'
import { decodeOperation } from './read-operation.ts'
import { claimUnit, grantBareName, releaseOwnUnit } from './units.ts'
import { addLink } from './links.ts'

/**
 * The replicated state machine of a group: the state after one committed entry, what to answer whoever proposed it, and
 * what became true. Same state and entry, same outcome on every node; nothing is read from outside.
 *
 * Never throws: an entry that cannot be read, or that is refused, changes nothing. An operation of a later version is
 * refused by all nodes of this one; that all nodes read alike is what the charter's `featureLevel` is for.
 */
export function applyEntry(state: GroupState, entry: Entry): Applied {
  if (entry.type === 'noop') return unchanged(state)
  if (entry.type === 'configuration') return applyConfiguration(state, entry)
  let operation: Operation
  try {
    operation = decodeOperation(entry.data)
  } catch (error) {
    if (error instanceof InvalidArgumentError) return refused(state, 'operation-invalid', error.message)
    throw error
  }
  const applied = applyOperation(state, operation, entry)
  if (applied.state.bytes > STATE_BYTES_MAX && applied.state.bytes > state.bytes) {
    return refused(state, 'state-full', `the records of the group may take ${STATE_BYTES_MAX} bytes, and this would be more`)
  }
  return applied
}

type Apply<O extends Operation> = (state: GroupState, operation: O, place: Place) => Applied

const APPLY: { readonly [O in Operation['op']]: Apply<Extract<Operation, { op: O }>> } = {
  'invitation:create': createInvitation,
  'invitation:revoke': revokeInvitation,
  'invitation:redeem': redeemInvitation,
  'member:remove': removeMember,
  'member:describe': describeMember,
  'unit:claim': claimUnit,
  'unit:release': releaseOwnUnit,
  'name:grant': grantBareName,
  'link:add': addLink,
}

function applyOperation(state: GroupState, operation: Operation, place: Place): Applied {
  if (!state.members.has(operation.author)) {
    return refused(state, 'author-unknown', `${operation.author} is no member of the group`)
  }
  return (APPLY[operation.op] as Apply<Operation>)(state, operation, place)
}

function applyConfiguration(state: GroupState, { index, data }: Entry): Applied {
  const configuration = configurationAfter(state.configuration, data)
  if (configuration === state.configuration) return unchanged(state)
  const before = state.charter.voters
  const now = configuration.voters
  const result = { ok: true, changed: true } as const
  // Half-way between two sets of voters the charter still names those that were: the change is made when the old half lets go.
  if (isJoint(configuration) || before.join() === now.join()) return { state: { ...state, configuration }, result, effects: [] }
  return {
    state: { ...state, configuration, charter: { ...state.charter, voters: now } },
    result,
    effects: [{ type: 'voters:changed', before, now, index }],
  }
}
