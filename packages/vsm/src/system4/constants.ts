/**
 * The four states of the multi-process model and their prior probabilities, as Cyberstride had them (P. J. Harrison, C. F. Stevens, "A Bayesian
 * approach to short-term forecasting", Operational Research Quarterly 22, 1971). They sum to one as they stand.
 *
 * The variances are multiples of the series' own observation variance, from the same paper: of the observation, of what the level jumps by, of
 * what the slope changes by.
 */
export const STATES = [
  { name: 'no-change', prior: 0.9, observation: 1, level: 0, slope: 0 },
  { name: 'step', prior: 0.003, observation: 1, level: 100, slope: 0 },
  { name: 'slope', prior: 0.003, observation: 1, level: 0, slope: 1 },
  { name: 'transient', prior: 0.094, observation: 101, level: 0, slope: 0 },
] as const

/** Ticks before the first forecast: so many values give a first scale that one odd value among them does not decide. */
export const WARM_UP_TICKS = 8

/**
 * How much of its evidence on the observation variance the model keeps per tick: about the last fifty ticks count, so that a series that grows
 * noisier or calmer is followed (M. West, J. Harrison, Bayesian Forecasting and Dynamic Models, 2nd ed., section 10.8).
 */
export const SCALE_DISCOUNT = 0.98

/** Degrees of freedom that the warm-up's rough scale counts for: little, the first observations soon outweigh it. */
export const SCALE_EVIDENCE_AT_START = 2

/** Largest value taken as an observation: its square is still a finite number, and no count, time or size of ours comes near. */
export const OBSERVATION_MAX = 1e15

/** Ticks ahead that may be asked for: beyond, the band of a linear growth model says nothing any more. */
export const HORIZON_MAX_TICKS = 1_000

/**
 * How the series may wander besides (variances per tick as multiples of the observation variance): not at all, as Harrison and Stevens had it; as a random
 * walk; as a smooth curve. Which of them a series follows is learned: a mixture of class I over models of class II. Without the latter two the first
 * series that wanders by itself (temperatures, unemployment) is forecast twice as badly as by its last value: docs/forecasting.md.
 */
export const WANDERS = [
  { level: 0, slope: 0 },
  { level: 10, slope: 0 },
  { level: 10, slope: 10 },
] as const

/** How much of the evidence for one model or another is kept per tick: the last fifty ticks count, since series change their nature. */
export const MODEL_DISCOUNT = 0.98

/** No model is ever less probable than this: what was wrong for a day may be right tomorrow. */
export const MODEL_PROBABILITY_MIN = 0.001

/** Ticks over which the own forecasts are scored. */
export const SKILL_WINDOW_TICKS = 128

/** Series that one node watches: three of each of 256 units, and those of the group. */
export const SERIES_MAX = 1_024

/** Times of service kept of a unit: the distribution to its 99th percentile, roughly, and half a minute of a busy unit. */
export const SERVICE_SAMPLES = 256

/** Calls in a unit up to which the time is told apart: its bulkhead and its queue together hold no more. */
export const LEVELS_MAX = 640

/** Busy time of a unit, milliseconds, after which what was measured so far counts half: a server may be replaced by a faster one. */
export const LEVEL_TIME_KEPT_MS = 600_000

/** Lives of a scenario that are simulated: the spread between them gives the confidence. */
export const REPLICATIONS = 20

/** Quantile of Student's t for a confidence of 95 % from twenty lives. */
export const CONFIDENCE_T = 2.093

/** Calls in one simulated life, and those at its beginning that are not counted, since it begins empty. */
export const CALLS_PER_LIFE = 20_000
export const CALLS_SETTLING = 4_000

/** Arrivals of a unit from which its rate is taken, and how old they may be, milliseconds. */
export const ARRIVALS_KEPT = 256
export const ARRIVALS_KEPT_MS = 600_000

/** Calls that a unit takes at once and that may wait for it, by its bulkhead: what bounds it when no other limit was seen. */
export const BULKHEAD_PLACES = 640
export const BULKHEAD_SERVERS = 128

/** Factors of demand and slowness that may be asked for: beyond, everything is refused and the answer says nothing. */
export const FACTOR_MAX = 1_000

/** Share of calls turned away that a unit with room enough stays below. */
export const TURNED_AWAY_GOAL = 0.01
