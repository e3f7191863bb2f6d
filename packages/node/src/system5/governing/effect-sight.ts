import type { Clock, PeerIdString, Proposal, Startable, UnitName } from '@vsmcp/kernel'
import type { EffectSeen, EffectWindow } from '@vsmcp/vsm'
import type { Catalog } from '../../catalog/catalog.ts'
import { REPORT_PERIOD_MS } from '../../constants.ts'
import type { Operations } from '../../system1/operations.ts'
import type { GroupSignals } from '../../topics/group-signals.ts'

export interface EffectSightComponents {
  self: PeerIdString
  signals: Pick<GroupSignals, 'on'>
  operations: Pick<Operations, 'on'>
  catalog: Pick<Catalog, 'findTool'>
  clock: Clock
}

/** Windows kept: one for each unit of each node that reports. */
const WINDOWS_MAX = 4_096

/** Milliseconds after which a window says nothing of now: four reports are missing. */
const WINDOW_FRESH_MS = 4 * REPORT_PERIOD_MS

/** What System 5 sees of effects: the last window of each unit, as measured here or as reported, and which tools are offered. */
export class EffectSight implements Startable {
  readonly #c: EffectSightComponents
  readonly #windows = new Map<string, EffectWindow & { readonly unit: UnitName; readonly seenMs: number }>()
  #ordinal = 0
  #offs: (() => void)[] = []

  constructor(components: EffectSightComponents) {
    this.#c = components
  }

  async start(): Promise<void> {
    const { self, signals, operations } = this.#c
    this.#offs = [
      operations.on('measured', ({ unit, figures }) => {
        const { calls, errors, turnedAway, inFlight, answered } = figures
        const p99Ms = unit.latencies(answered)?.p99Ms ?? null
        this.#keep(unit.name, self, { calls, errors, turnedAway, inFlight, p99Ms })
      }),
      signals.on('unit', ({ node, body }) => {
        const { unit, calls, errors, inFlight, latencyP99Ms, measured } = body
        const turnedAway = measured?.turnedAway ?? 0
        this.#keep(unit, node, { calls, errors, turnedAway, inFlight, p99Ms: latencyP99Ms })
      }),
    ]
  }

  async stop(): Promise<void> {
    for (const off of this.#offs) off()
  }

  of({ kind, subject, at }: Pick<Proposal, 'kind' | 'subject' | 'at'>): EffectSeen | undefined {
    if (kind === 'capability') return { isOffered: this.#c.catalog.findTool(subject) !== undefined }
    const window = this.windowOf(subject, at)
    return window && { window }
  }

  windowOf(unit: UnitName, node: PeerIdString): EffectWindow | undefined {
    return this.#windows.get(`${node} ${unit}`)
  }

  /** The last window of each unit at each of its nodes, as far as it is of now. */
  windows(): readonly (EffectWindow & { readonly unit: UnitName })[] {
    const sinceMs = this.#c.clock.monotonicMs() - WINDOW_FRESH_MS
    return [...this.#windows.values()].filter(({ seenMs }) => seenMs >= sinceMs)
  }

  #keep(unit: UnitName, node: PeerIdString, window: Omit<EffectWindow, 'ordinal'>): void {
    const key = `${node} ${unit}`
    // The newest last; the one that was not heard of for longest goes.
    this.#windows.delete(key)
    this.#windows.set(key, { ...window, unit, ordinal: ++this.#ordinal, seenMs: this.#c.clock.monotonicMs() })
    const [oldest] = this.#windows.keys()
    if (this.#windows.size > WINDOWS_MAX && oldest !== undefined) this.#windows.delete(oldest)
  }
}
