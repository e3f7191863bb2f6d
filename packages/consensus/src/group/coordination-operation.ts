import type { ClaimedResource, PeerIdString, UnitName } from '@vsmcp/kernel'
import type { Endorsement } from '../raft/endorsement.ts'
import type { DeclaredSchedule, OccurrenceOutcome } from './coordination.ts'
import type { Authored, VoterEndorsed } from './operation.ts'

/** Asks for all that a unit claims, together; granted at once, or when those before it have given back. */
export interface ClaimAsk extends Authored {
  readonly op: 'claim:ask'
  readonly unit: UnitName
  readonly resources: readonly ClaimedResource[]
}
/** Gives a claim back, or stops waiting for it. */
export interface ClaimRelease extends Authored {
  readonly op: 'claim:release'
  readonly unit: UnitName
  /** `ResourceClaim.askedAtIndex`: which claim is meant. */
  readonly askedAtIndex: number
  /** Asks for it again at once, behind all that wait. */
  readonly again: boolean
}
/** Wants a claim back whose holder is gone, or has kept others waiting for too long. */
export interface ClaimRecall extends VoterEndorsed {
  readonly op: 'claim:recall'
  readonly peer: PeerIdString
  readonly unit: UnitName
  readonly askedAtIndex: number
  readonly why: 'failed' | 'overdue'
}
/** Takes a claim away that was recalled so long ago that its holder has stopped. */
export interface ClaimRevoke extends VoterEndorsed {
  readonly op: 'claim:revoke'
  readonly peer: PeerIdString
  readonly unit: UnitName
  readonly askedAtIndex: number
}

export interface ScheduleAdd extends Authored, DeclaredSchedule {
  readonly op: 'schedule:add'
  readonly name: string
}
export interface ScheduleRemove extends Authored {
  readonly op: 'schedule:remove'
  readonly name: string
}
/** Which occurrences of which schedule. */
interface OfSchedule extends Authored {
  readonly name: string
  /** `Schedule.addedAtIndex`. */
  readonly addedAtIndex: number
}
/** Consecutive occurrences that are not run, and why. */
export interface Skip {
  readonly fromMs: number
  readonly toMs: number
  readonly count: number
  readonly reason: string
}
/** A voter, who leads, says what has become due; from `CLOCKS_LEVEL` on a majority of the voters bears out that it has. */
export interface OccurrenceDue extends OfSchedule {
  readonly op: 'occurrence:due'
  /** To be run, in order; none up to the `decidedToMs` of before. */
  readonly times: readonly number[]
  readonly skips: readonly Skip[]
  /** At the latest `atMs`: nothing is decided of the future. */
  readonly decidedToMs: number
  readonly executor: PeerIdString
  readonly endorsements?: readonly Endorsement[]
}
interface OfOccurrence extends OfSchedule {
  readonly timeMs: number
  /** `OccurrenceRun.attempt`. */
  readonly attempt: number
}
/** Another executor for an occurrence that nobody took. */
export interface OccurrenceAssign extends OfOccurrence {
  readonly op: 'occurrence:assign'
  readonly executor: PeerIdString
}
/** The executor is about to begin. Only after this is decided it does. */
export interface OccurrenceTake extends OfOccurrence {
  readonly op: 'occurrence:take'
}
export interface OccurrenceEnd extends OfOccurrence {
  readonly op: 'occurrence:end'
  readonly outcome: Exclude<OccurrenceOutcome, 'skipped'>
  readonly reason: string
  readonly startedAtMs: number
  readonly endedAtMs: number
}
/** The voters bear out that the executor of an occurrence under way is gone. */
export interface OccurrenceLose extends VoterEndorsed {
  readonly op: 'occurrence:lose'
  readonly name: string
  readonly addedAtIndex: number
  readonly timeMs: number
  readonly attempt: number
}

/** What the voters bear out. */
export type CoordinationVote = ClaimRecall | ClaimRevoke | OccurrenceLose

/** What needs nobody's word but its author's. */
export type CoordinationOperation =
  | ClaimAsk
  | ClaimRelease
  | ScheduleAdd
  | ScheduleRemove
  | OccurrenceDue
  | OccurrenceAssign
  | OccurrenceTake
  | OccurrenceEnd
