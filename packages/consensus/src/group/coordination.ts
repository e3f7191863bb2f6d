import type { ClaimedResource, PeerIdString, UnitName } from '@vsmcp/kernel'
import type { Carried } from './docket.ts'

/**
 * System 2: what a unit holds, or waits for. All its resources are granted by one decision or none, so that no two units ever wait
 * for each other. The entry that grants is the fencing token: `(epoch, token)`.
 */
export interface ResourceClaim extends Carried {
  readonly peer: PeerIdString
  readonly unit: UnitName
  /** In order of name, each once. */
  readonly resources: readonly ClaimedResource[]
  /** Log index of the entry that asked: the place in the queue, and which of a unit's claims this is. */
  readonly askedAtIndex: number
  /** Wall time by the proposer's clock. */
  readonly askedAtMs: number
  /** Log index of the entry that granted it; absent while it waits. */
  readonly token?: number
  /** The charter's when it was granted. */
  readonly epoch?: number
  /** Log index of the entry by which the voters want it back; its holder begins nothing more under it. */
  readonly recalledAtIndex?: number
}

/** What becomes of occurrences that were missed: none is run, the latest one, or all. */
export type MissedPolicy = 'skip' | 'once' | 'all'

/** What became of an occurrence. `unknown`: it was begun, and nobody can say how far it came. */
export type OccurrenceOutcome = 'done' | 'failed' | 'unknown' | 'skipped'

/** An occurrence that is over. */
export interface PastOccurrence extends Carried {
  /** When it was due, wall time: this names it. */
  readonly timeMs: number
  readonly outcome: OccurrenceOutcome
  /** Empty when all went well. */
  readonly reason: string
  readonly executor?: PeerIdString
  /** By the executor's clock. */
  readonly startedAtMs?: number
  readonly endedAtMs?: number
  readonly attempt?: number
  /** Of several that were skipped together: the last one, and how many. */
  readonly toMs?: number
  readonly count?: number
}

/** The occurrence at the head of a schedule's queue. */
export interface OccurrenceRun extends Carried {
  readonly executor: PeerIdString
  /** 1, and more when an idempotent one is begun again. */
  readonly attempt: number
  /** Log index of the entry by which the executor took it: from then on it may have begun. */
  readonly takenAtIndex?: number
}

/** What a person declares of a schedule. */
export interface DeclaredSchedule {
  /** Read by the node; a pattern that it cannot read has no occurrences. */
  readonly cron: string
  readonly timezone: string
  readonly tool: string
  /** Text of a JSON object. */
  readonly argsJson: string
  readonly missed: MissedPolicy
  /** An occurrence of which nobody knows how far it came is begun again. */
  readonly idempotent: boolean
  readonly timeoutMs: number
  /** Who runs it; else the node that hosts the tool's unit. */
  readonly node?: PeerIdString
}

/** System 2: a job that comes again. An occurrence is named by the time it is due, whatever any clock says. */
export interface Schedule extends Carried, DeclaredSchedule {
  readonly addedBy: PeerIdString
  readonly addedAtIndex: number
  readonly addedAtMs: number
  /** Up to when it is decided what becomes of its occurrences: none up to then is ever put into the queue again. */
  readonly decidedToMs: number
  /** Times of occurrences to be run one after the other; the first is being run. */
  readonly queue: readonly number[]
  /** Of the first in the queue; absent when that is empty. */
  readonly run?: OccurrenceRun
  /** The latest ones, oldest first. */
  readonly history: readonly PastOccurrence[]
}
