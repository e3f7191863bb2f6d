import { FEATURE_LEVEL, type GroupState, mayBeAwayMs } from '@vsmcp/consensus'
import { isoTime, type PeerIdString } from '@vsmcp/kernel'
import { CLOCK_SKEW_MS } from '@vsmcp/security'
import type { ClaimOperation } from '@vsmcp/vsm'
import { DUE_AHEAD_MAX_MS, EXECUTOR_LOST_SEEN_MS } from '../../constants.ts'
import type { EndorsedOperation } from './request.ts'
import type { Sight } from './judge-voters.ts'

/** What a voter judges an operation by. */
export interface OperationJudgement {
  readonly state: GroupState
  readonly sees: (peer: PeerIdString) => Sight
  /** Wall time here. */
  readonly nowMs: number
  /** What System 2 here says of a claim. */
  readonly objectionToClaim: (operation: ClaimOperation, state: GroupState) => string | undefined
}

/** Why this voter does not bear out an operation that needs the voters' word; undefined when it does. */
export function objectionToOperation(operation: EndorsedOperation, judgement: OperationJudgement): string | undefined {
  if (operation.op === 'member:forget') return objectionToForgetting(operation, judgement)
  if (operation.op === 'revocation:expire') return objectionToExpiry(operation, judgement)
  if (operation.op === 'claim:recall' || operation.op === 'claim:revoke') {
    return judgement.objectionToClaim(operation, judgement.state)
  }
  if (operation.op === 'occurrence:due') return objectionToDue(operation, judgement)
  if (operation.op === 'occurrence:lose') return objectionToLosing(operation, judgement)
  return operation.level <= FEATURE_LEVEL ? undefined : `this version supports feature level ${FEATURE_LEVEL}`
}

function objectionToForgetting(
  { peer, joinedAtIndex, asOfMs }: Extract<EndorsedOperation, { op: 'member:forget' }>,
  { state, sees, nowMs }: OperationJudgement,
): string | undefined {
  const member = state.members.get(peer)
  if (member?.joinedAtIndex !== joinedAtIndex) return `${peer} is not that member here`
  const allowedMs = mayBeAwayMs(state, member)
  if (allowedMs === undefined) return `${peer} is neither ephemeral nor a delegate with two others`
  if (isElsewhen(asOfMs, nowMs)) return 'it is of another time than it is here'
  const { state: seen, forMs } = sees(peer)
  if (seen === 'alive') return `${peer} is alive, as seen from here`
  return forMs >= allowedMs ? undefined : `${peer} is away for ${Math.round(forMs)} of ${allowedMs} ms, as seen from here`
}

/** Who runs it is no member any more, or is seen gone here, too. */
function objectionToLosing(
  { name, addedAtIndex, timeMs, attempt }: Extract<EndorsedOperation, { op: 'occurrence:lose' }>,
  { state, sees }: OperationJudgement,
): string | undefined {
  const schedule = state.schedules.get(name)
  const isThis = schedule?.addedAtIndex === addedAtIndex && schedule.queue[0] === timeMs && schedule.run?.attempt === attempt
  const executor = isThis ? schedule.run?.executor : undefined
  // Not of an attempt that is still to come either: by then another may run it.
  if (executor === undefined) return `${name} of ${timeMs} is not being run, as known here`
  if (!state.members.has(executor)) return undefined
  const { state: seen, forMs } = sees(executor)
  if (seen === 'alive') return `${executor} is alive, as seen from here`
  return forMs >= EXECUTOR_LOST_SEEN_MS ? undefined : `${executor} is away for ${Math.round(forMs)} ms, as seen from here`
}

/** Nothing is decided of what is still to come by the clock here: whose clock is far ahead would silence a schedule for as long. */
function objectionToDue(
  { name, addedAtIndex, decidedToMs }: Extract<EndorsedOperation, { op: 'occurrence:due' }>,
  { state, nowMs }: OperationJudgement,
): string | undefined {
  if (state.schedules.get(name)?.addedAtIndex !== addedAtIndex) return `there is no such schedule ${name} here`
  if (decidedToMs <= nowMs + DUE_AHEAD_MAX_MS) return undefined
  const aheadS = Math.round((decidedToMs - nowMs) / 1_000)
  return `${name} is decided up to ${isoTime(decidedToMs)}, ${aheadS} s ahead of the clock here`
}

function objectionToExpiry(
  { peers, asOfMs }: Extract<EndorsedOperation, { op: 'revocation:expire' }>,
  { state, nowMs }: OperationJudgement,
): string | undefined {
  if (isElsewhen(asOfMs, nowMs)) return 'it is of another time than it is here'
  const standing = state.charter.revocations.find(({ peer, untilMs }) => peers.includes(peer) && untilMs > nowMs)
  return standing === undefined ? undefined : `the revocation of ${standing.peer} still stands by the clock here`
}

function isElsewhen(ms: number, nowMs: number): boolean {
  return Math.abs(ms - nowMs) > CLOCK_SKEW_MS
}
