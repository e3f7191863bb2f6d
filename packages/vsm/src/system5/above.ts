import type { UnitName } from '@vsmcp/kernel'
import { FOLLOWED_REASON_LENGTH_MAX } from '../recursion/constants.ts'
import type { Followed } from '../recursion/group-record.ts'
import type { ToldFromAbove } from '../recursion/group-recursion.ts'
import { type GroupDirective, judgeDirectives, type RefusedDirective } from '../recursion/parent-record.ts'
import { FOLLOWED_CHECK_MS } from './constants.ts'
import type { Governance, Identity } from './governance.ts'
import { matches } from './name-pattern.ts'
import type { Orders } from './obedience.ts'

/** What of a directive from above contradicts who the group is, in words; undefined for nothing. While the identity cannot be read, everything does. */
export function contradictionOf({ order }: Pick<GroupDirective, 'order'>, identity: Identity | undefined): string | undefined {
  if (identity === undefined) return 'the identity of the group cannot be read'
  const { keep } = identity
  const kept = order.kind === 'quarantine' ? order.units.find((unit) => keep.includes(unit)) : undefined
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
    }
  }
  return orders
}

/** What a group's leader sees of what directives are about. */
export interface SeenOfBounds {
  /** Calls in work at each provider of each unit, where a window of it is known. */
  readonly inFlight: readonly { readonly unit: UnitName; readonly inFlight: number }[]
  /** The weight that each unit is directed to have, and tools that are sought: both by the group's docket. */
  readonly weights: readonly { readonly unit: UnitName; readonly weight: number }[]
  readonly sought: readonly string[]
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
const brief = (text: string): string => text.slice(0, FOLLOWED_REASON_LENGTH_MAX)

/** @returns undefined where there is nothing to measure yet */
function measuredOf(
  order: GroupDirective['order'],
  { inFlight, weights, sought }: SeenOfBounds,
): { readonly agrees: boolean; readonly text: string } | undefined {
  if (order.kind === 'never') {
    const tool = sought.find((name) => order.tools.some((pattern) => matches(pattern, name)))
    return { agrees: tool === undefined, text: tool === undefined ? 'none is sought' : `${tool} is sought` }
  }
  if (order.kind === 'weight') {
    const most = Math.max(0, ...weights.map(({ weight }) => weight))
    return { agrees: most <= order.most, text: `the most that was ordered is ${most}` }
  }
  const [about, allowed] =
    order.kind === 'concurrency' ? [inFlight, order.most] : [inFlight.filter(({ unit }) => order.units.includes(unit)), 1]
  const busiest = about.toSorted((a, b) => b.inFlight - a.inFlight)[0]
  if (busiest === undefined) return undefined
  return { agrees: busiest.inFlight <= allowed, text: `${busiest.unit} has ${busiest.inFlight} in work` }
}
