import { FOLLOWED_STATES, GROUP_DEPTH_MAX, isWorse } from '@vsmcp/kernel'
import { plainText } from '../algedonic/signal.ts'
import { RATE_MAX_PER_S } from '../system1/constants.ts'
import { type Achievement, together } from '../system1/unit-figures.ts'
import { entropyBits } from '../variety/entropy.ts'
import type { VarietyFigures } from '../variety/variety.ts'
import { type CallOutcome, OUTCOMES } from '../variety/window.ts'
import {
  BELOW_MAX,
  BITS_MAX,
  DIRECTIVES_MAX,
  FOLLOWED_BYTES_MAX,
  RECORD_ALERTS_BYTES_MAX,
  RECORD_ALERTS_MAX,
  RECORD_LIFE_MS,
  RECORD_SUBJECT_LENGTH_MAX,
} from './constants.ts'
import { type Followed, type GroupFigures, type GroupRecord, type GroupVariety, type RecordAlert } from './group-record.ts'
import { fitting, type RecordHead } from './record-head.ts'
import type { Revocation } from './revocation.ts'
import { ToolFilter } from './tool-filter.ts'

/** Calls of one outcome that are counted: all kinds of outcomes together are still a number that is exact. */
const OUTCOME_CALLS_MAX = Math.floor(Number.MAX_SAFE_INTEGER / OUTCOMES.length)

/** What is counted of one group without what is below it. */
export interface OwnGroup {
  readonly path: string
  /** Members at home here. */
  readonly members: number
  /** Of its own units; child groups are no part of it. */
  readonly figures: GroupFigures
  /** Of the calls that its members' clients made. */
  readonly variety: Pick<VarietyFigures, keyof GroupVariety>
  readonly alerts: readonly RecordAlert[]
  readonly exports: string
  /** Names under which its own tools are listed. */
  readonly tools: ToolFilter
  /** As chosen for this side (`KnownRevocations.toldTo`). */
  readonly revocations: readonly Revocation[]
  readonly followed: readonly Followed[]
}

/**
 * The group's own state and the records of its children make its record, which is no larger for how much is below (attenuation). What is more than a
 * record may say is said as the most it may: a child that boasts silences nobody above it.
 */
export function foldGroup(head: Omit<RecordHead, 'untilMs'>, own: OwnGroup, children: readonly GroupRecord[]): GroupRecord {
  const tools = ToolFilter.empty()
  tools.join(own.tools)
  for (const child of children) {
    const below = ToolFilter.fromText(child.tools)
    if (below !== undefined) tools.join(below)
  }
  const sum = (of: (child: GroupRecord) => number): number => children.reduce((total, child) => total + of(child), 0)
  return {
    ...head,
    untilMs: head.atMs + RECORD_LIFE_MS,
    path: own.path,
    members: Math.min(BELOW_MAX, own.members + sum(({ members }) => members)),
    groups: Math.min(BELOW_MAX, children.length + sum(({ groups }) => groups)),
    depth: children.length === 0 ? 0 : Math.min(GROUP_DEPTH_MAX, 1 + Math.max(...children.map(({ depth }) => depth))),
    figures: foldFigures([own.figures, ...children.map(({ figures }) => figures)]),
    variety: foldVariety([own.variety, ...children.map(({ variety }) => variety)]),
    alerts: worstAlerts([own.alerts, ...children.map(({ alerts }) => alerts)].flat()),
    alertsOpen: Math.min(BELOW_MAX, own.alerts.length + sum(({ alertsOpen }) => alertsOpen)),
    exports: own.exports,
    tools: tools.toText(),
    revocations: [...own.revocations],
    followed: fitting(own.followed.toSorted(byUrgency), DIRECTIVES_MAX, FOLLOWED_BYTES_MAX),
  }
}

/** What is refused is heard of first, then what has no effect. */
function byUrgency(a: Followed, b: Followed): number {
  return FOLLOWED_STATES.indexOf(b.state) - FOLLOWED_STATES.indexOf(a.state)
}

/** Side by side: counts and rates add up, scaled to the first one's window where others have another. */
export function foldFigures(parts: readonly GroupFigures[]): GroupFigures {
  const windowMs = parts[0]?.windowMs ?? 1
  const sum = (of: (part: GroupFigures) => number): number => parts.reduce((total, part) => total + of(part), 0)
  const scaled = (of: (part: GroupFigures) => number): number =>
    parts.reduce((total, part) => total + Math.round((of(part) * windowMs) / part.windowMs), 0)
  const answered = (part: GroupFigures): number => (part.calls - part.errors) / part.windowMs
  const timed = parts.filter(({ latencyMs }) => latencyMs !== null)
  const weight = timed.reduce((total, part) => total + answered(part), 0)
  const latencyMs = timed.reduce((total, part) => total + (part.latencyMs ?? 0) * answered(part), 0)
  // Each is rounded by itself; what must not exceed another still does not.
  const calls = Math.min(
    Math.floor((RATE_MAX_PER_S * windowMs) / 1_000),
    scaled((part) => part.calls),
  )
  const errors = Math.min(
    calls,
    scaled((part) => part.errors),
  )
  return {
    windowMs,
    calls,
    errors,
    turnedAway: Math.min(
      errors,
      scaled((part) => part.turnedAway),
    ),
    inFlight: Math.min(
      Number.MAX_SAFE_INTEGER,
      sum(({ inFlight }) => inFlight),
    ),
    queued: Math.min(
      Number.MAX_SAFE_INTEGER,
      sum(({ queued }) => queued),
    ),
    latencyMs: weight > 0 ? latencyMs / weight : null,
    ...possible(together(parts.map(({ actuality, capability, potentiality }) => ({ actuality, capability, potentiality })))),
  }
}

function possible({ actuality, capability, potentiality }: Achievement): Achievement {
  const most = (rate: number | null): number | null => (rate === null ? null : Math.min(RATE_MAX_PER_S, rate))
  return {
    actuality: Math.min(RATE_MAX_PER_S, actuality),
    capability: most(capability),
    potentiality: most(potentiality),
  }
}

/**
 * Entropies of parts make that of the whole by Shannon's grouping rule, H = H(shares) + Σ share × H(part), exactly where no kind is in two parts: demand
 * and response are of tools, which are a group's own, so a tool of one name in two groups counts as two. Outcomes are the same everywhere, and are
 * counted together. What remains when the response is known is an average over responses, and so over parts.
 */
export function foldVariety(parts: readonly Pick<VarietyFigures, keyof GroupVariety>[]): GroupVariety {
  const outcomes: Partial<Record<CallOutcome, number>> = {}
  for (const part of parts) {
    for (const [outcome, calls] of Object.entries(part.outcomes) as [CallOutcome, number][]) {
      outcomes[outcome] = Math.min(OUTCOME_CALLS_MAX, (outcomes[outcome] ?? 0) + calls)
    }
  }
  const busy = parts.filter(({ calls }) => calls > 0)
  const calls = busy.reduce((sum, part) => sum + part.calls, 0)
  const mean = (of: (part: (typeof busy)[number]) => number): number =>
    busy.reduce((sum, part) => sum + (part.calls / calls) * of(part), 0)
  const sharesBits = busy.reduce((bits, part) => bits - (part.calls / calls) * Math.log2(part.calls / calls), 0)
  const outcomeBits = entropyBits(Object.values(outcomes))
  const whole = (of: (part: (typeof busy)[number]) => number): number =>
    busy.length === 0 ? 0 : Math.min(BITS_MAX, sharesBits + mean(of))
  return {
    calls: Object.values(outcomes).reduce((sum, each) => sum + each, 0),
    outcomes,
    demandBits: whole(({ demandBits }) => demandBits),
    responseBits: whole(({ responseBits }) => responseBits),
    outcomeBits,
    residualBits: Math.min(outcomeBits, busy.length === 0 ? 0 : mean(({ residualBits }) => residualBits)),
  }
}

/** The most severe first, then those open longest; as many as a record has room for. */
export function worstAlerts(alerts: readonly RecordAlert[]): RecordAlert[] {
  const order = alerts.toSorted((a, b) =>
    a.severity === b.severity ? a.onsetMs - b.onsetMs : isWorse(a.severity, b.severity) ? -1 : 1,
  )
  const each = new Map<string, RecordAlert>()
  for (const alert of order) {
    const key = `${alert.group} ${alert.id}`
    if (each.size >= RECORD_ALERTS_MAX) break
    if (!each.has(key)) {
      each.set(key, { ...alert, subject: plainText(alert.subject, RECORD_SUBJECT_LENGTH_MAX) || 'no subject' })
    }
  }
  return fitting(each.values(), RECORD_ALERTS_MAX, RECORD_ALERTS_BYTES_MAX)
}
