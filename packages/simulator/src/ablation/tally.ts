import { LIFE_MS, WARM_UP_MS } from './constants.ts'
import type { Outcome } from './unit.ts'

/** What is asked for, `cell` besides the services. */
export type Kind = 'search' | 'quote' | 'ledger' | 'chat' | 'cell'
export const KINDS: readonly Kind[] = ['search', 'quote', 'ledger', 'chat', 'cell']

/** Calls are counted by when they began, in slots of this length. */
export const SLOT_MS = 10_000

/** Recovered: in so many slots together no more than this is missing of what was served before. Of three calls per second chance alone misses half of it. */
const SMOOTHED_SLOTS = 3
const RECOVERED_SHARE = 0.06

interface Slot {
  offered: number
  served: number
}

export interface Totals {
  offered: number
  served: number
  late: number
  refused: number
  failed: number
  lost: number
}

/** Counts of one life. */
export class Tally {
  readonly #slots: Readonly<Record<Kind, (Slot | undefined)[]>>[] = []
  readonly #totals = new Map<Kind, Totals>()
  #workedMs = 0
  #thrownMs = 0

  ended(site: number, kind: Kind, beganMs: number, outcome: Outcome, workedMs: number): void {
    const slots = this.#slotsOf(site, kind)
    const at = Math.floor(beganMs / SLOT_MS)
    const slot = (slots[at] ??= { offered: 0, served: 0 })
    slot.offered++
    if (outcome === 'served') slot.served++
    if (beganMs < WARM_UP_MS) return
    const totals = this.totals(kind)
    totals.offered++
    totals[outcome]++
    this.#workedMs += workedMs
    if (outcome !== 'served') this.#thrownMs += workedMs
  }

  totals(kind: Kind): Totals {
    let totals = this.#totals.get(kind)
    if (totals === undefined) {
      totals = { offered: 0, served: 0, late: 0, refused: 0, failed: 0, lost: 0 }
      this.#totals.set(kind, totals)
    }
    return totals
  }

  /** Share of the work done, in time, that came to nothing. */
  get thrownShare(): number {
    return this.#workedMs === 0 ? 0 : this.#thrownMs / this.#workedMs
  }

  servedShare(kinds: readonly Kind[] = KINDS): number {
    let [offered, served] = [0, 0]
    for (const kind of kinds) {
      const totals = this.totals(kind)
      offered += totals.offered
      served += totals.served
    }
    return offered === 0 ? 1 : served / offered
  }

  /**
   * Milliseconds from `fromMs` until what is served at a site is as before for good, that is, until the last time within `withinMs` at which
   * it was not; all of it when it was not at the end.
   */
  recoveredAfterMs(site: number, kinds: readonly Kind[], fromMs: number, withinMs: number): number {
    const first = Math.floor(fromMs / SLOT_MS)
    const before = this.#share(site, kinds, Math.floor(WARM_UP_MS / SLOT_MS) - 12, first)
    const last = Math.min(Math.floor((fromMs + withinMs) / SLOT_MS), Math.floor(LIFE_MS / SLOT_MS) - 1)
    for (let at = last; at >= first; at--) {
      if (this.#share(site, kinds, at - SMOOTHED_SLOTS + 1, at + 1) < before - RECOVERED_SHARE) {
        return Math.min(withinMs, (at + 1) * SLOT_MS - fromMs)
      }
    }
    return 0
  }

  #share(site: number, kinds: readonly Kind[], from: number, to: number): number {
    let [offered, served] = [0, 0]
    for (const kind of kinds) {
      for (const slot of this.#slotsOf(site, kind).slice(Math.max(0, from), to)) {
        // A slot in which nothing was asked for is not there.
        offered += slot?.offered ?? 0
        served += slot?.served ?? 0
      }
    }
    return offered === 0 ? 1 : served / offered
  }

  #slotsOf(site: number, kind: Kind): (Slot | undefined)[] {
    return (this.#slots[site] ??= { search: [], quote: [], ledger: [], chat: [], cell: [] })[kind]
  }
}
