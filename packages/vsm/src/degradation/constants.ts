/**
 * Thresholds of the signs of overload: a step is wanted from the first on, and until it falls below the second. The event loop's lag,
 * milliseconds: from 200 on a person notices, and a second is what voters wait for a leader's heartbeat.
 */
export const LOOP_REDUCED_MS = { enter: 200, stay: 100 }
export const LOOP_ESSENTIAL_MS = { enter: 1_000, stay: 400 }

/** What units want over what the node shares out. From 1 on some wait for others; queues grow long before that (at 0.8 M/M/1 has four in work or waiting). */
export const LOAD_REDUCED = { enter: 0.8, stay: 0.6 }
export const LOAD_ESSENTIAL = { enter: 1.2, stay: 0.9 }

/** A measured sign must want a step so many times in a row, lest a moment does: looks are a second apart. */
export const RISE_LOOKS = 3

/** So many looks in a row without any sign of it, and the step is left for the one below. */
export const FALL_LOOKS = 10

/** A step that is wanted again within so many looks of being left was left too early: the wait doubles each time, up to the longest. */
export const RELAPSE_LOOKS = 60
export const FALL_LOOKS_MAX = 160
