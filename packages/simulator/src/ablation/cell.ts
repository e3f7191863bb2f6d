/** A job of a cell: work on machines that other units want, too. */
export interface Job {
  readonly workMs: number
  readonly deadlineMs: number
  /** @param heldMs for how long machines were held for this job alone, whether it was worked on or waited for */
  readonly onEnd: (isDone: boolean, heldMs: number) => void
}

/** A unit of a cell, which does one job at a time. */
export interface CellUnit {
  do(job: Job): void
  /** Its node vanishes, and all that it was about. */
  die(): void
  comeBack(): void
}
