import { CATEGORIES_MAX, OTHERS, SLOT_MS, WINDOW_SLOTS } from './constants.ts'

export const OUTCOMES = ['ok', 'tool-error', 'error', 'refused', 'late', 'unknown', 'cancelled'] as const

/**
 * How a call ended for its caller: answered, answered by the tool that it failed, answered by the server with an error; refused (surely not
 * executed), late (no answer in time, or its outcome unknown), unknown (nobody has the tool); cancelled by the caller.
 */
export type CallOutcome = (typeof OUTCOMES)[number]

/** A call as it ended. */
export interface CallEnd {
  /** The tool that was asked for, as the caller named it. */
  readonly demand: string
  /** What was done about it: the unit's tool that was called; null when nothing could be. */
  readonly response: string | null
  readonly outcome: CallOutcome
}

/** So many calls of one kind. */
export interface Count {
  readonly demand: string
  /** "(none)" where nothing could be done. */
  readonly response: string
  readonly outcome: CallOutcome
  readonly calls: number
}

const NO_RESPONSE = '(none)'

interface Slot {
  readonly endsMs: number
  readonly counts: Map<string, Count>
}

/** Of one slot, as it is kept. */
export interface KeptSlot {
  readonly endsMs: number
  readonly counts: readonly Count[]
}

/** Calls of the last minutes by demand, response and outcome: bounded in time and in kinds. */
export class CallWindow {
  readonly #slots: Slot[] = []
  readonly #demands = new Map<string, number>()
  readonly #responses = new Map<string, number>()
  #beyond = 0

  constructor(kept: readonly KeptSlot[] = []) {
    for (const { endsMs, counts } of kept) {
      const slot = { endsMs, counts: new Map<string, Count>() }
      this.#slots.push(slot)
      for (const { demand, response, outcome, calls } of counts) this.#add(slot, { demand, response, outcome, calls })
    }
  }

  /** Calls that were counted under "(others)" because the window had all the kinds it may have. */
  get beyond(): number {
    return this.#beyond
  }

  record(end: CallEnd, nowMs: number): void {
    const slot = this.#slot(nowMs)
    const demand = this.#kind(this.#demands, end.demand)
    const response = end.response === null ? NO_RESPONSE : this.#kind(this.#responses, end.response)
    this.#add(slot, { demand, response, outcome: end.outcome, calls: 1 })
  }

  snapshot(): KeptSlot[] {
    return this.#slots.map(({ endsMs, counts }) => ({ endsMs, counts: [...counts.values()] }))
  }

  #add({ counts }: Slot, { demand, response, outcome, calls }: Count): void {
    const key = JSON.stringify([demand, response, outcome])
    counts.set(key, { demand, response, outcome, calls: (counts.get(key)?.calls ?? 0) + calls })
    count(this.#demands, demand, calls)
    count(this.#responses, response, calls)
  }

  /** All that the window holds now. */
  counts(nowMs: number): Count[] {
    this.#forget(nowMs)
    const sums = new Map<string, Count>()
    for (const { counts } of this.#slots) {
      for (const [key, each] of counts) {
        const known = sums.get(key)
        sums.set(key, known === undefined ? each : { ...each, calls: known.calls + each.calls })
      }
    }
    return [...sums.values()]
  }

  #kind(kinds: ReadonlyMap<string, number>, kind: string): string {
    if (kinds.has(kind) || kinds.size < CATEGORIES_MAX) return kind
    this.#beyond++
    return OTHERS
  }

  #slot(nowMs: number): Slot {
    const newest = this.#slots.at(-1)
    if (newest !== undefined && nowMs < newest.endsMs) return newest
    this.#forget(nowMs)
    const slot = { endsMs: (Math.floor(nowMs / SLOT_MS) + 1) * SLOT_MS, counts: new Map<string, Count>() }
    this.#slots.push(slot)
    return slot
  }

  #forget(nowMs: number): void {
    for (;;) {
      const [oldest] = this.#slots
      if (oldest === undefined || oldest.endsMs > nowMs - (WINDOW_SLOTS - 1) * SLOT_MS) return
      this.#slots.shift()
      for (const { demand, response, calls } of oldest.counts.values()) {
        count(this.#demands, demand, -calls)
        count(this.#responses, response, -calls)
      }
    }
  }
}

function count(kinds: Map<string, number>, kind: string, by: number): void {
  const now = (kinds.get(kind) ?? 0) + by
  if (now > 0) kinds.set(kind, now)
  else kinds.delete(kind)
}
