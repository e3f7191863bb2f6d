import type { Proposal } from '@vsmcp/kernel'
import { EFFECT_WINDOWS, FENCED_MAX, RENEWED_DOSE, SUCCESSOR_LOOKS_MS } from './constants.ts'
import type { Governance } from './governance.ts'
import { needOfPerson, objectionTo } from './objection.ts'

/** What one window of a unit showed, as it was reported or measured here. */
export interface EffectWindow {
  /** Another one is another window. */
  readonly ordinal: number
  readonly calls: number
  readonly errors: number
  readonly turnedAway: number
  readonly inFlight: number
  readonly p99Ms: number | null
}

/** What System 5 sees of an effect: a window of the unit, or whether a tool is offered. */
export type EffectSeen = { readonly window: EffectWindow } | { readonly isOffered: boolean }

export type ClosureStep =
  | { readonly type: 'met'; readonly measured: number; readonly reason: string }
  /** Once more, and more of it. */
  | { readonly type: 'renew'; readonly value: number; readonly measured: number; readonly reason: string }
  | { readonly type: 'unmet'; readonly measured: number; readonly reason: string }
  | { readonly type: 'lapsed'; readonly reason: string }

interface Watched {
  readonly sequence: number
  /** Since when somebody looks here: who leads only since then has not seen what its predecessor saw. */
  readonly sinceMs: number
  ordinal: number | undefined
  /** Windows seen, the first aside, which may have begun before the directive. */
  windows: number
  met: number
  measured: number | undefined
}

/**
 * Closes the loop: whether each directive has the effect that its proposal promised is read from windows measured after it, within its time.
 * Met is what three windows in a row show; what is not met is decided once more, with half as much again where that is within the policies;
 * what has no effect then either is said to be unmet. Figures that cannot be are no windows.
 */
export class ClosureWatch {
  readonly #watched = new Map<string, Watched>()

  /** @returns undefined while it is too early to say */
  look(
    id: string,
    proposal: Proposal,
    seen: EffectSeen | undefined,
    governance: Governance,
    nowMs: number,
  ): ClosureStep | undefined {
    const { directive, closure } = proposal
    if (directive === undefined || closure !== undefined) {
      this.#watched.delete(id)
      return undefined
    }
    const watched = this.#watch(id, directive.sequence, nowMs)
    if (seen !== undefined) take(watched, seen, proposal)
    const step = stepOf(watched, proposal, governance, nowMs)
    if (step !== undefined) this.#watched.delete(id)
    return step
  }

  /** Only these are watched any more. */
  keep(ids: ReadonlySet<string>): void {
    for (const id of this.#watched.keys()) if (!ids.has(id)) this.#watched.delete(id)
  }

  #watch(id: string, sequence: number, nowMs: number): Watched {
    const known = this.#watched.get(id)
    if (known?.sequence === sequence) return known
    const made: Watched = { sequence, sinceMs: nowMs, ordinal: undefined, windows: 0, met: 0, measured: undefined }
    if (known !== undefined || this.#watched.size < FENCED_MAX) this.#watched.set(id, made)
    return made
  }
}

function take(watched: Watched, seen: EffectSeen, { effect }: Proposal): void {
  if ('isOffered' in seen) {
    watched.measured = seen.isOffered ? 1 : 0
    watched.met = seen.isOffered ? EFFECT_WINDOWS : 0
    return
  }
  const { window } = seen
  if (window.ordinal === watched.ordinal) return
  const isFirst = watched.ordinal === undefined
  watched.ordinal = window.ordinal
  if (isFirst) return
  watched.windows++
  // The one that was under way when the order came shows neither what was before nor what is after.
  if (watched.windows === 1) return
  const value = measuredOf(window, effect.metric)
  if (value === undefined) return
  watched.measured = value
  watched.met = value <= effect.goal ? watched.met + 1 : 0
}

function measuredOf(window: EffectWindow, metric: Proposal['effect']['metric']): number | undefined {
  const { calls, errors, turnedAway, inFlight, p99Ms } = window
  if (![calls, errors, turnedAway, inFlight, p99Ms ?? 0].every((value) => Number.isFinite(value) && value >= 0)) return undefined
  if (metric === 'in-flight') return inFlight
  if (metric === 'latency') return p99Ms ?? undefined
  if (calls === 0 || errors > calls || turnedAway > calls) return undefined
  return metric === 'errors' ? errors / calls : turnedAway / calls
}

function stepOf(
  { met, measured, sinceMs }: Watched,
  proposal: Proposal,
  governance: Governance,
  nowMs: number,
): ClosureStep | undefined {
  const { directive, effect, subject } = proposal
  if (directive === undefined) return undefined
  if (met >= EFFECT_WINDOWS && measured !== undefined) {
    return { type: 'met', measured, reason: `${effect.metric} is as it was to be` }
  }
  const { checkAtMs, givenAtMs } = directive
  if (nowMs < Math.max(checkAtMs, sinceMs + Math.min(checkAtMs - givenAtMs, SUCCESSOR_LOOKS_MS))) return undefined
  if (measured === undefined) return { type: 'lapsed', reason: `nothing could be measured of ${subject} in its time` }
  const reason = `${effect.metric} was to be ${effect.goal} at the most, and was ${Number(measured.toPrecision(3))}`
  const value = doseAfter(proposal, governance)
  return value === undefined ? { type: 'unmet', measured, reason } : { type: 'renew', value, measured, reason }
}

/** What is given the second time; undefined where more of it is not to be had without a person, or would be no more. */
function doseAfter(proposal: Proposal, governance: Governance): number | undefined {
  const { directive, kind, subject } = proposal
  if (directive === undefined || directive.attempt > 1) return undefined
  if (kind === 'capability' || kind === 'quarantine') return undefined
  const more = directive.value * RENEWED_DOSE
  const value = kind === 'concurrency' ? Math.ceil(more) : more
  const wanted = { kind, subject, value }
  if (objectionTo(wanted, governance) !== undefined || governance.flaws.length > 0) return undefined
  return needOfPerson(wanted, 0, governance.policy) === undefined ? value : undefined
}
