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
