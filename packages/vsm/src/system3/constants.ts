/** How often what a unit may use is bargained anew, ms, and how soon after a large change. */
export const BARGAIN_PERIOD_MS = 10_000
export const BARGAIN_GAP_MS = 1_000

/** A grant is good for so many periods, ms: a bargain or two may fail without anybody noticing. */
export const GRANT_LIFE_MS = 3 * BARGAIN_PERIOD_MS

/** A demand that changed by more than this share, and by more than this many calls at once, is bargained for at once. */
export const LARGE_CHANGE_SHARE = 0.5
export const LARGE_CHANGE_CALLS = 2

/** A unit is taken to want so many times what it was seen to use, and one more: else no demand could be seen to grow. */
export const HEADROOM = 1.25

/** Heaviest weight: a thousand times the lightest is enough to say that one matters and another does not. */
export const WEIGHT_MAX = 1_000

/** Units one System 3 bargains among. */
export const BARGAINERS_MAX = 4_096

/** Windows in a row that miss a target before it is an exception, or meet it before that is over. */
export const EXCEPTION_WINDOWS = 3

/** Windows in a row that miss a target before it is grave: a minute at one per 5 s. */
export const GRAVE_WINDOWS = 12

/** An error share as measured exceeds its target only if chance alone would bring that about more rarely than this. */
export const MISS_SIGNIFICANCE = 0.01

/** Exceptions in one report to System 5: some 150 bytes each of the 8 KiB that a message may have. */
export const EXCEPTIONS_TOLD_MAX = 32

/** What a unit that lacks room asks System 5 for, times what it has. */
export const ASKED_DOSE = 2

/** A unit with so much of its grant in work on the mean lacks room. */
export const BOUND_SHARE = 0.8

/** Of what is known of a provider half is forgotten after this, ms: one report. Routing itself looks at what is in flight meanwhile. */
export const ROUTING_EVIDENCE_HALF_LIFE_MS = 5_000

/** So many calls of the usual latency a provider is taken to have answered before anything was seen of it: two slow ones are chance. */
export const LATENCY_PRIOR_CALLS = 2

/** Smallest weight beside 1: one call in twenty goes to the worst of two, which is how it is known to be well again. */
export const ROUTING_WEIGHT_MIN = 0.05

/** A weight of 1 in the parts that damping counts in. */
export const ROUTING_WEIGHT_PARTS = 1_000

/** A provider that sent a call back, or lost one, is passed over for so long, ms, while another can take calls: what its node says of it is here by then. */
export const PASSED_OVER_MS = 1_000

/** How much the newest call counts for the recent latency of a provider: it is the mean of about the last ten. */
export const LATENCY_WEIGHT = 0.2

/** A latency is known no longer than this, ms: it may be well again, or not. */
export const LATENCY_KNOWN_MS = 10_000

/** The own provider is not preferred below this weight: it takes more than three times as long as others, or fails so much more. */
export const LOCAL_WEIGHT_MIN = 0.3
