import { type PeerIdString, type Random, randomInteger, seededRandom } from '@vsmcp/kernel'
import {
  membership,
  type MembershipEffect,
  type MembershipInit,
  type MembershipMessage,
  type MembershipView,
  type MemberState,
  validateMembershipMessage,
} from '../../src/index.ts'
import { EventQueue } from './event-queue.ts'

export interface Node {
  readonly peer: PeerIdString
  view: MembershipView
  /** `gone`: its machine is off: no connection closes, nothing answers. */
  life: 'up' | 'down' | 'gone'
  /** Dials under way, by this simulation's own count. */
  dialing: Set<PeerIdString>
  /** What happened, without what was sent. */
  effects: MembershipEffect[]
  readonly connections: Set<Node>
  /** Who is in its group. */
  group: readonly Node[]
  /** How much later than they arrive it handles messages, milliseconds. */
  handlesAfterMs: number
  /** It stands still until then. */
  frozenUntilMs: number
  readonly sent: { messages: number; rumors: number; bytes: number }
  wakeAtMs: number | undefined
}

/** What becomes of one message. */
export type Fault = (from: Node, to: Node, message: MembershipMessage) => 'pass' | 'lose'

/** A word of a node, as good as a signature where nobody forges. */
export const signatureOf = (peer: PeerIdString, incarnation: number): Uint8Array => Buffer.from(`${peer} ${incarnation}`)

/**
 * Nodes with their real views on a simulated network: dials and messages take time, meet a closed port or silence, get lost,
 * and connections close. One seed drives all of it.
 */
export class Simulation {
  readonly random: Random
  readonly nodes: Node[]
  readonly #byPeer: ReadonlyMap<PeerIdString, Node>
  readonly #init: Partial<MembershipInit>
  readonly #events = new EventQueue()
  #lives = 0
  /** Whether the network between two nodes carries anything. */
  reachable: (a: Node, b: Node) => boolean = () => true
  fault: Fault = () => 'pass'
  /** Of a message, milliseconds, from and to. */
  latencyMs: readonly [number, number] = [1, 5]
  /** Called after every effect. */
  onEffect: (node: Node, effect: MembershipEffect) => void = () => {}

  constructor(seed: number, count: number, init: Partial<MembershipInit> = {}) {
    this.random = seededRandom(seed)
    this.#init = init
    this.nodes = Array.from({ length: count }, (_, at) => this.#node(`peer-${String(at).padStart(4, '0')}`))
    this.#byPeer = new Map(this.nodes.map((node) => [node.peer, node]))
    for (const node of this.nodes) node.group = this.nodes
  }

  get nowMs(): number {
    return this.#events.nowMs
  }

  #view(peer: PeerIdString): MembershipView {
    const random = seededRandom(randomInteger(this.random, 0, 2 ** 31))
    // As milliseconds since the epoch do, each life begins above the words of those before.
    const incarnation = 1_000_000 * ++this.#lives
    return membership({ incarnation, ...this.#init, self: peer })({
      random,
      signAlive: (said) => signatureOf(peer, said),
      verifyAlive: (by, said, signature) => Buffer.from(signatureOf(by, said)).equals(signature),
    })
  }

  #node(peer: PeerIdString): Node {
    return {
      peer,
      view: this.#view(peer),
      life: 'up',
      dialing: new Set(),
      effects: [],
      connections: new Set(),
      group: [],
      handlesAfterMs: 0,
      frozenUntilMs: 0,
      sent: { messages: 0, rumors: 0, bytes: 0 },
      wakeAtMs: undefined,
    }
  }

  at(index: number): Node {
    const node = this.nodes[index]
    if (node === undefined) throw new Error(`there is no node ${index}`)
    return node
  }

  /** Splits the nodes into groups of this size. */
  divide(size: number): readonly (readonly Node[])[] {
    const groups = Array.from({ length: this.nodes.length / size }, (_, at) => this.nodes.slice(at * size, (at + 1) * size))
    for (const group of groups) for (const node of group) node.group = group
    return groups
  }

  /** Everybody learns of everybody in its group at this moment. */
  introduce(): void {
    for (const node of this.nodes) this.#introduce(node)
  }

  #introduce(node: Node): void {
    for (const { peer } of node.group) {
      if (peer !== node.peer) this.input(node, (view) => view.memberAdded(peer, [`/at/${peer}`], this.nowMs))
    }
  }

  /** Connects those that `wanted` picks, without any dial: as if the group had run for long. */
  connectAll(wanted: (a: Node, b: Node) => boolean = () => true): void {
    for (const a of this.nodes) for (const b of a.group) if (a.peer < b.peer && wanted(a, b)) this.connect(a, b)
  }

  input(node: Node, call: (view: MembershipView) => MembershipEffect[]): void {
    for (const effect of call(node.view)) {
      if (effect.type !== 'send') node.effects.push(effect)
      this.onEffect(node, effect)
      if (effect.type === 'dial') this.#dial(node, effect.peer)
      else if (effect.type === 'send') this.#send(node, effect.to, effect.message)
      // As the shell does: whoever failed with a connection standing is hung up on.
      else if (effect.type === 'state' && effect.to === 'failed') {
        const other = this.#byPeer.get(effect.peer)
        if (other !== undefined && node.connections.has(other)) this.#events.after(1, () => this.close(node, other))
      }
    }
    this.#wake(node)
  }

  isConnected(a: Node, b: Node): boolean {
    return a.connections.has(b)
  }

  close(a: Node, b: Node): void {
    if (!a.connections.delete(b)) return
    b.connections.delete(a)
    for (const [self, other] of [
      [a, b],
      [b, a],
    ] as const) {
      if (self.life === 'up') this.#run(self, 'event', (view) => view.disconnected(other.peer, this.nowMs))
    }
  }

  /** The process dies: its connections close, nobody listens. */
  crash(node: Node): void {
    node.life = 'down'
    node.dialing.clear()
    for (const other of node.connections) this.close(node, other)
  }

  /** The machine dies: nobody hears a word. */
  vanish(node: Node): void {
    node.life = 'gone'
    node.dialing.clear()
  }

  /** The process is back with a view of its own. */
  restart(node: Node): void {
    this.crash(node)
    Object.assign(node, { view: this.#view(node.peer), life: 'up', dialing: new Set(), wakeAtMs: undefined, frozenUntilMs: 0 })
    this.#introduce(node)
  }

  after(delayMs: number, run: () => void): void {
    this.#events.after(delayMs, run)
  }

  runUntil(atMs: number): void {
    this.#events.runUntil(atMs)
  }

  runFor(durationMs: number): void {
    this.runUntil(this.nowMs + durationMs)
  }

  connect(a: Node, b: Node): void {
    if (a.connections.has(b)) return
    a.connections.add(b)
    b.connections.add(a)
    for (const [self, other] of [
      [a, b],
      [b, a],
    ] as const)
      this.#run(self, 'event', (view) => view.connected(other.peer, this.nowMs))
  }

  /** Now, or when the node goes on; its overdue timers come before what waits to be read, as in a real event loop. */
  #run(node: Node, what: 'tick' | 'event', call: (view: MembershipView) => MembershipEffect[]): void {
    const { view } = node
    if (node.life !== 'up') return
    if (node.frozenUntilMs <= this.nowMs) {
      this.input(node, () => call(view))
      return
    }
    this.#events.at(
      node.frozenUntilMs,
      () => {
        if (node.view === view) this.#run(node, what, call)
      },
      what === 'tick',
    )
  }

  #wake(node: Node): void {
    const { view } = node
    const at = view.nextTickAtMs()
    if (at === undefined || (node.wakeAtMs !== undefined && node.wakeAtMs <= at)) return
    const wakeAtMs = Math.max(this.nowMs, at)
    node.wakeAtMs = wakeAtMs
    this.#events.at(wakeAtMs, () => {
      if (node.view !== view || node.wakeAtMs !== wakeAtMs) return
      this.#run(node, 'tick', () => {
        node.wakeAtMs = undefined
        return view.tick(this.nowMs)
      })
    })
  }

  #send(from: Node, peer: PeerIdString, message: MembershipMessage): void {
    const to = this.#byPeer.get(peer)
    const rumors = 'rumors' in message ? message.rumors.length : 0
    from.sent.messages++
    from.sent.rumors += rumors
    // About what msgpack makes of it: the PeerId of a rumour has 52 characters, its signature 64 bytes.
    from.sent.bytes += 40 + 190 * rumors
    if (to === undefined || !from.connections.has(to) || this.fault(from, to, message) === 'lose') return
    const { view } = to
    const delayMs = randomInteger(this.random, this.latencyMs[0], this.latencyMs[1]) + to.handlesAfterMs
    this.#events.after(delayMs, () => {
      if (to.view !== view || !this.reachable(from, to) || to.life !== 'up') return
      const received = validateMembershipMessage(message)
      this.#run(to, 'event', () => view.received(from.peer, received, this.nowMs))
    })
  }

  #dial(from: Node, peer: PeerIdString): void {
    const { view } = from
    const to = this.#byPeer.get(peer)
    from.dialing.add(peer)
    // The kernel of one that stands still takes the connection, and nobody says hello.
    const answers = to !== undefined && to.life !== 'gone' && to.frozenUntilMs <= this.nowMs && this.reachable(from, to)
    this.#events.after(answers ? randomInteger(this.random, 1, 40) : 5_000, () => {
      if (from.life !== 'up' || from.view !== view) return
      from.dialing.delete(peer)
      if (to === undefined || !answers || to.life === 'gone' || !this.reachable(from, to)) {
        this.#run(from, 'event', () => view.dialFailed(peer, this.nowMs, 'timeout'))
      } else if (to.life === 'down') this.#run(from, 'event', () => view.dialFailed(peer, this.nowMs, 'refused'))
      else {
        this.connect(from, to)
        this.#run(from, 'event', () => view.dialSucceeded(peer, this.nowMs))
      }
    })
  }
}

export function stateAt(node: Node, of: Node): MemberState | undefined {
  return node.view.member(of.peer)?.state
}

/** Milliseconds until all of these hold the member for `state`, or undefined when that was not within the time. */
export function untilAll(
  simulation: Simulation,
  nodes: readonly Node[],
  of: Node,
  state: MemberState,
  withinMs: number,
): number | undefined {
  const startMs = simulation.nowMs
  while (simulation.nowMs - startMs < withinMs) {
    if (nodes.every((node) => node === of || stateAt(node, of) === state)) return simulation.nowMs - startMs
    simulation.runFor(10)
  }
  return undefined
}

/** Changes of state to `failed` of members that were up, as those that saw them say. */
export function falseAlarms(nodes: readonly Node[], of: (peer: PeerIdString) => boolean = () => true): number {
  return nodes
    .flatMap(({ effects }) => effects)
    .filter((effect) => effect.type === 'state' && effect.to === 'failed' && of(effect.peer)).length
}
