/** The first and the last time that a `Date` can hold, milliseconds from the Unix epoch (ECMA-262, 21.4.1.1). */
const CALENDAR_MS = 8.64e15

/** ISO 8601 text of a wall time, whoever wrote it down. What is beyond the calendar is shown as its end: `Date` would throw. */
export function isoTime(ms: number): string {
  return new Date(Math.min(Math.max(ms, -CALENDAR_MS), CALENDAR_MS)).toISOString()
}
