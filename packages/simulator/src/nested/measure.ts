import { callTool } from './asking.ts'
import { PURPOSES, type Purpose } from './traffic.ts'
import { runTrials, type TrialFigures } from './trials.ts'
import { NestedWorld } from './world.ts'

/** Milliseconds until elections are over and records have been everywhere. */
const WARM_UP_MS = 20_000

/** Milliseconds between two calls of a node's client to tools of its group, and how many of them go anywhere in the mesh instead. */
const CALL_PERIOD_MS = 5_000
const FAR_CALLS = 0.05

export interface Spread {
  readonly mean: number
  readonly median: number
  readonly p99: number
  readonly max: number
}

export interface NestedFigures extends TrialFigures {
  readonly nodes: number
  readonly groups: number
  readonly levels: number
  readonly seatsMax: number
  /** Of all that a node keeps, bytes. */
  readonly storedBytes: Spread
  readonly connections: Spread
  /** Sent by a node per second. */
  readonly messagesPerS: Spread
  readonly bytesPerS: Spread
  /** Likewise but for calls, which are what the clients make them. */
  readonly governingBytesPerS: Spread
  readonly bytesPerSByPurpose: Readonly<Record<Purpose, number>>
  /** Calls to tools that the caller's group does not list: how many, and how many found it. */
  readonly farCalls: number
  readonly farCallsFound: number
  readonly seconds: number
  readonly events: number
}

export interface NestedRun {
  readonly seed: number
  readonly nodes: number
  /** Simulated milliseconds that are measured. */
  readonly measuredMs: number
  /** Called before and after what is measured: a command times it. */
  readonly mark?: (at: 'begin' | 'end') => void
}

/** One mesh: warmed up, measured at its daily work, then tried with news of all kinds. */
export function measureNested({ seed, nodes, measuredMs, mark = () => {} }: NestedRun): NestedFigures {
  const world = new NestedWorld({ seed, nodes })
  const calls = new DailyCalls(world)
  world.pass(WARM_UP_MS)
  world.traffic.reset()
  calls.reset()
  const before = world.events
  mark('begin')
  world.pass(WARM_UP_MS + measuredMs)
  mark('end')
  const seconds = measuredMs / 1_000
  const perS = (what: 'messages' | 'bytes', purposes?: readonly Purpose[]): Spread =>
    spreadOf(world.traffic.byNode(what, purposes).map((count) => count / seconds))
  const traffic = {
    messagesPerS: perS('messages'),
    bytesPerS: perS('bytes'),
    governingBytesPerS: perS(
      'bytes',
      PURPOSES.filter((purpose) => purpose !== 'calls'),
    ),
    bytesPerSByPurpose: Object.fromEntries(
      PURPOSES.map((purpose) => [purpose, meanOf(world.traffic.byNode('bytes', [purpose])) / seconds]),
    ) as Record<Purpose, number>,
    farCalls: calls.far,
    farCallsFound: calls.found,
    events: world.events - before,
  }
  const plans = [...world.groups.values()]
  const shape = {
    nodes,
    groups: plans.length,
    levels: Math.max(...plans.map(({ lineage }) => lineage.length)),
    seatsMax: Math.max(...world.nodes.map(({ seats }) => seats.size)),
    storedBytes: spreadOf(world.nodes.map(({ seats }) => [...seats.values()].reduce((sum, seat) => sum + seat.storedBytes(), 0))),
    connections: spreadOf(world.nodes.map(({ links }) => links.size)),
    seconds,
  }
  return { ...shape, ...traffic, ...runTrials(world) }
}

/** What clients do all day: mostly tools of their own group. */
class DailyCalls {
  far = 0
  found = 0
  readonly #world: NestedWorld

  constructor(world: NestedWorld) {
    this.#world = world
    for (const { number } of world.nodes) world.after(world.between(0, CALL_PERIOD_MS), () => this.#call(number))
  }

  reset(): void {
    this.far = 0
    this.found = 0
  }

  #call(number: number): void {
    const world = this.#world
    const node = world.nodes[number]
    if (node?.isUp !== true) return
    world.after(CALL_PERIOD_MS, () => this.#call(number))
    const isFar = world.random.next() < FAR_CALLS
    const among = isFar ? world.nodes.map((each) => each.number) : node.home.group.home
    const host = world.nodes[among[world.between(0, among.length - 1)] ?? 0]
    const tool = host?.tools[world.between(0, 2)]
    if (host === undefined || tool === undefined) return
    const isElsewhere = host.home.group !== node.home.group
    if (isElsewhere) this.far++
    callTool(world, node, tool, (found) => {
      if (isElsewhere && found) this.found++
    })
  }
}

export function spreadOf(values: readonly number[]): Spread {
  const sorted = values.toSorted((a, b) => a - b)
  const rank = (share: number): number => sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)] ?? 0
  return { mean: meanOf(values), median: rank(0.5), p99: rank(0.99), max: rank(1) }
}

function meanOf(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length
}
