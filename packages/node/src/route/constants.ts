/** A provider that sent a call back, or lost one, is passed over for so long, ms, while another can take calls: what its node says of it is here by then. */
export const PASSED_OVER_MS = 1_000

/** How much the newest call counts for the recent latency of a provider: it is the mean of about the last ten. */
export const LATENCY_WEIGHT = 0.2

/** A latency is known no longer than this, ms: it may be well again, or not. */
export const LATENCY_KNOWN_MS = 10_000

/** The own provider is not preferred below this weight: it takes more than three times as long as others, or fails so much more. */
export const LOCAL_WEIGHT_MIN = 0.3
