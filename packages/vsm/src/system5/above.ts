import type { UnitName } from '@vsmcp/kernel'
import { FOLLOWED_REASON_LENGTH_MAX } from '../recursion/constants.ts'
import type { Followed } from '../recursion/group-record.ts'
import type { ToldFromAbove } from '../recursion/group-recursion.ts'
import { type GroupDirective, type GroupOrder, judgeDirectives, type RefusedDirective } from '../recursion/parent-record.ts'
import type { Owed } from '../system3/bargain.ts'
import type { MetricOwed } from '../system3/performance-monitor.ts'
import { FOLLOWED_CHECK_MS } from './constants.ts'
import type { Governance, Identity } from './governance.ts'
import { matches } from './name-pattern.ts'
import type { Orders } from './obedience.ts'

/** What of a directive from above contradicts who the group is, in words; undefined for nothing. While the identity cannot be read, everything does. */
export function contradictionOf({ order }: Pick<GroupDirective, 'order'>, identity: Identity | undefined): string | undefined {
  if (identity === undefined) return 'the identity of the group cannot be read'
  const { keep } = identity
  const isTaken = order.kind === 'quarantine' || order.kind === 'stop'
  const kept = isTaken ? order.units.find((unit) => keep.includes(unit)) : undefined
  if (kept !== undefined) return `the identity keeps ${kept}: nothing is taken from it`
  const [first] = keep
  if (order.kind === 'weight' && order.most < 1 && first !== undefined) {
    return `the identity keeps ${first}: it weighs no less than any other`
  }
  return undefined
}

/** A group's own governance, within what holds of the directives of those above it. */
export function governedFromAbove(
  governance: Governance,
  told: ToldFromAbove,
  nowMs: number,
): { readonly governance: Governance; readonly refused: readonly RefusedDirective[] } {
  if (told.directives.length === 0) return { governance, refused: [] }
  const { held, refused } = judgeDirectives(told, (directive) => contradictionOf(directive, governance.identity), nowMs)
  return { governance: { ...governance, above: held }, refused }
}

/**
 * What a unit is to work by, within what those above hold the group to: never more than they allow, and no more than the unit has by itself.
 * @param terms what it was attached with
 * @param before what its own System 5 ordered
 */
export function withinBounds(
  unit: UnitName,
  before: Orders | undefined,
  terms: { readonly weight: number; readonly concurrency: number },
  above: readonly GroupDirective[],
): Orders | undefined {
  let orders = before
  for (const { id, order } of above) {
    const by = [...(orders?.by ?? []), id]
    if (order.kind === 'concurrency' && (orders?.concurrency ?? terms.concurrency) > order.most) {
      orders = { ...orders, concurrency: order.most, by }
    } else if (order.kind === 'weight' && (orders?.weight ?? terms.weight) > order.most) {
      orders = { ...orders, weight: order.most, by }
    } else if (order.kind === 'quarantine' && order.units.includes(unit)) {
      orders = { ...orders, isQuarantined: true, by }
    } else if (order.kind === 'stop' && order.units.includes(unit)) {
      orders = { ...orders, isStopped: true, by }
    }
  }
  return orders
}

/** What a unit owes: by its own terms, or as those above have it, whichever is more. */
export function owedWithin(own: Owed, above: readonly GroupDirective[]): Owed {
  const targets = above.flatMap(({ order }) => (order.kind === 'target' ? [order] : []))
  return {
    p99Ms: least([own.p99Ms, ...targets.map(({ p99Ms }) => p99Ms)]),
    errorShare: least([own.errorShare, ...targets.map(({ errors }) => errors)]),
  }
}

function least(values: readonly (number | null)[]): number | null {
  const given = values.filter((value) => value !== null)
  return given.length === 0 ? null : Math.min(...given)
}

/** What a group's leader sees of what directives are about. */
export interface SeenOfBounds {
  /** Calls in work at each provider of each unit, and calls that ended, where a window of it is known. */
  readonly windows: readonly { readonly unit: UnitName; readonly calls: number; readonly inFlight: number }[]
  /** What units are directed to have, and tools that are sought: both by the group's docket. */
  readonly given: readonly { readonly kind: 'weight' | 'concurrency'; readonly unit: UnitName; readonly value: number }[]
  readonly sought: readonly string[]
  /** What units miss of what they owe, as System 3 found in windows on end. */
  readonly missed: readonly { readonly unit: UnitName; readonly metric: MetricOwed; readonly measured: number }[]
}

/**
 * How a group follows what it is told: each directive with what is measured of it. What is measured against one is said only when it has held for
 * a while: calls that were in work end first.
 */
export class Following {
  readonly #sinceMs = new Map<string, number>()

  look(held: readonly GroupDirective[], refused: readonly RefusedDirective[], seen: SeenOfBounds, nowMs: number): Followed[] {
    const keys = new Set(held.map(keyOf))
    for (const key of this.#sinceMs.keys()) if (!keys.has(key)) this.#sinceMs.delete(key)
    return [
      ...refused.map(({ directive: { id, by }, reason }) => ({ id, by, state: 'refused' as const, reason: brief(reason) })),
      ...held.map((directive) => this.#stateOf(directive, seen, nowMs)),
    ]
  }

  #stateOf(directive: GroupDirective, seen: SeenOfBounds, nowMs: number): Followed {
    const { id, by, order } = directive
    const key = keyOf(directive)
    const sinceMs = this.#sinceMs.get(key) ?? nowMs
    this.#sinceMs.set(key, sinceMs)
    const measured = measuredOf(order, seen)
    if (measured === undefined) return { id, by, state: 'held', reason: '' }
    if (measured.agrees) return { id, by, state: 'met', reason: brief(measured.text) }
    const isEarly = nowMs - sinceMs < FOLLOWED_CHECK_MS
    return { id, by, state: isEarly ? 'held' : 'unmet', reason: isEarly ? '' : brief(measured.text) }
  }
}

/** Another order under the same id is another directive. */
const keyOf = ({ by, id, order }: GroupDirective): string => JSON.stringify([by, id, order])
type OrderOf<K extends GroupOrder['kind']> = Extract<GroupOrder, { kind: K }>
const brief = (text: string): string => text.slice(0, FOLLOWED_REASON_LENGTH_MAX)

interface Measured {
  readonly agrees: boolean
  readonly text: string
}

/** @returns undefined where there is nothing to measure yet */
function measuredOf(order: GroupDirective['order'], seen: SeenOfBounds): Measured | undefined {
  switch (order.kind) {
    case 'never':
      return soughtIn(seen, order.tools)
    case 'weight':
      return mostGiven(seen, { weight: order.most, concurrency: null })
    case 'ceiling':
      return mostGiven(seen, order)
    case 'target':
      return missedIn(seen, order)
    case 'stop':
      return stillCalled(seen, order.units)
    case 'concurrency':
      return busiestOf(seen.windows, order.most)
    default:
      return busiestOf(
        seen.windows.filter(({ unit }) => order.units.includes(unit)),
        1,
      )
  }
}

function soughtIn({ sought }: SeenOfBounds, tools: readonly string[]): Measured {
  const tool = sought.find((name) => tools.some((pattern) => matches(pattern, name)))
  return { agrees: tool === undefined, text: tool === undefined ? 'none is sought' : `${tool} is sought` }
}

function mostGiven({ given }: SeenOfBounds, most: Readonly<Record<'weight' | 'concurrency', number | null>>): Measured {
  const over = given.find(({ kind, value }) => value > (most[kind] ?? Infinity))
  if (over !== undefined) return { agrees: false, text: `${over.unit} was given a ${over.kind} of ${over.value}` }
  return { agrees: true, text: 'nobody was given more' }
}

/** Whether units meet a target is known where some were called. */
function missedIn({ windows, missed }: SeenOfBounds, { p99Ms, errors }: OrderOf<'target'>): Measured | undefined {
  const over = missed.find(({ metric, measured }) => measured > ((metric === 'latency' ? p99Ms : errors) ?? Infinity))
  if (over !== undefined) {
    const { unit, metric, measured } = over
    const is = metric === 'latency' ? `a p99 of ${measured.toPrecision(3)} ms` : `${(measured * 100).toPrecision(3)} % errors`
    return { agrees: false, text: `${unit} has ${is}` }
  }
  return windows.some(({ calls }) => calls > 0) ? { agrees: true, text: 'no unit misses it' } : undefined
}

function stillCalled({ windows }: SeenOfBounds, units: readonly UnitName[]): Measured | undefined {
  const about = windows.filter(({ unit }) => units.includes(unit))
  const called = about.find(({ calls, inFlight }) => calls + inFlight > 0)
  if (called !== undefined) return { agrees: false, text: `${called.unit} is called still` }
  return about.length === 0 ? undefined : { agrees: true, text: 'none is called' }
}

function busiestOf(windows: SeenOfBounds['windows'], allowed: number): Measured | undefined {
  const [busiest] = windows.toSorted((a, b) => b.inFlight - a.inFlight)
  if (busiest === undefined) return undefined
  return { agrees: busiest.inFlight <= allowed, text: `${busiest.unit} has ${busiest.inFlight} in work` }
}
