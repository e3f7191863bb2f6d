/**
 * The latest time that a majority of clocks has reached: as long as more than half of them are right, no one that is fast makes it early.
 * @param clocks what each shows now, as far as is known
 * @param count of all of them, also those of which nothing is known
 * @returns undefined while too little is known
 */
export function reachedByMost(clocks: readonly number[], count: number): number | undefined {
  const latestFirst = clocks.toSorted((a, b) => b - a)
  return latestFirst[Math.floor(count / 2)]
}

/**
 * Up to when the leader decides what is due: by its own clock, unless that is ahead of most by more than `toleranceMs`, as far as is known;
 * then by theirs, which the voters will bear out.
 */
export function dueTime(ownMs: number, reachedMs: number | undefined, toleranceMs: number): number {
  return reachedMs === undefined || ownMs <= reachedMs + toleranceMs ? ownMs : reachedMs
}
