import { type PeerIdString, type Random, randomInteger, seededRandom } from '@vsmcp/kernel'
import { membership, type MembershipEffect, type MembershipInit, type MembershipView } from '../src/index.ts'

interface Event {
  atMs: number
  order: number
  run: () => void
}

export interface Node {
  readonly peer: PeerIdString
  readonly view: MembershipView
  up: boolean
  /** Dials under way, by this simulation's own count. */
  dialing: Set<PeerIdString>
  effects: MembershipEffect[]
}

/**
 * Nodes with their real views on a simulated network: dials take time, meet a closed port or silence, and connections close.
 * One seed drives all of it.
 */
export class Simulation {
  readonly random: Random
  readonly nodes: Node[]
  readonly #connections = new Set<string>()
  readonly #init: Partial<MembershipInit>
  #events: Event[] = []
  #order = 0
  nowMs = 0
  /** Whether the network between two nodes carries anything. */
  reachable: (a: Node, b: Node) => boolean = () => true
  /** Called after every effect. */
  onEffect: (node: Node, effect: MembershipEffect) => void = () => {}

  constructor(seed: number, count: number, init: Partial<MembershipInit> = {}) {
    this.random = seededRandom(seed)
    this.#init = init
    this.nodes = Array.from({ length: count }, (_, at) => this.#node(`peer-${String(at).padStart(3, '0')}`))
  }

  #node(peer: PeerIdString): Node {
    const view = membership({ ...this.#init, self: peer })({ random: seededRandom(randomInteger(this.random, 0, 2 ** 31)) })
    return { peer, view, up: true, dialing: new Set(), effects: [] }
  }

  /** Everybody learns of everybody at this moment. */
  introduce(): void {
    for (const node of this.nodes) {
      for (const { peer } of this.nodes)
        if (peer !== node.peer) this.input(node, (view) => view.memberAdded(peer, [`/at/${peer}`], this.nowMs))
    }
  }

  input(node: Node, call: (view: MembershipView) => MembershipEffect[]): void {
    for (const effect of call(node.view)) {
      node.effects.push(effect)
      this.onEffect(node, effect)
      if (effect.type === 'dial') this.#dial(node, effect.peer)
    }
    this.#wake(node)
  }

  isConnected(a: Node, b: Node): boolean {
    return this.#connections.has(keyOf(a, b))
  }

  close(a: Node, b: Node): void {
    if (!this.#connections.delete(keyOf(a, b))) return
    for (const [self, other] of [
      [a, b],
      [b, a],
    ] as const) {
      if (self.up) this.input(self, (view) => view.disconnected(other.peer, this.nowMs))
    }
  }

  crash(node: Node): void {
    node.up = false
    node.dialing.clear()
    for (const other of this.nodes) if (other !== node) this.close(node, other)
  }

  /** The process is back with a view of its own. */
  restart(node: Node): void {
    const fresh = this.#node(node.peer)
    Object.assign(node, { view: fresh.view, up: true, dialing: fresh.dialing })
    for (const { peer } of this.nodes)
      if (peer !== node.peer) this.input(node, (view) => view.memberAdded(peer, [`/at/${peer}`], this.nowMs))
  }

  after(delayMs: number, run: () => void): void {
    this.#events.push({ atMs: this.nowMs + delayMs, order: this.#order++, run })
  }

  runUntil(atMs: number): void {
    for (;;) {
      const next = this.#events.reduce<Event | undefined>(
        (first, event) =>
          first === undefined || event.atMs < first.atMs || (event.atMs === first.atMs && event.order < first.order)
            ? event
            : first,
        undefined,
      )
      if (next === undefined || next.atMs > atMs) break
      this.#events = this.#events.filter((event) => event !== next)
      this.nowMs = next.atMs
      next.run()
    }
    this.nowMs = atMs
  }

  #wake(node: Node): void {
    const { view } = node
    const at = view.nextTickAtMs()
    if (at === undefined) return
    this.after(Math.max(0, at - this.nowMs), () => {
      // Only the newest wish of a live process counts.
      if (node.up && node.view === view && view.nextTickAtMs() === at) this.input(node, () => view.tick(this.nowMs))
    })
  }

  #dial(from: Node, peer: PeerIdString): void {
    const { view } = from
    const to = this.nodes.find((node) => node.peer === peer)
    from.dialing.add(peer)
    const answers = to !== undefined && this.reachable(from, to)
    this.after(answers ? randomInteger(this.random, 1, 40) : 5_000, () => {
      if (!from.up || from.view !== view) return
      from.dialing.delete(peer)
      if (to === undefined || !answers || !this.reachable(from, to))
        this.input(from, () => view.dialFailed(peer, this.nowMs, 'timeout'))
      else if (!to.up) this.input(from, () => view.dialFailed(peer, this.nowMs, 'refused'))
      else {
        this.#connect(from, to)
        this.input(from, () => view.dialSucceeded(peer, this.nowMs))
      }
    })
  }

  #connect(a: Node, b: Node): void {
    if (this.isConnected(a, b)) return
    this.#connections.add(keyOf(a, b))
    for (const [self, other] of [
      [a, b],
      [b, a],
    ] as const)
      this.input(self, (view) => view.connected(other.peer, this.nowMs))
  }
}

function keyOf(a: Node, b: Node): string {
  return [a.peer, b.peer].toSorted().join(' ')
}
