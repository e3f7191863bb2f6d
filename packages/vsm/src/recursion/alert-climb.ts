import type { Severity } from '@vsmcp/kernel'
import { CLIMB_RETRY_MAX_MS, CLIMB_RETRY_MS, DELEGATE_STAGGER_MS } from './constants.ts'

/** An alert in the docket of the group below. */
export interface AlertBelow {
  readonly id: string
  readonly severity: Severity
  /** Not remedied within the group's term. */
  readonly isOverdue: boolean
  readonly isAcknowledged: boolean
  /** Why it is over; undefined while it is open. */
  readonly closed: string | undefined
}

/** The same one in the docket of the group above. */
export interface AlertAbove {
  readonly isAcknowledged: boolean
  readonly isClosed: boolean
}

/** What a delegate is to do; it has a seat in both. */
export type ClimbEffect =
  /** Raise it above under this id; answer with `answered`. */
  | { readonly type: 'raise'; readonly id: string; readonly as: string }
  /** It is over below. */
  | { readonly type: 'resolve'; readonly id: string; readonly as: string; readonly reason: string }
  /** Somebody above has seen it: so it is noted below. */
  | { readonly type: 'acknowledge'; readonly id: string }

export interface AlertClimbComponents {
  /** Id above of an alert below: the same for all delegates, another one for every group and alert. */
  idAbove: (id: string) => string
}

interface Attempt {
  readonly effect: ClimbEffect['type']
  notBeforeMs: number
  tries: number
}

/**
 * The algedonic channel between two levels, as a delegate serves it: what the group below could not remedy in its term, and what is critical
 * at once, is raised above (S. Beer, Brain of the Firm, 2nd ed., ch. 15); what is over below is over above; that it was seen above is noted below. All
 * delegates do the same under the same ids, so that it happens once whoever of them is there; those after the first wait a moment.
 *
 * Pure: both dockets come in, what is to be done comes out; the dockets show whether it was done.
 */
export class AlertClimb {
  readonly #c: AlertClimbComponents
  readonly #attempts = new Map<string, Attempt>()
  /** Seen above, and not to be raised again should it be forgotten there. */
  readonly #told = new Set<string>()
  /** When it was first seen that something is to be done. */
  readonly #since = new Map<string, number>()

  constructor(components: AlertClimbComponents) {
    this.#c = components
  }

  /**
   * @param rank place of this delegate among those that are alive, 0 for the first
   * @returns what to do now
   */
  look(below: readonly AlertBelow[], above: (as: string) => AlertAbove | undefined, rank: number, nowMs: number): ClimbEffect[] {
    this.#forgetOthersThan(below)
    const effects: ClimbEffect[] = []
    for (const alert of below) {
      const effect = this.#due(alert, above(this.#c.idAbove(alert.id)))
      if (effect === undefined) {
        this.#since.delete(alert.id)
        this.#attempts.delete(alert.id)
      } else if (this.#mayTry(effect, rank, nowMs)) effects.push(effect)
    }
    return effects
  }

  /** When `look` may have something to do though nothing changed; undefined when it waits for nothing. */
  nextLookMs(rank: number): number | undefined {
    let next = Number.POSITIVE_INFINITY
    for (const [id, sinceMs] of this.#since) {
      next = Math.min(next, this.#attempts.get(id)?.notBeforeMs ?? sinceMs + rank * DELEGATE_STAGGER_MS)
    }
    return Number.isFinite(next) ? next : undefined
  }

  #due({ id, severity, isOverdue, isAcknowledged, closed }: AlertBelow, above: AlertAbove | undefined): ClimbEffect | undefined {
    const as = this.#c.idAbove(id)
    if (above !== undefined) this.#told.add(id)
    if (closed !== undefined) {
      return above === undefined || above.isClosed ? undefined : { type: 'resolve', id, as, reason: closed }
    }
    if (above === undefined) {
      return this.#told.has(id) || !(severity === 'critical' || isOverdue) ? undefined : { type: 'raise', id, as }
    }
    return above.isAcknowledged && !isAcknowledged ? { type: 'acknowledge', id } : undefined
  }

  #mayTry({ id, type }: ClimbEffect, rank: number, nowMs: number): boolean {
    const sinceMs = this.#since.get(id) ?? nowMs
    this.#since.set(id, sinceMs)
    const last = this.#attempts.get(id)
    const attempt: Attempt =
      last?.effect === type ? last : { effect: type, notBeforeMs: sinceMs + rank * DELEGATE_STAGGER_MS, tries: 0 }
    this.#attempts.set(id, attempt)
    if (nowMs < attempt.notBeforeMs) return false
    attempt.notBeforeMs = nowMs + Math.min(CLIMB_RETRY_MAX_MS, CLIMB_RETRY_MS * 2 ** attempt.tries)
    attempt.tries++
    return true
  }

  #forgetOthersThan(below: readonly AlertBelow[]): void {
    const ids = new Set(below.map(({ id }) => id))
    for (const kept of [this.#attempts, this.#told, this.#since]) {
      for (const id of kept.keys()) if (!ids.has(id)) kept.delete(id)
    }
  }
}
