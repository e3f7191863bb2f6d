import { type ClaimedResource } from '@vsmcp/kernel'
import type { Claim } from './claim.ts'
import {
  CLAIM_CONFIRM_MS,
  CLAIM_CONFIRMED_MAX_MS,
  CLAIM_IDLE_MS,
  CLAIM_PAUSE_MS,
  CLAIM_RETRY_MS,
  CLAIM_TURN_MS,
} from './constants.ts'

/** What calls are made under: who holds it may act, until a higher one is seen. Order is (epoch, token). */
export interface ClaimToken {
  readonly epoch: number
  readonly token: number
}

export type ClaimEffect =
  /** Ask the group for all that the unit claims; answer by `decided`. */
  | { readonly type: 'ask' }
  /** Give it back, and with `again` ask for it anew in the same decision; answer by `decided`. */
  | { readonly type: 'release'; readonly askedAtIndex: number; readonly again: boolean }
  /** Have a quorum bear out that the claim stands; answer by `confirmed`, or `decided(false)` when nobody could be asked. */
  | { readonly type: 'confirm' }
  /** Write the token down, and refuse it when a higher one was seen; answer by `noted`. */
  | { readonly type: 'note'; readonly token: ClaimToken }
  | { readonly type: 'begin'; readonly call: number; readonly token: ClaimToken }
  /** Nobody bears the claim out any more: the call must not go on. */
  | { readonly type: 'cut'; readonly call: number }

/** What is asked of the group; one at a time. */
type Question = 'ask' | 'release' | 'confirm'

/**
 * The claim of one unit, where the unit runs: takes it when calls come, keeps it while nobody else waits, gives it back when its turn
 * is over, and has a quorum bear it out while calls are made. Pure: what to do comes out, what became of it comes in.
 *
 * Three rules keep a resource that checks no token safe. A call begins only while the claim was borne out at most
 * `CLAIM_CONFIRMED_MAX_MS` ago, counted from before the question was sent; one that runs longer without is cut; a recalled claim
 * is borne out no more. The voters take a claim away three times as long after its recall.
 */
export class ClaimHolder {
  #resources: readonly ClaimedResource[]
  #claim: Claim | undefined
  #isContended = false
  /** When this turn has to end if others wait. */
  #turnEndMs = Number.POSITIVE_INFINITY
  readonly #waiting: number[] = []
  readonly #running = new Set<number>()
  /** Of those, which are to end at once. */
  readonly #cut = new Set<number>()
  /** Borne out as of then, for this claim. */
  #confirmed: { askedAtIndex: number; atMs: number } | undefined
  #noted: ClaimToken | undefined
  #noting = false
  /** A claim whose token is lower than one that was seen here: it is given back, for a higher one. */
  #outrun: number | undefined
  /** A claim that is being given back: that may be decided at any time from then on, also after nobody answered. */
  #givenBack: number | undefined
  #nowMs = 0
  /** When it was asked: what an answer proves is counted from there. */
  #asked: { question: Question; atMs: number } | undefined
  #retryMs = Number.NEGATIVE_INFINITY
  #idleSinceMs = 0

  constructor(resources: readonly ClaimedResource[]) {
    this.#resources = resources
  }

  /** What the unit claims now; another set is taken once the present one is given back. Nothing, when the unit is not there any more. */
  wants(resources: readonly ClaimedResource[], nowMs: number): readonly ClaimEffect[] {
    this.#resources = resources
    return this.tick(nowMs)
  }

  call(call: number, nowMs: number): readonly ClaimEffect[] {
    this.#waiting.push(call)
    return this.tick(nowMs)
  }

  /** A call is over, or given up. */
  ended(call: number, nowMs: number): readonly ClaimEffect[] {
    const at = this.#waiting.indexOf(call)
    if (at >= 0) this.#waiting.splice(at, 1)
    this.#running.delete(call)
    this.#cut.delete(call)
    if (this.#isIdle) this.#idleSinceMs = nowMs
    return this.tick(nowMs)
  }

  /** The docket as this node has it, which may be behind. */
  follow(claim: Claim | undefined, isContended: boolean, nowMs: number): readonly ClaimEffect[] {
    const isNew = claim?.token !== undefined && claim.token !== this.#claim?.token
    this.#claim = claim
    if (isNew) this.#idleSinceMs = nowMs
    if (!isContended) this.#turnEndMs = Number.POSITIVE_INFINITY
    else if (isNew || !this.#isContended) this.#turnEndMs = nowMs + CLAIM_TURN_MS
    this.#isContended = isContended
    return this.tick(nowMs)
  }

  /** The group has answered to `ask` or `release`, and `follow` has been told; or nobody could be asked. */
  decided(isDone: boolean, nowMs: number): readonly ClaimEffect[] {
    const asked = this.#asked
    this.#asked = undefined
    if (!isDone) this.#retryMs = nowMs + CLAIM_RETRY_MS
    // Granted by the answer itself: the leader, and so a quorum, has it since the question was sent.
    if (isDone && asked !== undefined && this.#claim?.token === this.#claim?.askedAtIndex) this.#bearOut(asked.atMs)
    return this.tick(nowMs)
  }

  /** `claim`: as a quorum has it, certainly not older than the question; `undefined` when there is none any more. */
  confirmed(claim: Claim | undefined, nowMs: number): readonly ClaimEffect[] {
    const asked = this.#asked
    this.#asked = undefined
    if (claim !== undefined && asked !== undefined && claim.askedAtIndex === this.#claim?.askedAtIndex) {
      this.#claim = claim
      this.#bearOut(asked.atMs)
    }
    return this.tick(nowMs)
  }

  /** The token is on disk, or a higher one was seen: then nothing is begun under it. */
  noted(token: ClaimToken | undefined, nowMs: number): readonly ClaimEffect[] {
    this.#noting = false
    this.#noted = token
    if (token === undefined) this.#outrun = this.#claim?.askedAtIndex
    return this.tick(nowMs)
  }

  /** Nothing is held, asked for, or called. */
  get isDone(): boolean {
    return this.#claim === undefined && this.#asked === undefined && this.#isIdle
  }

  /** When `tick` has something to do if nothing comes before. */
  nextTickAtMs(): number {
    const { atMs = Number.POSITIVE_INFINITY } = this.#confirmed ?? {}
    const all = [this.#retryMs, this.#turnEndMs, this.#idleSinceMs + this.#idleMs, atMs + CLAIM_CONFIRM_MS]
    if (this.#running.size > 0) all.push(atMs + CLAIM_CONFIRMED_MAX_MS)
    // What was due at the last tick waits for an answer now.
    return Math.min(...all.filter((each) => each > this.#nowMs))
  }

  tick(nowMs: number): readonly ClaimEffect[] {
    const effects: ClaimEffect[] = []
    this.#nowMs = nowMs
    if (!this.#isBorneOut(nowMs)) {
      for (const call of this.#running) {
        if (!this.#cut.has(call)) effects.push({ type: 'cut', call })
        this.#cut.add(call)
      }
    }
    if (this.#mayBegin(nowMs)) this.#begin(effects)
    const question = nowMs < this.#retryMs ? undefined : this.#question(nowMs)
    if (question !== undefined && this.#asked === undefined) {
      if (question.type === 'release') this.#givenBack = question.askedAtIndex
      this.#asked = { question: question.type, atMs: nowMs }
      effects.push(question)
    }
    return effects
  }

  get #isIdle(): boolean {
    return this.#waiting.length === 0 && this.#running.size === 0
  }

  /** How long it is kept without work. */
  get #idleMs(): number {
    return this.#isContended ? CLAIM_PAUSE_MS : CLAIM_IDLE_MS
  }

  #holds(): boolean {
    return this.#claim?.token !== undefined && this.#claim.recalledAtIndex === undefined
  }

  /** Whether it claims other resources by now than it holds or waits for. */
  #differs(): boolean {
    const held = this.#claim?.resources ?? this.#resources
    const isSame = ({ resource, shared }: ClaimedResource, i: number): boolean =>
      this.#resources[i]?.resource === resource && this.#resources[i].shared === shared
    return held.length !== this.#resources.length || !held.every(isSame)
  }

  #isBorneOut(nowMs: number): boolean {
    const { askedAtIndex } = this.#claim ?? {}
    const confirmed = this.#confirmed
    return confirmed?.askedAtIndex === askedAtIndex && confirmed !== undefined && nowMs - confirmed.atMs < CLAIM_CONFIRMED_MAX_MS
  }

  #bearOut(atMs: number): void {
    if (!this.#holds() || this.#claim === undefined) return
    const { askedAtIndex } = this.#claim
    const before = this.#confirmed?.askedAtIndex === askedAtIndex ? this.#confirmed.atMs : atMs
    this.#confirmed = { askedAtIndex, atMs: Math.max(before, atMs) }
  }

  #isTurnOver(nowMs: number): boolean {
    const { askedAtIndex } = this.#claim ?? {}
    if (askedAtIndex !== undefined && (this.#outrun === askedAtIndex || this.#givenBack === askedAtIndex)) return true
    return this.#differs() || (this.#isContended && nowMs >= this.#turnEndMs)
  }

  #mayBegin(nowMs: number): boolean {
    return this.#waiting.length > 0 && this.#holds() && !this.#isTurnOver(nowMs) && this.#isBorneOut(nowMs)
  }

  #begin(effects: ClaimEffect[]): void {
    const { token = 0, epoch = 0 } = this.#claim ?? {}
    if (this.#noted?.token === token && this.#noted.epoch === epoch) {
      for (const call of this.#waiting.splice(0)) {
        this.#running.add(call)
        effects.push({ type: 'begin', call, token: { token, epoch } })
      }
    } else if (!this.#noting) {
      this.#noting = true
      effects.push({ type: 'note', token: { token, epoch } })
    }
  }

  #question(nowMs: number): Extract<ClaimEffect, { type: Question }> | undefined {
    const claim = this.#claim
    const isWanted = this.#waiting.length > 0 && this.#resources.length > 0
    if (claim === undefined) return isWanted ? { type: 'ask' } : undefined
    const { askedAtIndex } = claim
    if (claim.token === undefined) {
      // Nobody here needs it any more, or it is not what is needed.
      return isWanted && !this.#differs() ? undefined : { type: 'release', askedAtIndex, again: false }
    }
    const isOver = !this.#holds() || this.#isTurnOver(nowMs)
    if (this.#running.size === 0) {
      const isIdle = this.#isIdle && nowMs - this.#idleSinceMs >= this.#idleMs
      if (isOver || isIdle) return { type: 'release', askedAtIndex, again: isWanted && !this.#differs() }
    }
    const isNeeded = this.#running.size > 0 || (isWanted && !isOver)
    const isFresh = this.#isBorneOut(nowMs) && nowMs - (this.#confirmed?.atMs ?? 0) < CLAIM_CONFIRM_MS
    return isNeeded && this.#holds() && !isFresh ? { type: 'confirm' } : undefined
  }
}
