import type { UnitName } from '@vsmcp/kernel'
import type { Owed } from './bargain.ts'
import { atLeast } from './binomial.ts'
import { BARGAINERS_MAX, EXCEPTION_WINDOWS, GRAVE_WINDOWS, MISS_SIGNIFICANCE } from './constants.ts'

/** What one window showed of a unit. */
export interface WindowResult {
  readonly calls: number
  readonly errors: number
  readonly p99Ms: number | null
}

export type MetricOwed = 'latency' | 'errors'

export interface ExceptionEffect {
  readonly type: 'raised' | 'grave' | 'over'
  readonly unit: UnitName
  readonly metric: MetricOwed
  readonly target: number
  /** As in the last window in which it was missed. */
  readonly measured: number
}

/** How a unit stands with one thing it owes. */
export interface KeptWatch extends Readonly<Watch> {
  readonly unit: UnitName
  readonly metric: MetricOwed
}

interface Watch {
  missed: number
  met: number
  state: 'fine' | 'raised' | 'grave'
  measured: number
}

/**
 * System 3's watch over what units owe: only exceptions are told, and their end. A target is missed by an error share that chance
 * explains in fewer than one window in a hundred (exact binomial test), or by a 99th percentile above it; three windows in a row make
 * an exception, twelve make it grave. Windows without calls say nothing, but that what is not owed any more is over.
 */
export class PerformanceMonitor {
  readonly #watches = new Map<string, Watch>()

  constructor(kept: readonly KeptWatch[] = []) {
    for (const { unit, metric, ...watch } of kept.slice(0, 2 * BARGAINERS_MAX)) this.#watches.set(`${metric} ${unit}`, watch)
  }

  snapshot(): KeptWatch[] {
    return [...this.#watches].map(([key, watch]) => {
      const [metric, unit] = key.split(' ') as [MetricOwed, UnitName]
      return { unit, metric, ...watch }
    })
  }

  judge(unit: UnitName, { calls, errors, p99Ms }: WindowResult, owed: Owed): readonly ExceptionEffect[] {
    const effects: ExceptionEffect[] = []
    const { p99Ms: slowest, errorShare } = owed
    const isCalled = calls > 0
    const measured = isCalled ? p99Ms : null
    const latency = this.#look(unit, 'latency', slowest, measured, measured !== null && slowest !== null && measured > slowest)
    const isUnlikely = isCalled && errorShare !== null && atLeast(errors, calls, errorShare) < MISS_SIGNIFICANCE
    const wrong = this.#look(unit, 'errors', errorShare, isCalled ? errors / calls : null, isUnlikely)
    if (latency !== undefined) effects.push(latency)
    if (wrong !== undefined) effects.push(wrong)
    return effects
  }

  /** Windows in a row that missed it. */
  missedInARow(unit: UnitName, metric: MetricOwed): number {
    return this.#watches.get(`${metric} ${unit}`)?.missed ?? 0
  }

  forget(unit: UnitName): void {
    this.#watches.delete(`latency ${unit}`)
    this.#watches.delete(`errors ${unit}`)
  }

  #look(
    unit: UnitName,
    metric: MetricOwed,
    target: number | null,
    measured: number | null,
    isMissed: boolean,
  ): ExceptionEffect | undefined {
    const key = `${metric} ${unit}`
    const watch = this.#watches.get(key)
    if (target === null || measured === null) {
      if (target !== null || watch === undefined) return undefined
      // Nothing is owed any more.
      this.#watches.delete(key)
      return watch.state === 'fine' ? undefined : { type: 'over', unit, metric, target: 0, measured: watch.measured }
    }
    if (watch === undefined && (!isMissed || this.#watches.size >= 2 * BARGAINERS_MAX)) return undefined
    const seen = watch ?? { missed: 0, met: 0, state: 'fine', measured }
    this.#watches.set(key, seen)
    seen.missed = isMissed ? seen.missed + 1 : 0
    seen.met = isMissed ? 0 : seen.met + 1
    if (isMissed) seen.measured = measured
    const type = next(seen)
    if (type === 'over' || (seen.state === 'fine' && !isMissed)) this.#watches.delete(key)
    if (type === undefined) return undefined
    seen.state = type === 'over' ? 'fine' : type
    return { type, unit, metric, target, measured: seen.measured }
  }
}

function next({ state, missed, met }: Watch): ExceptionEffect['type'] | undefined {
  if (state === 'fine' && missed >= EXCEPTION_WINDOWS) return 'raised'
  if (state === 'raised' && missed >= GRAVE_WINDOWS) return 'grave'
  return state !== 'fine' && met >= EXCEPTION_WINDOWS ? 'over' : undefined
}
