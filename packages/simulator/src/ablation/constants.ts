/** The world of the ablation: chosen once, before the first comparison was looked at. docs/ablation/README.md says why. Times in simulated milliseconds. */

/** One life: longer than every disturbance and what follows from it. What comes before `WARM_UP_MS` is not counted. */
export const LIFE_MS = 1_800_000
export const WARM_UP_MS = 240_000

/** Sites far from one another, and nodes in each. */
export const SITES = 3
export const NODES_PER_SITE = 4

/** Round trips within a site, and between sites (Europe to the American coast and the like). */
export const LAN_RTT_MS = 1
export const WAN_RTT_MS = 60

/** Calls that a node works on at full speed: what its memory holds. With more it thrashes, and all of them together do less. */
export const NODE_PLACES = 8

/** A bulkhead without a grant, and its queue, as `@vsmcp/mcp` has them. */
export const UNIT_IN_FLIGHT_MAX = 128
export const UNIT_QUEUE_MAX = 512
export const WORK_TIME_WEIGHT = 1 / 16

/** A service as its clients and its servers are: log-normal work with this mean and this sigma of its logarithm. */
export interface ServiceModel {
  /** Of one site, calls per second, before bursts and drift. */
  readonly ratePerS: number
  readonly workMs: number
  readonly sigma: number
  readonly deadlineMs: number
  /** Share of calls that fail anyway. */
  readonly errorShare: number
  /** What its owner has it owe: loose, lest it cries wolf. */
  readonly owed: { readonly p99Ms: number; readonly errorShare: number }
}

export const SERVICES = {
  /** Comes in bursts; on every node. */
  search: {
    ratePerS: 6,
    workMs: 400,
    sigma: 0.6,
    deadlineMs: 3_000,
    errorShare: 0.01,
    owed: { p99Ms: 2_500, errorShare: 0.05 },
  },
  /** Steady; on every node, so it has to live beside the bursts. */
  quote: {
    ratePerS: 8,
    workMs: 200,
    sigma: 0.5,
    deadlineMs: 2_000,
    errorShare: 0.01,
    owed: { p99Ms: 1_500, errorShare: 0.05 },
  },
  /** One server in each site, which cannot be replicated: who lies, and what is poisoned, is here. */
  ledger: {
    ratePerS: 3,
    workMs: 300,
    sigma: 0.5,
    deadlineMs: 3_000,
    errorShare: 0.01,
    owed: { p99Ms: 2_000, errorShare: 0.05 },
  },
  /** Demand drifts and has seasons; served by instances that are started and stopped. */
  chat: {
    ratePerS: 4,
    workMs: 800,
    sigma: 0.5,
    deadlineMs: 5_000,
    errorShare: 0.01,
    owed: { p99Ms: 4_500, errorShare: 0.05 },
  },
} as const satisfies Record<string, ServiceModel>
export type ServiceName = keyof typeof SERVICES

/** Bursts of `search` at a site: gaps (mean), lengths and factors (from, to). At ten a site is at its capacity, beyond it is above. */
export const BURST_GAP_MS = 150_000
export const BURST_LENGTH_MS = [20_000, 60_000] as const
export const BURST_FACTOR = [4, 14] as const

/** `chat` grows by so much over a life, and has a day of so long with its noon at another time in each site: demand triples in half a day. */
export const CHAT_GROWTH = 0.6
export const CHAT_SEASON = 0.5
export const CHAT_DAY_MS = 900_000

/**
 * Calls one instance of `chat` serves at once, instances that the mesh has in all (one node runs one at most), and how long one takes to come: a
 * seventh of a day, a quarter of the morning in which demand triples.
 */
export const CHAT_CONCURRENCY = 3
export const CHAT_POOL = 8
export const CHAT_START_MS = 120_000

/** An instance goes when it was not wanted for so long. */
export const CHAT_STAY_MS = 60_000

/** Jobs of one unit of a cell per second, their work, and until when a client wants them done. */
export const CELL_RATE_PER_S = 0.35
export const CELL_WORK_MS = 400
export const CELL_SIGMA = 0.4
export const CELL_DEADLINE_MS = 10_000

/** Without System 2 a lock whose owner vanished is free after this: the time after which System 2 takes a claim away. */
export const LOCK_LEASE_MS = 30_000

/** The liar: from then on it is so much slower and fails so often, and reports what it did before. */
export const LIAR_FROM_MS = [300_000, 420_000] as const
export const LIAR_SLOWNESS = 2.5
export const LIAR_ERRORS = 0.25

/** The slow poison: work takes twice as long after each of these, up to eight times, and more calls fail with every minute. */
export const POISON_FROM_MS = [300_000, 420_000] as const
export const POISON_DOUBLING_MS = 360_000
export const POISON_SLOWNESS_MAX = 8
export const POISON_ERRORS_PER_MIN = 0.02
export const POISON_ERRORS_MAX = 0.6

/** A node vanishes, and is back after so long. */
export const LOSS_FROM_MS = [700_000, 800_000] as const
export const LOSS_FOR_MS = 240_000

/** The uplink of a site is cut for so long: within it all goes on, nothing comes in or out. */
export const CUT_FROM_MS = [1_200_000, 1_400_000] as const
export const CUT_FOR_MS = 180_000

/** A question to System 5, and an alert, that nobody answers is given up after this, as in `@vsmcp/node`. */
export const DECISION_DEADLINE_MS = 10_000
export const ALERT_DEADLINE_MS = 3_000

/** A vanished node is failed for the others after this: SWIM, as measured with eight members. */
export const FAILED_AFTER_MS = 3_000

/** Without its leader a group decides nothing for so long: pause and election, as measured. */
export const ELECTION_MS = 1_500

/** What the controller of a group spends on one report of a unit, and on one entry of the log: measured, see docs/ablation/README.md. */
export const REPORT_COST_MS = 0.1
export const DECISION_COST_MS = 2

/** A unit that is started anew answers again after this; one that moves to another node, after this. Not more often than so. */
export const RESTART_MS = 10_000
export const MOVE_MS = 30_000
export const REMEDY_GAP_MS = 300_000

/** As in `@vsmcp/node`: between reports, bargains, looks of auditors, and looks at alerts. */
export const REPORT_PERIOD_MS = 5_000
export const BARGAIN_TICK_MS = 1_000
export const AUDIT_TICK_MS = 1_000
export const ALERT_TICK_MS = 500
export const SYNERGY_TICK_MS = 1_000
export const POOL_PERIOD_MS = 10_000
