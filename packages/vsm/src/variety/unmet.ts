import { LACK_KEPT_MS, REQUEST_AFTER_CALLS, SHORTAGE_KEPT_MS, TOOL_NAME_LENGTH_MAX, UNMET_MAX } from './constants.ts'
import type { CallOutcome } from './window.ts'

/** Why a demand was not met: nobody has the tool, who has it could not take the call, or did not answer in time. */
export type UnmetCause = 'unknown' | 'refused' | 'late'

export interface Unmet {
  readonly tool: string
  readonly cause: UnmetCause
  /** Who should have answered; null when nobody has the tool. */
  readonly unit: string | null
  readonly calls: number
  readonly firstMs: number
  readonly lastMs: number
}

/**
 * What the search for capabilities starts from: a tool that is asked for and that nobody has, or too little of one. Open until the tool is offered or
 * nobody has asked for a day; a shortage, until there was none for ten minutes.
 */
export interface CapabilityRequest {
  readonly tool: string
  readonly need: 'tool' | 'capacity' | 'speed'
  readonly unit: string | null
  readonly calls: number
  readonly sinceMs: number
}

const KEPT_MS = { unknown: LACK_KEPT_MS, refused: SHORTAGE_KEPT_MS, late: SHORTAGE_KEPT_MS } as const

const NEEDS = { unknown: 'tool', refused: 'capacity', late: 'speed' } as const

export function unmetCauseOf(outcome: CallOutcome): UnmetCause | undefined {
  return outcome === 'unknown' || outcome === 'refused' || outcome === 'late' ? outcome : undefined
}

/** The table of unmet demand: bounded, so that a client that asks for whatever comes to its mind crowds out nothing that is asked for often. */
export class UnmetDemand {
  readonly #rows = new Map<string, Unmet>()
  #forgotten = 0

  constructor(snapshot: readonly Unmet[] = []) {
    for (const row of snapshot.slice(0, UNMET_MAX)) this.#rows.set(keyOf(row), row)
  }

  /** Rows that went because the table was full. */
  get forgotten(): number {
    return this.#forgotten
  }

  /** @returns the request that begins with this call, if one does */
  record(unmet: { tool: string; cause: UnmetCause; unit: string | null }, nowMs: number): CapabilityRequest | undefined {
    const tool = unmet.tool.slice(0, TOOL_NAME_LENGTH_MAX)
    const key = keyOf({ ...unmet, tool })
    const known = this.#rows.get(key)
    if (known === undefined && this.#rows.size >= UNMET_MAX) this.#makeRoom()
    const row = { ...unmet, tool, calls: (known?.calls ?? 0) + 1, firstMs: known?.firstMs ?? nowMs, lastMs: nowMs }
    this.#rows.set(key, row)
    return row.calls === REQUEST_AFTER_CALLS ? requestOf(row) : undefined
  }

  /** The tool is offered now: nobody lacks it. */
  offered(tool: string): void {
    this.#rows.delete(keyOf({ tool, cause: 'unknown' }))
  }

  tick(nowMs: number): void {
    for (const [key, { cause, lastMs }] of this.#rows) if (nowMs - lastMs > KEPT_MS[cause]) this.#rows.delete(key)
  }

  /** Most wanted first. */
  rows(): Unmet[] {
    return [...this.#rows.values()].sort((a, b) => b.calls - a.calls || b.lastMs - a.lastMs)
  }

  requests(): CapabilityRequest[] {
    return this.rows()
      .filter(({ calls }) => calls >= REQUEST_AFTER_CALLS)
      .map(requestOf)
  }

  snapshot(): readonly Unmet[] {
    return this.rows()
  }

  #makeRoom(): void {
    let least: [string, Unmet] | undefined
    for (const entry of this.#rows) {
      const [, { calls, lastMs }] = entry
      if (least === undefined || calls < least[1].calls || (calls === least[1].calls && lastMs < least[1].lastMs)) least = entry
    }
    if (least === undefined) return
    this.#rows.delete(least[0])
    this.#forgotten++
  }
}

function keyOf({ tool, cause }: { tool: string; cause: UnmetCause }): string {
  return `${cause} ${tool}`
}

function requestOf({ tool, cause, unit, calls, firstMs }: Unmet): CapabilityRequest {
  return { tool, need: NEEDS[cause], unit, calls, sinceMs: firstMs }
}
