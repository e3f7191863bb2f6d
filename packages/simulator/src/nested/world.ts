import { type GroupId, type PeerIdString, type Random, randomInteger, seededRandom } from '@vsmcp/kernel'
import type { GroupRecord, ParentRecord, RecordVerdict } from '@vsmcp/vsm'
import { WALL_START_MS } from '../constants.ts'
import { EventQueue } from '../event-queue.ts'
import { type FirstMember, foundedGroup } from './found.ts'
import { Node } from './node.ts'
import { Seat } from './seat.ts'
import type { SignedRecord } from './seat-organs.ts'
import { type GroupPlan, layOut } from './topology.ts'
import { type Purpose, Traffic } from './traffic.ts'

/** Milliseconds one way between two nodes. */
const DELAY_MIN_MS = 1
const DELAY_MAX_MS = 5

/** Milliseconds until a dial that nobody answers is given up. */
const DIAL_TIMEOUT_MS = 3_000

const ZONES = 3
const TOOLS_PER_NODE = 3
const DELEGATES = 2

export interface NestedInit {
  readonly seed: number
  readonly nodes: number
}

/** What somebody outside watches. */
export interface NestedWatch {
  verdict?(
    seat: Seat,
    carrier: PeerIdString,
    record: SignedRecord,
    verdict: RecordVerdict<GroupRecord> | RecordVerdict<ParentRecord>,
  ): void
}

/** A mesh of nested groups on a simulated network and clock: every node with the real detector, the real Raft, the real organs. */
export class NestedWorld {
  readonly random: Random
  readonly nodes: readonly Node[]
  readonly groups: ReadonlyMap<GroupId, GroupPlan>
  readonly traffic: Traffic
  watch: NestedWatch = {}
  /** Digests of all that leaders said, while somebody watches. */
  readonly said = new Set<string>()
  nowMs = 0
  events = 0
  readonly #voters = new Map<GroupId, readonly PeerIdString[]>()
  readonly #queue = new EventQueue()
  readonly #byId = new Map<PeerIdString, Node>()
  /** Numbers of nodes that only reach each other. */
  #island: ReadonlySet<number> = new Set()

  constructor({ seed, nodes }: NestedInit) {
    this.random = seededRandom(seed)
    const plans = layOut(nodes)
    this.groups = new Map(plans.map((plan) => [plan.id, plan]))
    this.nodes = Array.from(
      { length: nodes },
      (_, number) => new Node(number, `zone-${number % ZONES}`, TOOLS_PER_NODE, -randomInteger(this.random, 60_000, 86_400_000)),
    )
    for (const node of this.nodes) this.#byId.set(node.id, node)
    this.traffic = new Traffic(nodes)
    this.#found(plans)
  }

  // ── Time ──────────────────────────────────────────────────────────────────────────────────────────────────────────────────────

  get wallMs(): number {
    return WALL_START_MS + this.nowMs
  }

  at(atMs: number, run: () => void): void {
    this.#queue.add(Math.max(atMs, this.nowMs), run)
  }

  after(ms: number, run: () => void): void {
    this.#queue.add(this.nowMs + ms, run)
  }

  between(min: number, max: number): number {
    return randomInteger(this.random, min, max)
  }

  /** Lives on until then, or until it is so. @returns whether it is */
  pass(untilMs: number, isSo: () => boolean = () => false): boolean {
    while (!isSo()) {
      const next = this.#queue.nextAtMs
      if (next === undefined || next > untilMs) {
        this.nowMs = untilMs
        return isSo()
      }
      const event = this.#queue.take()
      this.nowMs = Math.max(this.nowMs, event?.atMs ?? 0)
      this.events++
      event?.run()
    }
    return true
  }

  upForMs(peer: PeerIdString): number {
    const node = this.#byId.get(peer)
    return node === undefined ? 0 : this.nowMs - node.upSinceMs
  }

  // ── Network ───────────────────────────────────────────────────────────────────────────────────────────────────────────────────

  node(peer: PeerIdString): Node | undefined {
    return this.#byId.get(peer)
  }

  isLinked(node: Node, peer: PeerIdString): boolean {
    const other = this.#byId.get(peer)
    return other !== undefined && node.links.has(other.number)
  }

  /** Over the connection that stands between both; without one it goes nowhere. */
  send(from: Node, to: Node, purpose: Purpose, bytes: number, deliver: () => void): void {
    if (!from.isUp || !from.links.has(to.number)) return
    this.traffic.count(from.number, purpose, bytes)
    if (!this.#carries(from, to)) return
    this.after(this.between(DELAY_MIN_MS, DELAY_MAX_MS), () => {
      if (to.isUp && this.#carries(from, to)) deliver()
    })
  }

  dial(seat: Seat, peer: PeerIdString): void {
    const { node } = seat
    const other = this.#byId.get(peer)
    if (other === undefined) return
    if (!this.#carries(node, other) || other.isSilent) {
      this.after(DIAL_TIMEOUT_MS, () => seat.look((view, nowMs) => view.dialFailed(peer, nowMs, 'timeout')))
      return
    }
    this.after(2 * this.between(DELAY_MIN_MS, DELAY_MAX_MS), () => {
      if (!other.isUp) seat.look((view, nowMs) => view.dialFailed(peer, nowMs, 'refused'))
      else {
        this.connect(node, other)
        seat.look((view, nowMs) => view.dialSucceeded(peer, nowMs))
      }
    })
  }

  connect(a: Node, b: Node): void {
    if ((a.links.has(b.number) && b.links.has(a.number)) || !a.isUp || !b.isUp) return
    // One of them had not noticed yet that the connection before was gone.
    for (const [one, other] of [
      [a, b],
      [b, a],
    ] as const)
      if (one.links.has(other.number)) this.#lose(one, other)
    a.links.add(b.number)
    b.links.add(a.number)
    for (const [one, other] of [
      [a, b],
      [b, a],
    ] as const) {
      for (const seat of one.seats.values()) {
        if (!other.seats.has(seat.group.id)) continue
        seat.look((view, nowMs) => view.connected(other.id, nowMs))
        seat.decide((raft) => raft.connectionOpened(other.id))
        seat.organs.met(other)
      }
    }
  }

  hangUp(node: Node, peer: PeerIdString): void {
    const other = this.#byId.get(peer)
    if (other === undefined || !node.links.has(other.number)) return
    this.#lose(node, other)
    // Who cannot be reached finds out by itself.
    if (this.#carries(node, other) && other.links.has(node.number)) this.#lose(other, node)
  }

  #lose(node: Node, other: Node): void {
    node.links.delete(other.number)
    for (const seat of node.seats.values()) {
      if (!other.seats.has(seat.group.id)) continue
      seat.look((view, nowMs) => view.disconnected(other.id, nowMs))
      seat.decide((raft) => raft.connectionClosed(other.id))
    }
  }

  #carries(from: Node, to: Node): boolean {
    return this.#island.has(from.number) === this.#island.has(to.number) && !from.isSilent && !to.isSilent
  }

  // ── Faults ────────────────────────────────────────────────────────────────────────────────────────────────────────────────────

  /** The process dies: its connections close, and nobody is at its address. */
  kill(node: Node): void {
    node.isUp = false
    for (const number of node.links) {
      const other = this.nodes[number]
      if (other !== undefined) this.after(this.between(DELAY_MIN_MS, DELAY_MAX_MS), () => this.#lose(other, node))
    }
    node.links.clear()
  }

  /** The machine vanishes without a word. */
  silence(node: Node): void {
    node.isSilent = true
    node.isUp = false
  }

  /** These nodes, and none else, reach each other; an empty list ends it. */
  cutOff(numbers: readonly number[]): void {
    this.#island = new Set(numbers)
  }

  // ── What it is made of ────────────────────────────────────────────────────────────────────────────────────────────────────────

  openSeat(node: Node, group: GroupPlan, founded?: ConstructorParameters<typeof Seat>[3]): Seat {
    const seat = new Seat(this, node, group, founded)
    node.seats.set(group.id, seat)
    return seat
  }

  sawVerdict(...seen: Parameters<NonNullable<NestedWatch['verdict']>>): void {
    this.watch.verdict?.(...seen)
  }

  /** As the group's certified chain says. */
  votersOf(group: GroupId): readonly PeerIdString[] {
    return this.#voters.get(group) ?? []
  }

  #found(plans: readonly GroupPlan[]): void {
    for (const plan of plans) {
      const members = this.#membersOf(plan)
      const founded = foundedGroup(plan, members)
      this.#voters.set(plan.id, founded.state.configuration.voters)
      for (const { node: number } of members) {
        const node = this.nodes[number]
        if (node !== undefined) this.openSeat(node, plan, founded)
      }
    }
    // Homes come before seats above in each node's list, whatever the order of founding.
    for (const node of this.nodes) {
      const seats = [...node.seats].toSorted(([, a], [, b]) => b.group.lineage.length - a.group.lineage.length)
      node.seats.clear()
      for (const [group, seat] of seats) node.seats.set(group, seat)
    }
    for (const node of this.nodes) for (const seat of node.seats.values()) seat.open()
    for (const plan of plans) {
      const members = this.#membersOf(plan).flatMap(({ node }) => this.nodes[node] ?? [])
      for (const [at, a] of members.entries()) for (const b of members.slice(at + 1)) this.connect(a, b)
    }
  }

  #membersOf(plan: GroupPlan): FirstMember[] {
    const home = plan.home.map((number) => this.#firstMember(number, undefined))
    const guests = plan.children.flatMap((child) => this.#longestUp(child.home).map((number) => this.#firstMember(number, child)))
    return [...home, ...guests]
  }

  #firstMember(number: number, delegateOf: GroupPlan | undefined): FirstMember {
    const node = this.nodes[number]
    return { node: number, zone: node?.zone ?? '', unit: node?.unit ?? '', delegateOf }
  }

  /** Those that the group's leader would have chosen. */
  #longestUp(home: readonly number[]): readonly number[] {
    const since = (number: number): number => this.nodes[number]?.upSinceMs ?? 0
    return home.toSorted((a, b) => since(a) - since(b)).slice(0, DELEGATES)
  }
}
