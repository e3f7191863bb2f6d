/** What becomes of occurrences that were missed: none is run, the latest one, or all. */
export type Missed = 'skip' | 'once' | 'all'

/** A schedule as the group's docket has it; `@vsmcp/consensus` decides them. */
export interface ScheduleState {
  readonly missed: Missed
  /** Which schedule of this name it is. */
  readonly addedAtIndex: number
  /** Up to when it is decided what becomes of its occurrences. */
  readonly decidedToMs: number
  /** Times of occurrences to be run; the first is being run. */
  readonly queue: readonly number[]
  readonly run?: { readonly executor: string; readonly attempt: number; readonly takenAtIndex?: number }
}

/** One attempt at one occurrence: its time names it, whatever clocks say now. */
export interface OccurrenceRef {
  readonly name: string
  readonly addedAtIndex: number
  readonly timeMs: number
  readonly attempt: number
}
