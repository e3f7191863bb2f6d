import type { PeerIdString, UnitName } from '@vsmcp/kernel'

/** A unit that has a resource, or waits for it. */
export interface ClaimantView {
  unit: UnitName
  node: PeerIdString
  nodeName: string
  /** With others that share it, too. */
  shared: boolean
  /** When it asked, by the clock of its node. */
  since: string
}

/** A resource that units of the group claim. */
export interface ResourceView {
  resource: string
  holders: (ClaimantView & {
    /** Fencing token: the entry of the group's log that granted it, and the epoch. Who shows a lower one than was seen is refused. */
    token: number
    epoch: number
    /** The voters want it back: nothing more is begun under it. */
    recalled: boolean
  })[]
  /** In the order in which they will have it. */
  waiters: ClaimantView[]
}

export interface ScheduleRequest {
  name: string
  /** Five fields, or six with seconds first. */
  cron: string
  /** Such as `Europe/Berlin`. @default UTC */
  timezone?: string
  /** As it is called: `unit__tool`, or a bare name. */
  tool: string
  args: Record<string, unknown>
  /** What becomes of occurrences that nobody was there for. @default skip */
  missed?: 'skip' | 'once' | 'all'
  /** A run of which nobody knows how far it came is begun again. @default false */
  idempotent?: boolean
  /** A run is given up after this. @default 300_000 */
  timeoutMs?: number
  /** Name or PeerId of the member that runs it. @default the node that hosts the tool */
  node?: string
}

export interface ScheduleAdded {
  outcome: 'added' | 'unchanged'
  name: string
  /** The next occurrences. */
  next: string[]
  /** Such as: nobody offers the tool now. */
  warnings: string[]
}

export interface OccurrenceView {
  /** When it was due: this names it. */
  due: string
  outcome: 'done' | 'failed' | 'unknown' | 'skipped'
  reason: string
  node?: PeerIdString
  nodeName?: string
  startedAt?: string
  endedAt?: string
  attempt?: number
  /** Of several that were skipped together: the last one, and how many. */
  lastDue?: string
  count?: number
}

export interface ScheduleView {
  name: string
  cron: string
  timezone: string
  tool: string
  args: Record<string, unknown>
  missed: 'skip' | 'once' | 'all'
  idempotent: boolean
  timeoutMs: number
  /** Who is to run it, when that was said. */
  node?: PeerIdString
  nodeName?: string
  addedBy: PeerIdString
  addedAt: string
  /** Why it has no occurrences. */
  problem?: string
  next: string | null
  /** The occurrence under way: `assigned` while its node has not taken it. */
  running: { due: string; state: 'assigned' | 'running'; node: PeerIdString; nodeName: string; attempt: number } | null
  /** Occurrences that were missed and are run after it. */
  waiting: number
  /** The latest ones, newest first. */
  recent: OccurrenceView[]
}
