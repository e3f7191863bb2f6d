import type { UnitName } from '@vsmcp/kernel'
import {
  BARGAIN_GAP_MS,
  BARGAIN_PERIOD_MS,
  BARGAINERS_MAX,
  GRANT_LIFE_MS,
  HEADROOM,
  LARGE_CHANGE_CALLS,
  LARGE_CHANGE_SHARE,
  WEIGHT_MAX,
} from './constants.ts'
import { fairShares, fairWholeShares } from './fair-shares.ts'

/** What is to be shared out; null where there is no bound. */
export interface Capacity {
  readonly concurrency: number
  readonly ratePerS: number | null
  readonly memoryBytes: number | null
}

/** What a unit owes for what it is granted. */
export interface Owed {
  readonly p99Ms: number | null
  readonly errorShare: number | null
}

/** What a unit brings to the table: its weight and bounds as it was attached, its demand as measured. */
export interface Demand {
  readonly weight: number
  readonly concurrencyMax: number
  readonly ratePerSMax: number | null
  readonly owed: Owed
  /** Mean number of calls in work and waiting since it was asked last. */
  readonly concurrency: number
  /** Calls per second that came, also those turned away. */
  readonly ratePerS: number
  /** Null where it cannot be measured. */
  readonly memoryBytes: number | null
}

/** A resource bargain (Beer): capacity given, metric owed, expiry. */
export interface Grant {
  readonly unit: UnitName
  readonly ordinal: number
  readonly concurrency: number
  readonly ratePerS: number | null
  readonly memoryBytes: number | null
  readonly owed: Owed
  readonly expiresMs: number
}

/** System 2's say on a new allocation: what it is to be in place of what is wanted, so that allocations do not swing. */
export type Damper = (unit: UnitName, held: number, wanted: number, nowMs: number) => number

export interface BargainInit {
  readonly capacity: Capacity
  /** @default what is wanted is given */
  readonly damp?: Damper
  /** Of an earlier life. */
  readonly kept?: KeptBargain
}

/** What was granted last, so that the next bargain knows what each holds. */
export interface KeptBargain {
  readonly ordinal: number
  readonly held: readonly {
    readonly unit: UnitName
    readonly concurrency: number
    readonly ratePerS: number | null
    /** Its demand when it was bargained for. */
    readonly bargained: number
  }[]
}

interface Bargainer {
  demand: Demand
  /** Its demand when it was bargained for last. */
  bargained: number | undefined
  grant: Grant | undefined
}

/**
 * System 3's resource bargains among the units of one level: what each gets of concurrency, rate and memory is weighted max-min fair by
 * measured demand, then what is left over is shared by weight, so that nobody waits for a bargain to use what lies idle. Bargained
 * anew every period, and at once when load moves by much. A grant that expires is no grant withdrawn: a unit goes on under its last.
 */
export class ResourceBargain {
  readonly #damp: Damper
  readonly #units = new Map<UnitName, Bargainer>()
  #capacity: Capacity
  #lastMs = -Infinity
  #isUrgent = false
  #ordinal: number
  /** Units that have not come back yet. */
  readonly #kept: Map<UnitName, KeptBargain['held'][number]>

  constructor({ capacity, damp = (_unit, _held, wanted) => wanted, kept }: BargainInit) {
    this.#capacity = capacity
    this.#damp = damp
    this.#ordinal = kept?.ordinal ?? 0
    this.#kept = new Map(kept?.held.slice(0, BARGAINERS_MAX).map((each) => [each.unit, each]))
  }

  /** @returns whether it is heard; a demand that cannot be one is not */
  observe(unit: UnitName, demand: Demand): boolean {
    if (!isSane(demand)) return false
    const known = this.#units.get(unit)
    if (known === undefined) {
      if (this.#units.size >= BARGAINERS_MAX) return false
      this.#units.set(unit, { demand, ...this.#held(unit, demand) })
      this.#isUrgent = true
      return true
    }
    if (known.demand.weight !== demand.weight || boundsDiffer(known.demand, demand)) this.#isUrgent = true
    known.demand = demand
    const change = Math.abs(demand.concurrency - (known.bargained ?? 0))
    if (change > LARGE_CHANGE_CALLS && change > (known.bargained ?? 0) * LARGE_CHANGE_SHARE) this.#isUrgent = true
    return true
  }

  forget(unit: UnitName): void {
    this.#kept.delete(unit)
    if (this.#units.delete(unit)) this.#isUrgent = true
  }

  resize(capacity: Capacity): void {
    const now = this.#capacity
    if (
      now.concurrency === capacity.concurrency &&
      now.ratePerS === capacity.ratePerS &&
      now.memoryBytes === capacity.memoryBytes
    )
      return
    this.#capacity = capacity
    this.#isUrgent = true
  }

  /** @returns the grants of a new bargain; nothing when it is not time for one */
  tick(nowMs: number): readonly Grant[] {
    const sinceMs = nowMs - this.#lastMs
    if (sinceMs < (this.#isUrgent ? BARGAIN_GAP_MS : BARGAIN_PERIOD_MS)) return []
    this.#lastMs = nowMs
    this.#isUrgent = false
    return this.#bargain(nowMs)
  }

  snapshot(): KeptBargain {
    const held = [...this.#units].flatMap(([unit, { grant, bargained }]) =>
      grant === undefined ? [] : [{ unit, concurrency: grant.concurrency, ratePerS: grant.ratePerS, bargained: bargained ?? 0 }],
    )
    return { ordinal: this.#ordinal, held: [...held, ...this.#kept.values()] }
  }

  /** Goes on with what it was granted in an earlier life, as long as nothing else is bargained. */
  #held(unit: UnitName, { owed }: Demand): Pick<Bargainer, 'bargained' | 'grant'> {
    const kept = this.#kept.get(unit)
    this.#kept.delete(unit)
    if (kept === undefined) return { bargained: undefined, grant: undefined }
    const { concurrency, ratePerS, bargained } = kept
    // Its time was over at the latest with the life that granted it.
    return { bargained, grant: { unit, ordinal: this.#ordinal, concurrency, ratePerS, memoryBytes: null, owed, expiresMs: 0 } }
  }

  /** What all want of what there is, each at most as much as it may have: above 1 some wait for others. */
  get load(): number {
    const { concurrency, ratePerS } = this.#capacity
    let [calls, rate] = [0, 0]
    for (const { demand } of this.#units.values()) {
      calls += Math.min(demand.concurrencyMax, demand.concurrency)
      rate += Math.min(demand.ratePerSMax ?? Infinity, demand.ratePerS)
    }
    return Math.max(calls / concurrency, ratePerS === null ? 0 : rate / ratePerS)
  }

  grantOf(unit: UnitName): Grant | undefined {
    return this.#units.get(unit)?.grant
  }

  #bargain(nowMs: number): Grant[] {
    const entries = [...this.#units]
    const concurrency = this.#concurrency(entries, nowMs)
    const rates = this.#rates(entries)
    const memory = this.#memory(entries)
    return entries.map(([unit, bargainer], at) => {
      const grant: Grant = {
        unit,
        ordinal: ++this.#ordinal,
        concurrency: concurrency[at] ?? 1,
        ratePerS: rates[at] ?? null,
        memoryBytes: memory[at] ?? null,
        owed: bargainer.demand.owed,
        expiresMs: nowMs + GRANT_LIFE_MS,
      }
      bargainer.bargained = bargainer.demand.concurrency
      bargainer.grant = grant
      return grant
    })
  }

  #concurrency(entries: readonly [UnitName, Bargainer][], nowMs: number): number[] {
    const capacity = this.#capacity.concurrency
    const wanted = entries.map(([, { demand }]) => ({
      weight: demand.weight,
      demand: Math.min(demand.concurrencyMax, Math.ceil(demand.concurrency * HEADROOM) + 1),
    }))
    const needed = fairWholeShares(capacity, wanted)
    const over = entries.map(([, { demand }], at) => ({
      weight: demand.weight,
      demand: demand.concurrencyMax - (needed[at] ?? 0),
    }))
    const spare = fairShares(capacity - needed.reduce((sum, share) => sum + share, 0), over)
    const damped = entries.map(([unit, { demand, grant }], at) => {
      const share = (needed[at] ?? 1) + Math.floor(spare[at] ?? 0)
      const said = grant === undefined ? share : this.#damp(unit, grant.concurrency, share, nowMs)
      return Math.max(1, Math.min(Math.round(said), demand.concurrencyMax))
    })
    // Who keeps for a while what another is given already must not make it more than there is.
    return fairWholeShares(
      capacity,
      entries.map(([, { demand }], at) => ({ weight: demand.weight, demand: damped[at] ?? 1 })),
    )
  }

  #rates(entries: readonly [UnitName, Bargainer][]): (number | null)[] {
    const { ratePerS: capacity } = this.#capacity
    if (capacity === null) return entries.map(([, { demand }]) => demand.ratePerSMax)
    const wanted = entries.map(([, { demand }]) => ({
      weight: demand.weight,
      demand: Math.min(demand.ratePerSMax ?? Infinity, demand.ratePerS * HEADROOM + 1),
    }))
    const needed = fairShares(capacity, wanted)
    const left = capacity - needed.reduce((sum, share) => sum + share, 0)
    const over = entries.map(([, { demand }], at) => ({
      weight: demand.weight,
      demand: (demand.ratePerSMax ?? capacity) - (needed[at] ?? 0),
    }))
    const spare = fairShares(left, over)
    return needed.map((share, at) => share + (spare[at] ?? 0))
  }

  #memory(entries: readonly [UnitName, Bargainer][]): (number | null)[] {
    const { memoryBytes: capacity } = this.#capacity
    if (capacity === null) return entries.map(() => null)
    const wanted = entries.map(([, { demand }]) => ({
      weight: demand.weight,
      demand: demand.memoryBytes === null ? 0 : demand.memoryBytes * HEADROOM,
    }))
    const needed = fairShares(capacity, wanted)
    const left = capacity - needed.reduce((sum, share) => sum + share, 0)
    const measured = entries.map(([, { demand }]) => ({
      weight: demand.weight,
      demand: demand.memoryBytes === null ? 0 : capacity,
    }))
    const spare = fairShares(left, measured)
    return entries.map(([, { demand }], at) =>
      demand.memoryBytes === null ? null : Math.floor((needed[at] ?? 0) + (spare[at] ?? 0)),
    )
  }
}

function isSane({ weight, concurrencyMax, ratePerSMax, concurrency, ratePerS, memoryBytes }: Demand): boolean {
  const amounts = [concurrency, ratePerS, memoryBytes ?? 0]
  if (!amounts.every((amount) => Number.isFinite(amount) && amount >= 0)) return false
  if (!(weight > 0 && weight <= WEIGHT_MAX && Number.isInteger(concurrencyMax) && concurrencyMax >= 1)) return false
  return ratePerSMax === null || (Number.isFinite(ratePerSMax) && ratePerSMax > 0)
}

function boundsDiffer(a: Demand, b: Demand): boolean {
  return (
    a.concurrencyMax !== b.concurrencyMax ||
    a.ratePerSMax !== b.ratePerSMax ||
    a.owed.p99Ms !== b.owed.p99Ms ||
    a.owed.errorShare !== b.owed.errorShare
  )
}
