import type { Random } from '@vsmcp/kernel'
import {
  ALLOCATIONS_WATCHED_MAX,
  DAMPED_GAIN_MIN,
  DAMPING_BAND_SHARE,
  DAMPING_CALM_MS,
  DAMPING_DWELL_MS,
  DAMPING_JITTER_SHARE,
  DAMPING_WINDOW_MS,
  OSCILLATION_REVERSALS,
} from './constants.ts'

interface Watched {
  /** Which way it was to go last: up, down, or not yet known. */
  sign: number
  /** When it was to go the other way than before, within the window. */
  reversals: number[]
  seenMs: number
}

/** How allocations are damped now. */
export interface DampingState {
  /** Share of a wanted change that is made; 1 while nothing swings. */
  readonly gain: number
  /** Nothing is changed before. */
  readonly dwellUntilMs: number
  /** Since the beginning: how often a swing was found. */
  readonly oscillations: number
}

/** How allocations are damped, as it is kept: what is watched of each begins anew. */
export interface KeptDamping {
  readonly gain: number
  readonly oscillations: number
  readonly dwellForMs: number
  /** Null when nothing has turned yet. */
  readonly turnedAgoMs: number | null
}

/**
 * System 2's say on the allocations of one level (Beer: what damps the oscillation of operations that take from one another). A swing
 * is what changes its direction several times within a window. Then each change is halved, small ones are left out, and nothing moves
 * for a jittered while, longer each time, so that several levels do not swing in step; when nothing has turned for a while, changes
 * grow back to what is wanted. What does not swing is never touched.
 *
 * One gain and one dwell for all, so that what one gives up another gets: shares that add up to what there is still do, but for the
 * small changes left out.
 */
export class AllocationDamping {
  readonly #random: Random
  readonly #watched = new Map<string, Watched>()
  #tickMs = Number.NEGATIVE_INFINITY
  #gain = 1
  #dwellUntilMs = Number.NEGATIVE_INFINITY
  #lastTurnMs = Number.NEGATIVE_INFINITY
  #oscillations = 0

  constructor(random: Random) {
    this.#random = random
  }

  snapshot(nowMs: number): KeptDamping {
    return {
      gain: this.#gain,
      oscillations: this.#oscillations,
      dwellForMs: Math.max(0, this.#dwellUntilMs - nowMs),
      // A turn to come is one of now.
      turnedAgoMs: Number.isFinite(this.#lastTurnMs) ? Math.max(0, nowMs - this.#lastTurnMs) : null,
    }
  }

  /** Goes on as it was so long ago. */
  restore({ gain, oscillations, dwellForMs, turnedAgoMs }: KeptDamping, agoMs: number, nowMs: number): void {
    this.#gain = gain
    this.#oscillations = oscillations
    this.#dwellUntilMs = nowMs + dwellForMs - agoMs
    this.#lastTurnMs = turnedAgoMs === null ? Number.NEGATIVE_INFINITY : nowMs - turnedAgoMs - agoMs
    this.#watched.clear()
  }

  get state(): DampingState {
    return { gain: this.#gain, dwellUntilMs: this.#dwellUntilMs, oscillations: this.#oscillations }
  }

  /**
   * Called for each share of an allocation, all with one time.
   * @returns what it is to be in place of `wanted`
   */
  damp(unit: string, held: number, wanted: number, nowMs: number): number {
    if (nowMs > this.#tickMs) this.#begin(nowMs)
    if (!Number.isFinite(held) || !Number.isFinite(wanted)) return wanted
    if (nowMs < this.#dwellUntilMs) return held
    const change = wanted - held
    const isSmall = Math.abs(change) <= Math.max(1, held * DAMPING_BAND_SHARE)
    this.#watch(unit, isSmall ? 0 : Math.sign(change), nowMs)
    if (this.#gain === 1) return wanted
    // Hysteresis: what is small beside the swing is left as it is, until that is over.
    return isSmall ? held : held + change * this.#gain
  }

  #begin(nowMs: number): void {
    this.#tickMs = nowMs
    let isSwinging = false
    for (const [unit, watched] of this.#watched) {
      watched.reversals = watched.reversals.filter((atMs) => nowMs - atMs <= DAMPING_WINDOW_MS)
      if (watched.reversals.length >= OSCILLATION_REVERSALS) isSwinging = true
      if (nowMs - watched.seenMs > DAMPING_WINDOW_MS) this.#watched.delete(unit)
    }
    if (isSwinging) this.#tighten(nowMs)
    else if (this.#gain < 1 && nowMs - this.#lastTurnMs >= DAMPING_CALM_MS) {
      this.#gain = Math.min(1, 2 * this.#gain)
      this.#lastTurnMs = nowMs
    }
  }

  #tighten(nowMs: number): void {
    this.#gain = Math.max(DAMPED_GAIN_MIN, this.#gain / 2)
    this.#oscillations++
    const jitter = 1 + DAMPING_JITTER_SHARE * (2 * this.#random.next() - 1)
    this.#dwellUntilMs = nowMs + (DAMPING_DWELL_MS * jitter) / this.#gain
    // What stands still does not turn either: calm counts from when it moves again.
    this.#lastTurnMs = this.#dwellUntilMs
    // To be found again it has to swing again.
    for (const watched of this.#watched.values()) watched.reversals = []
  }

  #watch(unit: string, sign: number, nowMs: number): void {
    let watched = this.#watched.get(unit)
    if (watched === undefined) {
      if (this.#watched.size >= ALLOCATIONS_WATCHED_MAX) return
      watched = { sign: 0, reversals: [], seenMs: nowMs }
      this.#watched.set(unit, watched)
    }
    watched.seenMs = nowMs
    if (sign === 0) return
    if (sign === -watched.sign) {
      watched.reversals.push(nowMs)
      this.#lastTurnMs = nowMs
    }
    watched.sign = sign
  }
}
