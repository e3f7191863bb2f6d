/** Mean time between two audits by one auditor, ms. With n auditors each unit of m is looked at every m / n of it. */
export const AUDIT_MEAN_MS = 60_000

/** Share of its audits that an auditor spends on units that an audit has already spoken against, while there are any. The others go on being looked at. */
export const FOLLOW_UP_SHARE = 0.75

/** Requests with which an auditor probes a unit: enough for a test, and no load. */
export const PROBES = 12

/** Calls an audit needs to say anything of latency. */
export const AUDIT_CALLS_MIN = 5

/** A report may be as late as this, ms: which of two reports a call so near to them falls between is not known. */
export const EDGE_MS = 5_000

/** Own calls of one unit that are remembered one by one. An audit of more of them says nothing of their number. */
export const CALLS_KEPT = 2_048

/** Units one auditor watches. */
export const AUDITED_MAX = 4_096

/** What the way there and back may take besides the round trip and own delays, ms: two event loops, two queues. */
export const OVERHEAD_MS = 20

/** Bytes of an answer that the way takes a millisecond for, at the slowest that is not remarked on: 1 MiB/s. */
export const BYTES_PER_MS = 1_049

/** A host that claims less than this share of the latency seen is said to lie, not less: it is to matter. */
export const CLAIM_RATIO = 0.8

/** Least p-value an audit is given, so that no one or two audits accuse anybody, whatever they saw. */
export const P_MIN = 1e-6

/** Evidence that makes a finding: an honest host is accused once in so many audits, on average, at the most. */
export const EVIDENCE_MAX = 1e6

/** Audits in a row without anything to remark that end a finding. */
export const CLEAN_AUDITS = 3

/** Reports refused as no honest host makes them before that is a finding. */
export const BAD_REPORTS = 3

/** Findings shown, the oldest that are over first to go. */
export const FINDINGS_MAX = 256

/** What is known of a unit that is away is kept for so long, milliseconds: going and coming back clears nobody. */
export const AUDITED_KEPT_MS = 60 * 60_000
