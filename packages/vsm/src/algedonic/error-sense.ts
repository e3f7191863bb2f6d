import { type Beta, probabilityOfExcess } from './beta.ts'
import { ERROR_MARGIN, PAIN_PROBABILITY, RECENT_WINDOWS, RELIEF_PROBABILITY, USUAL_KEPT, USUAL_PRIOR } from './constants.ts'

export interface ErrorCounts {
  readonly calls: number
  readonly errors: number
}

export interface ErrorVerdict {
  readonly feeling: 'pain' | 'relief'
  /** That the share of errors exceeds the usual one by the margin. */
  readonly probability: number
  readonly share: number
  readonly usual: number
}

interface Counted {
  readonly errors: number
  readonly successes: number
}

/** What is usual, what was lately, and whether that hurts. */
export interface KeptErrors {
  readonly recent: readonly ErrorCounts[]
  readonly usual: Counted
  readonly painful: Counted
  readonly hurts: boolean
}

/** Half an error and half a success: what is now is judged by itself (H. Jeffreys' prior). */
const JEFFREYS = 0.5

/**
 * Feels whether a unit fails more than usual: by the probability, given the counts, that its share of errors of now exceeds that of its longer past by a
 * margin. Both shares are beta posteriors of binomial counts (A. Gelman et al., Bayesian Data Analysis, 3rd ed., section 2.4); the past fades, and learns
 * nothing while it hurts. So three failures of three calls hurt, three of three hundred do not, and what always failed is no news.
 */
export class ErrorSense {
  readonly #recent: ErrorCounts[]
  #usual: Counted = { errors: 0, successes: 0 }
  /** Since it hurts: what would be usual if somebody said so. */
  #painful: Counted = { errors: 0, successes: 0 }
  #hurts = false

  constructor(kept?: KeptErrors) {
    this.#recent = kept?.recent.slice(-RECENT_WINDOWS) ?? []
    if (kept === undefined) return
    this.#usual = kept.usual
    this.#painful = kept.painful
    this.#hurts = kept.hurts
  }

  snapshot(): KeptErrors {
    return { recent: [...this.#recent], usual: this.#usual, painful: this.#painful, hurts: this.#hurts }
  }

  get hurts(): boolean {
    return this.#hurts
  }

  /** Counts of one window. @returns what has changed by it. What cannot be a count is left out. */
  observe(counts: ErrorCounts): ErrorVerdict | undefined {
    const { calls, errors } = counts
    if (!(Number.isSafeInteger(calls) && Number.isSafeInteger(errors) && errors >= 0 && errors <= calls)) return undefined
    this.#recent.push(counts)
    if (this.#recent.length > RECENT_WINDOWS) this.#grow(this.#recent.shift())
    if (this.#hurts) this.#painful = faded(this.#painful, counts)
    const now = this.#now()
    if (now.calls === 0) return undefined
    const usual = this.#usualShare()
    // No more than the margin above: then it is even odds at best, and there is nothing to work out.
    if (!this.#hurts && now.errors / now.calls <= usual.a / (usual.a + usual.b) + ERROR_MARGIN) return undefined
    const recent = { a: now.errors + JEFFREYS, b: now.calls - now.errors + JEFFREYS }
    const probability = probabilityOfExcess(recent, usual, ERROR_MARGIN)
    const feeling = this.#hurts ? 'relief' : 'pain'
    if (this.#hurts ? probability > RELIEF_PROBABILITY : probability < PAIN_PROBABILITY) return undefined
    this.#hurts = !this.#hurts
    this.#painful = { errors, successes: calls - errors }
    return { feeling, probability, share: now.errors / now.calls, usual: usual.a / (usual.a + usual.b) }
  }

  /** Somebody says that it is well as it is: from now on that is usual. */
  accept(): void {
    if (!this.#hurts) return
    this.#hurts = false
    this.#usual = this.#painful
    this.#recent.length = 0
  }

  #now(): ErrorCounts {
    let calls = 0
    let errors = 0
    for (const each of this.#recent) {
      calls += each.calls
      errors += each.errors
    }
    return { calls, errors }
  }

  #usualShare(): Beta {
    return { a: USUAL_PRIOR.a + this.#usual.errors, b: USUAL_PRIOR.b + this.#usual.successes }
  }

  #grow(old: ErrorCounts | undefined): void {
    if (old === undefined || this.#hurts) return
    this.#usual = faded(this.#usual, old)
  }
}

function faded({ errors, successes }: Counted, window: ErrorCounts): Counted {
  return { errors: errors * USUAL_KEPT + window.errors, successes: successes * USUAL_KEPT + window.calls - window.errors }
}
