import {
  applyEntry,
  chooseVoters,
  type ConfigurationChange,
  changesVoters,
  decodeGroupState,
  delegatesOf,
  encodeGroupState,
  encodeOperation,
  type Entry,
  type GroupState,
  type Message,
  type Operation,
  type RaftNode,
  raftNode,
  type Reachability,
  type Ready,
  type StoredRaft,
  validateMessage,
} from '@vsmcp/consensus'
import type { GroupId, PeerIdString } from '@vsmcp/kernel'
import {
  membership,
  type MembershipEffect,
  type MembershipMessage,
  type MembershipView,
  validateMembershipMessage,
} from '@vsmcp/membership'
import { GroupRecursion } from '@vsmcp/vsm'
import { attempt } from '../attempt.ts'
import { AUTHORITY, sameBytes, signatureOf } from '../authority.ts'
import { bytesOf } from '../bytes.ts'
import type { Node, Offer } from './node.ts'
import { SeatOrgans } from './seat-organs.ts'
import type { GroupPlan } from './topology.ts'
import { wireSize } from './wire-size.ts'
import type { NestedWorld } from './world.ts'

/** Milliseconds a write takes until it is synced. */
const SYNC_MIN_MS = 1
const SYNC_MAX_MS = 3

/** A membership of one node in one group: log, docket, view of the members, organs. The same code for a home and for a seat above. */
export class Seat {
  readonly node: Node
  readonly group: GroupPlan
  readonly view: MembershipView
  readonly raft: RaftNode
  readonly recursion: GroupRecursion
  readonly organs: SeatOrgans
  /** What members offer, by the group's document. */
  readonly offers = new Map<PeerIdString, Offer>()
  state: GroupState | undefined
  isClosed = false
  readonly #world: NestedWorld
  readonly #listed = new Set<PeerIdString>()
  #isWriting = false
  #raftAtMs = Number.POSITIVE_INFINITY
  #viewAtMs = Number.POSITIVE_INFINITY

  constructor(world: NestedWorld, node: Node, group: GroupPlan, founded: { state: GroupState; stored: StoredRaft } | undefined) {
    this.#world = world
    this.node = node
    this.group = group
    this.state = founded?.state
    const { random } = world
    this.raft = raftNode({ id: node.id, ...(founded === undefined ? {} : { stored: founded.stored }) })({ random })
    const words = (incarnation: number): Uint8Array => bytesOf(`alive ${incarnation}`)
    this.view = membership({ self: node.id, incarnation: world.wallMs })({
      random,
      signAlive: (incarnation) => signatureOf({ peer: node.id }, words(incarnation)),
      verifyAlive: (peer, incarnation, signature) => sameBytes(signature, signatureOf({ peer }, words(incarnation))),
    })
    this.recursion = new GroupRecursion({ self: node.id, group: group.id })
    this.organs = new SeatOrgans(world, this)
  }

  get isLeader(): boolean {
    return this.raft.status().role === 'leader'
  }

  get isOpen(): boolean {
    return this.node.isUp && !this.isClosed
  }

  /** Members but itself, as the docket says. */
  get peers(): readonly PeerIdString[] {
    return [...this.#listed]
  }

  isMember(peer: PeerIdString): boolean {
    return this.state?.members.has(peer) === true
  }

  isAlive(peer: PeerIdString): boolean {
    return peer === this.node.id || this.view.member(peer)?.state === 'alive'
  }

  delegatesOf(child: GroupId): readonly PeerIdString[] {
    return this.state === undefined ? [] : delegatesOf(this.state, child)
  }

  /** It begins to live: knows whom its docket lists, and wakes when something is due. */
  open(): void {
    this.listMembers()
    this.#wakeRaft()
    this.organs.start()
  }

  // ── Membership ────────────────────────────────────────────────────────────────────────────────────────────────────────────────

  look(input: (view: MembershipView, nowMs: number) => readonly MembershipEffect[]): void {
    if (!this.isOpen) return
    for (const effect of input(this.view, this.#world.nowMs)) this.#carryOut(effect)
    const next = this.view.nextTickAtMs()
    if (next === undefined) return
    const atMs = Math.max(this.#world.nowMs + 1, Math.ceil(next))
    if (atMs >= this.#viewAtMs && this.#viewAtMs > this.#world.nowMs) return
    this.#viewAtMs = atMs
    this.#world.at(atMs, () => {
      if (this.#viewAtMs !== atMs) return
      this.#viewAtMs = Number.POSITIVE_INFINITY
      this.look((view, nowMs) => view.tick(nowMs))
    })
  }

  hearMember(from: PeerIdString, message: MembershipMessage): void {
    const valid = validateMembershipMessage(message)
    this.look((view, nowMs) => view.received(from, valid, nowMs))
  }

  #carryOut(effect: MembershipEffect): void {
    const world = this.#world
    if (effect.type === 'send') {
      const to = world.node(effect.to)
      const seat = to?.seats.get(this.group.id)
      if (to === undefined || seat === undefined) return
      world.send(this.node, to, 'membership', wireSize(effect.message), () => seat.hearMember(this.node.id, effect.message))
    } else if (effect.type === 'dial') world.dial(this, effect.peer)
    else if (effect.type === 'state' && effect.to === 'failed') world.hangUp(this.node, effect.peer)
  }

  /** The view follows the docket. */
  listMembers(): void {
    const { state, node } = this
    if (state === undefined) return
    for (const [peer, { addresses }] of state.members) {
      if (peer === node.id || this.#listed.has(peer)) continue
      this.#listed.add(peer)
      this.look((view, nowMs) => view.memberAdded(peer, addresses, nowMs))
      if (this.#world.isLinked(node, peer)) this.look((view, nowMs) => view.connected(peer, nowMs))
    }
    for (const peer of this.#listed) {
      if (state.members.has(peer)) continue
      this.#listed.delete(peer)
      this.offers.delete(peer)
      this.look((view, nowMs) => view.memberRemoved(peer, nowMs))
    }
  }

  // ── Consensus ─────────────────────────────────────────────────────────────────────────────────────────────────────────────────

  decide(input: (raft: RaftNode) => void): void {
    if (!this.isOpen) return
    this.raft.tick(this.#world.nowMs)
    input(this.raft)
    this.#work()
    this.#wakeRaft()
  }

  hearRaft(from: PeerIdString, message: Message): void {
    const valid = validateMessage(message)
    this.decide((raft) => raft.step(from, valid))
  }

  /** Asks whoever leads to decide this, in order; what comes of it shows in the docket. */
  propose(...operations: readonly Operation[]): void {
    const leader = this.raft.status().leader
    const to = leader === undefined ? undefined : this.#world.node(leader)
    const seat = to?.seats.get(this.group.id)
    if (to === undefined || seat === undefined) return
    const asked = operations.map(encodeOperation)
    const take = (): void => seat.decide((raft) => asked.forEach((data) => void attempt(() => raft.propose(data))))
    if (to === this.node) take()
    else this.#world.send(this.node, to, 'consensus', wireSize(asked), take)
  }

  /** A leader keeps the list of learners as the docket has it; who votes does not change in these lives. */
  keepConfiguration(): void {
    const { state } = this
    if (state === undefined) return
    const candidates = state.members.entries().map(([peer, { role, zone, delegateOf }]) => ({
      peer,
      role: delegateOf === undefined ? role : ('edge' as const),
      zone,
    }))
    const change = chooseVoters(candidates, this.#reachability(), this.raft.status().configuration)
    if (change === undefined) return
    const learners: ConfigurationChange = { changes: change.changes.filter(({ type }) => type !== 'voter') }
    if (learners.changes.length === 0 || changesVoters(this.raft.status().configuration, learners)) return
    this.decide((raft) => void attempt(() => raft.proposeConfiguration(learners)))
  }

  #reachability(): ReadonlyMap<PeerIdString, Reachability> {
    const { progress } = this.raft.status()
    const seen = [...progress].map(([peer, { inSync }]): readonly [PeerIdString, Reachability] => {
      const reachable = this.isAlive(peer)
      return [peer, { reachable, failedForMs: reachable ? 0 : 1, inSync, upForMs: this.#world.upForMs(peer) }]
    })
    return new Map([
      ...seen,
      [this.node.id, { reachable: true, failedForMs: 0, inSync: true, upForMs: this.#world.upForMs(this.node.id) }],
    ])
  }

  #work(): void {
    while (this.isOpen && !this.#isWriting && this.raft.hasReady()) {
      const ready = this.raft.ready()
      if (!ready.mustSync) {
        this.#finish(ready)
        continue
      }
      this.#isWriting = true
      this.#world.after(this.#world.between(SYNC_MIN_MS, SYNC_MAX_MS), () => {
        this.#isWriting = false
        if (!this.isOpen) return
        this.#finish(ready)
        this.#work()
        this.#wakeRaft()
      })
    }
  }

  #finish(ready: Ready): void {
    for (const { to, message } of ready.messages) {
      const other = this.#world.node(to)
      const seat = other?.seats.get(this.group.id)
      if (other === undefined || seat === undefined) continue
      this.#world.send(this.node, other, 'consensus', wireSize(message), () => seat.hearRaft(this.node.id, message))
    }
    if (ready.snapshot !== undefined) {
      this.state = decodeGroupState(ready.snapshot.data)
      this.listMembers()
    }
    for (const entry of ready.committedEntries) this.#apply(entry)
    this.raft.advance(ready)
    if (ready.committedEntries.length > 0 || ready.snapshot !== undefined) this.organs.docketChanged()
    if (ready.softState?.role === 'leader') this.organs.tookOffice()
  }

  #apply(entry: Entry): void {
    if (this.state === undefined) return
    const { state, effects } = applyEntry(this.state, entry, AUTHORITY)
    this.state = state
    if (entry.type === 'configuration' || effects.length > 0) this.listMembers()
    for (const effect of effects) {
      if (effect.type === 'member:evicted') this.#world.after(0, () => this.#world.hangUp(this.node, effect.peer))
    }
  }

  #wakeRaft(): void {
    if (!this.isOpen) return
    const next = this.raft.nextTickAtMs()
    if (!Number.isFinite(next)) return
    const { nowMs } = this.#world
    const atMs = Math.max(nowMs + 1, Math.ceil(next))
    if (atMs >= this.#raftAtMs && this.#raftAtMs > nowMs) return
    this.#raftAtMs = atMs
    this.#world.at(atMs, () => {
      if (this.#raftAtMs !== atMs) return
      this.#raftAtMs = Number.POSITIVE_INFINITY
      this.decide(() => {})
    })
  }

  // ── What it keeps ─────────────────────────────────────────────────────────────────────────────────────────────────────────────

  /** Bytes of all that this seat keeps, on disk and in memory: docket and charter, log, document, records, members, evictions. */
  storedBytes(): number {
    return (
      (this.state === undefined ? 0 : encodeGroupState(this.state).length) +
      this.raft.status().logBytes +
      wireSize([...this.offers]) +
      wireSize(this.view.members()) +
      this.recursion.bytes +
      wireSize(this.recursion.revocations.all) +
      this.organs.storedBytes()
    )
  }
}
