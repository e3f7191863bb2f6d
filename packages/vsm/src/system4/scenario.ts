import { InvalidArgumentError } from '@vsmcp/kernel'
import { BULKHEAD_PLACES, BULKHEAD_SERVERS, FACTOR_MAX } from './constants.ts'
import type { Station } from './futures.ts'
import type { StationFigures } from './station.ts'

/** A unit as its node measured it. */
export interface ObservedUnit extends StationFigures {
  readonly unit: string
  /** Name of the node that hosts it. */
  readonly node: string
}

/** What if? */
export interface Scenario {
  /** Nodes that are gone, by name. */
  readonly without: readonly string[]
  /** Factor on the demand of all units. */
  readonly demand: number
  /** Factors on the times of service, by unit. */
  readonly slow: Readonly<Record<string, number>>
}

export interface Modelled {
  readonly stations: readonly Station[]
  /** Units that go with their nodes: all calls to them are refused. */
  readonly lost: readonly string[]
  /** Units of which too little is known: never called, or never found idle. */
  readonly unknown: readonly string[]
  /** What is supposed where nothing was seen, as sentences. */
  readonly assumptions: readonly string[]
}

/** @throws `InvalidArgumentError` for a factor out of range, or a node or unit that nobody knows */
export function checkScenario(
  { without, demand, slow }: Scenario,
  observed: readonly ObservedUnit[],
  nodes: readonly string[],
): void {
  checkFactor('demand', demand)
  for (const [unit, factor] of Object.entries(slow)) {
    checkFactor(`slow ${unit}`, factor)
    if (observed.some((each) => each.unit === unit)) continue
    throw new InvalidArgumentError(`no unit ${unit} is known`, { hint: 'List what there is with `vsmcp units`.' })
  }
  for (const node of without) {
    if (nodes.includes(node)) continue
    throw new InvalidArgumentError(`no member ${node} is known`, { hint: 'List who there is with `vsmcp members`.' })
  }
}

/** The queueing model of the units under a scenario. */
export function modelOf(observed: readonly ObservedUnit[], { without, demand, slow }: Scenario): Modelled {
  const stations: Station[] = []
  const lost: string[] = []
  const unknown: string[] = []
  const assumptions: string[] = []
  for (const { unit, node, ratePerS, serviceMs, servers, unlimitedUpTo } of observed) {
    if (without.includes(node)) {
      lost.push(unit)
      continue
    }
    if (ratePerS === 0 || serviceMs.length === 0) {
      unknown.push(unit)
      continue
    }
    if (unlimitedUpTo !== null) {
      assumptions.push(
        `${unit}: calls were not seen to wait for one another, up to ${unlimitedUpTo} at once: ${BULKHEAD_SERVERS} are served at once`,
      )
    } else if (servers === null) assumptions.push(`${unit}: its calls never met: one is served at a time`)
    const factor = slow[unit] ?? 1
    stations.push({
      name: unit,
      ratePerS: ratePerS * demand,
      servers: servers ?? (unlimitedUpTo === null ? 1 : BULKHEAD_SERVERS),
      places: BULKHEAD_PLACES,
      serviceMs: serviceMs.map((each) => each * factor),
    })
  }
  return { stations, lost, unknown, assumptions }
}

function checkFactor(what: string, factor: number): void {
  if (factor > 0 && factor <= FACTOR_MAX) return
  throw new InvalidArgumentError(`${what}: ${factor} is no factor`, {
    hint: `Give a number above 0 and up to ${FACTOR_MAX}, such as x2.`,
  })
}
