/** Between two looks of System 4, milliseconds: as often as units report. */
export const SCAN_PERIOD_MS = 5_000

/** Ticks without a value that are counted one by one; after more the forecast is as unsure as it gets, roughly. */
export const MISSES_MAX = 64

/** Series are written down in turn, this share of them at every tick: each once a minute. */
export const CHECKPOINT_SHARE = 12

/** Between two readings of a feed, milliseconds: prices, weather and queues of others change no faster than a person reads. */
export const FEED_PERIOD_MS = 60_000

/** Feeds of one node. */
export const FEEDS_MAX = 32

/** A reading of a feed that takes longer is given up, milliseconds. */
export const FEED_DEADLINE_MS = 10_000

/** What a feed gives may be so long, bytes: a number, or a small document with one in it. */
export const FEED_BYTES_MAX = 64 * 1024

/** Turns of series that a node remembers. */
export const TURNS_KEPT = 64

/** Simulations at once: each takes a core for a second, and calls need theirs. */
export const SIMULATIONS_MAX = 1

/** Questions that wait for a simulation; one more is refused. */
export const SIMULATIONS_QUEUED_MAX = 8

/** A simulation that takes longer is given up, milliseconds. */
export const SIMULATION_DEADLINE_MS = 60_000

/** A worker without work is ended after this, milliseconds: an idle node keeps its memory small. */
export const WORKER_IDLE_MS = 10_000

/** Calls simulated in one life, over all units and both scenarios: a second of a core, roughly, for the lives of each. */
export const CALLS_IN_ALL = 200_000

/** Of one unit in one life, at the most and at the least: below, the 99th percentile rests on a dozen calls. */
export const CALLS_MAX = 20_000
export const CALLS_MIN = 2_000

/** Ticks ahead for which System 4 asks whether demand will be above what a unit can do: time enough to see the effect of an answer. */
export const FORECAST_AHEAD_TICKS = 20
