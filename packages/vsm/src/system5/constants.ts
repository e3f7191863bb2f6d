/** Probability above which nothing is made surer by seeing more: what costs all there is to give needs as much. */
export const SURE = 0.99

/** Decisions in one pass: System 5's attention is bounded, and the starved side comes first. */
export const DECISIONS_AT_ONCE = 8

/** Windows in a row that meet the goal before a directive is said to have had its effect. */
export const EFFECT_WINDOWS = 3

/** What a directive without effect is given once more, times as much. */
export const RENEWED_DOSE = 1.5

/** Decisions of a side, and resources given to the other, before the balance says anything: fewer are chance. */
export const BALANCE_MIN = 3

/** Letters of names, purposes and patterns in an identity, and entries of its lists. */
export const IDENTITY_NAME_MAX = 64
export const PURPOSE_MAX = 500
export const IDENTITY_LIST_MAX = 64

/** Calls at once that a policy may ever allow a unit. */
export const POLICY_CONCURRENCY_MAX = 4_096

/** Milliseconds a directive may be in force, and be waited for, at least and at most. */
export const HOLD_MIN_MS = 10_000
export const HOLD_MAX_MS = 30 * 24 * 60 * 60_000

/** Units whose last orders a node remembers. */
export const FENCED_MAX = 4_096

/** Proposals that a node's own System 5 keeps, those that are over longest the first to go. */
export const OWN_LEDGER_MAX = 64

/** Milliseconds in which a node does not ask itself again for what it has just decided. */
export const OWN_PAUSE_MS = 30_000

/** Milliseconds that a proposal of an organ waits for its decision, unless a person may have to look: then for a day. */
export const PROPOSAL_LIFE_MS = 24 * 60 * 60_000

/** Milliseconds for which a new leader looks for itself before it says that an effect is wanting: some windows of five seconds each. */
export const SUCCESSOR_LOOKS_MS = 40_000

/** Milliseconds a directive from above must have held before it is said to have no effect: windows of five seconds, and calls that were in work. */
export const FOLLOWED_CHECK_MS = 60_000
