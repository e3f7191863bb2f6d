import type { PeerIdString, UnitName } from '@vsmcp/kernel'
import {
  LATENCY_SUM_TOLERANCE,
  LATENCY_SUM_TOLERANCE_MS,
  PERCENTILE_CALLS_MAX,
  RATE_MAX_PER_S,
  REFUSED_SENDERS_MAX,
  REPORT_BURST,
  REPORT_CALLERS_MAX,
  REPORT_GAP_MS,
  REPORT_SKEW_MAX_MS,
} from './constants.ts'
import { RefusalTally } from '../refusal-tally.ts'
import type { ReportedAccount, UnitReport } from './unit-report.ts'

/**
 * Why a report is not taken:
 * - `malformed`: no report at all, a number that is NaN, negative or beyond any bound
 * - `wrong-sender`: of a unit that its sender does not host
 * - `replayed`: not newer than what was heard before
 * - `stale`: by a clock that is further off than any should be
 * - `flooded`: one of too many
 * - `absurd`: numbers that cannot be together
 * - `contradictory`: its accounts of callers do not fit its totals
 */
export const REFUSALS = ['malformed', 'wrong-sender', 'replayed', 'stale', 'flooded', 'absurd', 'contradictory'] as const
export type Refusal = (typeof REFUSALS)[number]

export interface HeardReport {
  readonly node: PeerIdString
  readonly sequence: number
  readonly atMs: number
  readonly report: UnitReport
}

export type Verdict = { readonly taken: true } | { readonly taken: false; readonly refusal: Refusal; readonly what: string }

interface Known {
  readonly node: PeerIdString
  readonly sequence: number
  readonly report: UnitReport
  /** A bucket of tokens against floods. */
  readonly tokens: number
  readonly atMs: number
}

const TAKEN: Verdict = { taken: true }

/**
 * Takes reports of units or refuses them, and counts by sender what was refused: System 3* looks at that. A report of a later version
 * carries accounts of callers beside its totals; those of two successive reports must add up, so that who embellishes one number has to
 * embellish what a caller knows better.
 */
export class ReportJudge {
  /** By unit and node: a unit may have several hosts. */
  readonly #known = new Map<string, Known>()
  readonly #refused = new RefusalTally(REFUSALS, REFUSED_SENDERS_MAX)

  /** @param isOfHost whether its sender hosts the unit, as the docket says */
  judge(heard: HeardReport, isOfHost: boolean, nowMs: number, wallMs: number): Verdict {
    const verdict = this.#verdict(heard, isOfHost, nowMs, wallMs)
    if (!verdict.taken) this.refuse(heard.node, verdict.refusal)
    return verdict
  }

  /** Counts what was refused before it could be read. */
  refuse(node: PeerIdString, refusal: Refusal): void {
    this.#refused.add(node, refusal)
  }

  /** By sender, since this node began to listen. */
  get refused(): ReadonlyMap<PeerIdString, Readonly<Record<Refusal, number>>> {
    return this.#refused.counts
  }

  /** Nothing is kept of whom does not host the unit any more, and of senders who are no members. */
  keepOnly(isHost: (unit: UnitName, node: PeerIdString) => boolean, isMember: (node: PeerIdString) => boolean): void {
    for (const [key, { node, report }] of this.#known) if (!isHost(report.unit, node)) this.#known.delete(key)
    this.#refused.keepOnly(isMember)
  }

  #verdict(heard: HeardReport, isOfHost: boolean, nowMs: number, wallMs: number): Verdict {
    const { node, sequence, atMs, report } = heard
    const { unit } = report
    if (!isOfHost) return no('wrong-sender', `${node} reports of ${unit}, which it does not host`)
    const key = `${unit} ${node}`
    const before = this.#known.get(key)
    if (before !== undefined && sequence <= before.sequence) return no('replayed', `report ${sequence} of ${unit} is not new`)
    if (Math.abs(atMs - wallMs) > REPORT_SKEW_MAX_MS) return no('stale', `a report of ${unit} by a clock that is far off`)
    const gained = before === undefined ? REPORT_BURST : before.tokens + Math.max(0, nowMs - before.atMs) / REPORT_GAP_MS
    const tokens = Math.min(REPORT_BURST, gained) - 1
    if (tokens < 0) return no('flooded', `more reports of ${unit} than anybody can use`)
    const flaw = absurdity(report)
    const contradiction = flaw === undefined ? contradictionOf(before?.report, report, node) : undefined
    // Also what contradicts is remembered: the next one is held against it, and a lie is not told once and then forgotten.
    this.#known.set(key, { node, sequence, report, tokens, atMs: nowMs })
    if (flaw !== undefined) return no('absurd', `${unit}: ${flaw}`)
    return contradiction === undefined ? TAKEN : no('contradictory', `${unit}: ${contradiction}`)
  }
}

const no = (refusal: Refusal, what: string): Verdict => ({ taken: false, refusal, what })

function absurdity({ windowMs, calls, inFlight, latencyP99Ms, latencyP50Ms, errors, measured }: UnitReport): string | undefined {
  if (calls > (RATE_MAX_PER_S * windowMs) / 1_000 || inFlight > RATE_MAX_PER_S) return `${calls} calls in ${windowMs} ms`
  if (measured === undefined) return undefined
  const { actuality, capability, potentiality, answered, latencyMaxMs, turnedAway, callers } = measured
  if (answered > calls || turnedAway > errors) return 'parts that are more than the whole'
  if ((latencyMaxMs ?? Infinity) < (latencyP99Ms ?? 0)) return 'a 99th percentile above the longest latency'
  if ((latencyP50Ms === null) !== (answered === 0)) return 'latencies of no answers'
  // Cancelled calls are neither errors nor answered well, so that this is a bound and no equation.
  if (actuality * windowMs > (calls - errors) * 1_000 * (1 + LATENCY_SUM_TOLERANCE) + 1) return 'more answered well than ended so'
  if (capability !== null && actuality > capability * (1 + LATENCY_SUM_TOLERANCE)) return 'more done than can be done'
  if (potentiality !== null && (capability ?? 0) > potentiality * (1 + LATENCY_SUM_TOLERANCE))
    return 'more can be done than could be'
  if (new Set(callers.map(({ node }) => node)).size < callers.length) return 'two accounts of one caller'
  return undefined
}

/** What the accounts grew by since the report before must fit into the window's totals. */
function contradictionOf(before: UnitReport | undefined, now: UnitReport, node: PeerIdString): string | undefined {
  const [was, is] = [before?.measured, now.measured]
  // A host that has learnt to give accounts does not unlearn it, but for an older version put back: then nothing can be held against it.
  if (is === undefined) return undefined
  const isNext = was !== undefined && was.life === is.life && was.ordinal + 1 === is.ordinal
  if (was !== undefined && was.life === is.life) {
    if (is.ordinal <= was.ordinal) return 'its reports count backwards'
    for (const account of is.callers) {
      const earlier = was.callers.find((each) => each.node === account.node)
      if (earlier !== undefined && shrinks(earlier, account)) return `its account of ${account.node} shrinks`
    }
  }
  if (!isNext) return undefined
  const grown = grownBy(was.callers, is.callers, was.callers.length >= REPORT_CALLERS_MAX)
  if (grown.answered + grown.refused > is.answered) return `accounts of more answers than the ${is.answered} it reports`
  if (grown.refused > now.errors) return `accounts of more errors than the ${now.errors} it reports`
  if (is.answered > PERCENTILE_CALLS_MAX || now.latencyP50Ms === null || now.latencyP99Ms === null) return undefined
  const most = mostSummed(is.answered, now.latencyP50Ms, now.latencyP99Ms, is.latencyMaxMs ?? now.latencyP99Ms)
  if (grown.latencyMs <= most * (1 + LATENCY_SUM_TOLERANCE) + LATENCY_SUM_TOLERANCE_MS) return undefined
  return `accounts of ${Math.round(grown.latencyMs)} ms of work by ${node}, where its percentiles allow ${Math.round(most)}`
}

const shrinks = (before: ReportedAccount, now: ReportedAccount): boolean =>
  now.answered < before.answered || now.refused < before.refused || now.latencyMs < before.latencyMs

function grownBy(
  before: readonly ReportedAccount[],
  now: readonly ReportedAccount[],
  isCut: boolean,
): Omit<ReportedAccount, 'node'> {
  const sum = { answered: 0, refused: 0, latencyMs: 0 }
  for (const account of now) {
    const earlier = before.find(({ node }) => node === account.node)
    // Of a caller that was not among those named, what it had before is not known.
    if (earlier === undefined && isCut) continue
    sum.answered += account.answered - (earlier?.answered ?? 0)
    sum.refused += account.refused - (earlier?.refused ?? 0)
    sum.latencyMs += account.latencyMs - (earlier?.latencyMs ?? 0)
  }
  return sum
}

/** The most that so many latencies can sum up to with these nearest-rank percentiles and this longest one. */
function mostSummed(count: number, p50Ms: number, p99Ms: number, maxMs: number): number {
  const [half, most] = [Math.ceil(0.5 * count), Math.ceil(0.99 * count)]
  return half * p50Ms + (most - half) * p99Ms + (count - most) * maxMs
}
