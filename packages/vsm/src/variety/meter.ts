import { type CapabilityRequest, type Unmet, unmetCauseOf, UnmetDemand } from './unmet.ts'
import { type VarietyFigures, varietyOf } from './variety.ts'
import { type CallEnd, CallWindow, type Count, type KeptSlot } from './window.ts'

export interface MeterSnapshot {
  readonly unmet: readonly Unmet[]
  readonly window: readonly KeptSlot[]
}

/** A call as it ended, and who should have answered it: null when nobody has the tool. */
export interface MeteredCall extends CallEnd {
  readonly unit: string | null
}

export type MeterEffect = { readonly type: 'capability:requested'; readonly request: CapabilityRequest }

/** The variety that a node meets: what is asked of it, what is done about it, how that ends, and what is missing. */
export class VarietyMeter {
  readonly #window: CallWindow
  readonly #unmet: UnmetDemand

  constructor(snapshot?: MeterSnapshot) {
    this.#window = new CallWindow(snapshot?.window)
    this.#unmet = new UnmetDemand(snapshot?.unmet)
  }

  step(call: MeteredCall, nowMs: number): readonly MeterEffect[] {
    this.#window.record(call, nowMs)
    const cause = unmetCauseOf(call.outcome)
    if (cause === undefined) return []
    const request = this.#unmet.record({ tool: call.demand, cause, unit: call.unit }, nowMs)
    return request === undefined ? [] : [{ type: 'capability:requested', request }]
  }

  /** Tools that are offered, as callers may name them. */
  offered(tools: Iterable<string>): void {
    for (const tool of tools) this.#unmet.offered(tool)
  }

  tick(nowMs: number): void {
    this.#unmet.tick(nowMs)
  }

  figures(nowMs: number): VarietyFigures {
    return varietyOf(this.#window.counts(nowMs))
  }

  counts(nowMs: number): Count[] {
    return this.#window.counts(nowMs)
  }

  /** Calls in the window under "(others)", and rows of unmet demand that a full table has lost. */
  get beyondBounds(): { calls: number; unmet: number } {
    return { calls: this.#window.beyond, unmet: this.#unmet.forgotten }
  }

  unmet(): Unmet[] {
    return this.#unmet.rows()
  }

  requests(): CapabilityRequest[] {
    return this.#unmet.requests()
  }

  snapshot(): MeterSnapshot {
    return { unmet: this.#unmet.snapshot(), window: this.#window.snapshot() }
  }
}
