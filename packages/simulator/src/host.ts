import {
  type Applied,
  applyEntry,
  type Authority,
  decodeGroupState,
  encodeGroupState,
  type Entry,
  type GroupState,
  isCertified,
  isOver,
  type Message,
  type RaftComponents,
  type RaftNode,
  raftNode,
  type Ready,
  type StoredRaft,
  readMessageOfEpoch,
} from '@vsmcp/consensus'
import type { PeerIdString, Random } from '@vsmcp/kernel'
import { type Chain, epochOf } from './chain.ts'
import { BACKLOG_MAX } from './constants.ts'
import type { Disk } from './disk.ts'
import type { DriftingClock } from './drifting-clock.ts'

/** What happens in a host, for whoever carries its messages and watches its promises. */
export interface HostEvents {
  now(): number
  at(atMs: number, run: () => void): void
  /** How long the next write takes, milliseconds. */
  diskMs(host: Host): number
  readonly authority: Authority
  random(): Random
  sent(host: Host, to: PeerIdString, message: Message): void
  /** A peer speaks of the log of another epoch. */
  differs(host: Host, from: PeerIdString): void
  /** A message was handled; `term` is the one before it, `recovery` began what the sender decides in. */
  heard(
    host: Host,
    from: PeerIdString,
    message: Message,
    when: { readonly term: number; readonly recovery: string | undefined },
  ): void
  /** After every input, before what comes of it is written. */
  stepped(host: Host): void
  /** A `Ready` is on disk and nothing of it was seen yet. */
  written(host: Host, ready: Ready): void
  applied(host: Host, entry: Entry, before: GroupState, after: Applied): void
  installed(host: Host, state: GroupState): void
  /** Everything of a `Ready` is done. */
  done(host: Host, ready: Ready): void
}

export interface HostInit {
  /** Names the process; two processes of one identity differ in it. */
  readonly key: string
  readonly id: PeerIdString
  readonly disk: Disk
  readonly clock: DriftingClock
  readonly timings: { readonly heartbeatMs: number; readonly electionTimeoutMinMs: number; readonly electionTimeoutMaxMs: number }
  readonly mayVote: boolean
  /** Of recoveries that its directory knows of. */
  readonly chain: Chain
  readonly raft: (random: Random) => RaftComponents
}

/** What its directory knows of its group, beside the log. */
interface Enrolment {
  readonly chain: Chain
  readonly rival: { readonly epoch: number; readonly peer: PeerIdString } | undefined
}

/**
 * One process of a node: the shell around a real Raft node and the real state machine, as the node's own, but that its disk takes its
 * time, its clock errs, and it may be paused or die between any two steps.
 */
export class Host {
  readonly key: string
  readonly id: PeerIdString
  readonly disk: Disk
  readonly clock: DriftingClock
  readonly mayVote: boolean
  readonly #init: HostInit
  readonly #events: HostEvents
  raft: RaftNode
  state: GroupState | undefined
  applied = 0
  up = true
  /** Not for good: a process that is stopped and goes on later. */
  paused = false
  /** How many lives this process had: what an earlier one asked for is nobody's any more. */
  life = 0
  #backlog: (() => void)[] = []
  /** Given out, not yet written: a crash may lose it. */
  #writing: Ready | undefined
  #wakeAtMs = Number.POSITIVE_INFINITY
  /** What happens on the way may be an input to this very process: it waits until the turn is over. */
  #finishing = false
  #enrolment: Enrolment
  /** As it is on disk. */
  #enrolled: Enrolment
  /** Takes no part in decisions: on its way into a later epoch, or in one that was started twice. */
  #retired = false

  constructor(init: HostInit, events: HostEvents, random: Random) {
    this.key = init.key
    this.id = init.id
    this.disk = init.disk
    this.clock = init.clock
    this.mayVote = init.mayVote
    this.#init = init
    this.#events = events
    this.#enrolment = { chain: init.chain, rival: undefined }
    this.#enrolled = this.#enrolment
    this.raft = this.#boot(random)
  }

  /** The recoveries it knows of. */
  get chain(): Chain {
    return this.#enrolment.chain
  }

  get epoch(): number {
    return epochOf(this.chain)
  }

  /** Who started its epoch, too. */
  get rival(): PeerIdString | undefined {
    const { rival } = this.#enrolment
    return rival?.epoch === this.epoch ? rival.peer : undefined
  }

  /** Whether it takes part in decisions. */
  get isDeciding(): boolean {
    return this.up && !this.#retired
  }

  get localMs(): number {
    return this.clock.monotonicMs(this.#events.now())
  }

  get leads(): boolean {
    return this.isDeciding && this.raft.status().role === 'leader'
  }

  /** Nothing is being written and nothing waits to be. */
  get atRest(): boolean {
    return this.#writing === undefined && !this.raft.hasReady()
  }

  /** Gives the process something to do, now or when it goes on. */
  input(act: (raft: RaftNode) => void): void {
    this.whenRunning(() => {
      const { raft } = this
      if (this.#retired) return
      raft.tick(this.localMs)
      act(raft)
      this.#events.stepped(this)
      this.#work()
      this.wake()
    })
  }

  /** Does something in this process, now or when it goes on; never in a dead one. */
  whenRunning(act: () => void): void {
    if (!this.up) return
    if (!this.paused) act()
    else if (this.#backlog.length < BACKLOG_MAX) this.#backlog.push(() => this.whenRunning(act))
  }

  /** What a peer sent, read as the node's shell reads it. */
  receive(from: PeerIdString, value: unknown, recovery: string | undefined): void {
    this.input((raft) => {
      const message = readMessageOfEpoch(value, this.epoch)
      if (message === undefined) this.#events.differs(this, from)
      if (message === undefined || typeof message === 'string') return
      const { term } = raft.status()
      raft.step(from, message)
      this.#events.heard(this, from, message, { term, recovery })
    })
  }

  /** Goes by a later chain from now on; it is on disk when `standDown` is done. */
  believe(chain: Chain): void {
    this.#enrolment = { ...this.#enrolment, chain }
  }

  /** Forgets its log, which is of an epoch that is over, and learns that of the one it believes in. */
  standDown(): void {
    this.#retire()
    this.state = undefined
    this.applied = 0
    const [enrolment, { life }] = [this.#enrolment, this]
    this.#events.at(this.#events.now() + this.#events.diskMs(this), () => {
      // A still later epoch brings its own.
      if (this.life !== life || this.#enrolment !== enrolment) return
      this.#enrolled = enrolment
      this.raft = this.#boot(this.#events.random())
      this.input(() => {})
    })
  }

  /** Decides nothing any more, until a later epoch begins. */
  halt(rival: PeerIdString): void {
    this.#retire()
    this.#enrolment = { ...this.#enrolment, rival: { epoch: this.epoch, peer: rival } }
    this.#enrolled = this.#enrolment
  }

  /** Its directory was recovered while it was stopped. */
  recovered(stored: StoredRaft, chain: Chain): void {
    this.disk.replace(stored)
    this.#enrolment = { ...this.#enrolment, chain }
    this.#enrolled = this.#enrolment
  }

  #retire(): void {
    this.#retired = true
    // What is being written may end, and leads to nothing.
    if (this.#writing !== undefined) this.disk.write(this.#writing)
    this.#writing = undefined
  }

  pause(): void {
    this.paused = true
  }

  resume(): void {
    if (!this.paused) return
    this.paused = false
    const waiting = this.#backlog
    this.#backlog = []
    for (const act of waiting) act()
    this.input(() => {})
  }

  /** The process dies; of what it was writing a part may have reached the disk. */
  crash(survivors: (count: number) => number): void {
    if (this.#writing !== undefined) this.disk.write({ ...this.#writing, mustSync: false })
    this.disk.crash(survivors(this.disk.unsyncedCount))
    this.stop()
  }

  stop(): void {
    this.up = false
    this.paused = false
    this.#backlog = []
    this.#writing = undefined
    this.life++
  }

  restart(random: Random): void {
    this.up = true
    this.#enrolment = this.#enrolled
    this.raft = this.#boot(random)
    const { voters, outgoing } = this.raft.status().configuration
    // As the node's shell does: nobody to wait for.
    if (voters.length === 1 && outgoing.length === 0 && voters[0] === this.id && this.mayVote)
      this.input((raft) => raft.campaign())
    else this.input(() => {})
  }

  /** Takes a snapshot and drops the log up to `keep` entries before it. */
  compact(keep: number): boolean {
    if (!this.isDeciding || this.paused || !this.atRest || this.state === undefined) return false
    const { applied, firstIndex } = this.raft.status()
    // As the node's shell does: what a certificate needs stays in the log, and a snapshot is of certified voters.
    if (applied !== this.applied || applied < 2 || !isCertified(this.state)) return false
    const snapshot = this.raft.createSnapshot(encodeGroupState(this.state))
    const index = Math.max(firstIndex - 1, snapshot.index - keep)
    this.disk.compact(index, snapshot)
    this.raft.compact(index, snapshot)
    return true
  }

  /** Asks for the next tick when the Raft node wants one. */
  wake(): void {
    if (!this.isDeciding || this.paused) return
    const next = this.raft.nextTickAtMs()
    if (!Number.isFinite(next)) return
    const now = this.#events.now()
    const atMs = Math.max(now + 1, Math.ceil(this.clock.trueMs(next)))
    if (atMs >= this.#wakeAtMs && this.#wakeAtMs > now) return
    this.#wakeAtMs = atMs
    const { life } = this
    this.#events.at(atMs, () => {
      if (this.life !== life || this.#wakeAtMs !== atMs) return
      this.#wakeAtMs = Number.POSITIVE_INFINITY
      if (!this.paused) this.input(() => {})
    })
  }

  #boot(random: Random): RaftNode {
    this.#wakeAtMs = Number.POSITIVE_INFINITY
    this.state = undefined
    this.applied = 0
    this.#retired = this.rival !== undefined
    // Nobody goes back to the first epoch.
    if (this.epoch > 1 && isOver(this.disk.read(), this.epoch)) this.disk.replace()
    const { id, timings, mayVote } = this.#init
    const stored = this.disk.read()
    const raft = raftNode({ id, stored, ...timings, mayVote })(this.#init.raft(random))
    if (stored.snapshot !== undefined) this.#install(stored.snapshot)
    return raft
  }

  #work(): void {
    while (this.isDeciding && !this.#finishing && this.#writing === undefined && this.raft.hasReady()) {
      const ready = this.raft.ready()
      const writes = ready.hardState !== undefined || ready.entries.length > 0 || ready.snapshot !== undefined
      if (!writes) {
        this.#finish(ready)
        continue
      }
      this.#writing = ready
      const { life } = this
      this.#events.at(this.#events.now() + this.#events.diskMs(this), () => this.#wrote(ready, life))
    }
  }

  #wrote(ready: Ready, life: number): void {
    if (this.life !== life || this.#writing !== ready) return
    if (this.paused) {
      this.#backlog.push(() => this.#wrote(ready, life))
      return
    }
    this.#writing = undefined
    this.#finish(ready)
    this.#work()
    this.wake()
  }

  #finish(ready: Ready): void {
    this.#finishing = true
    this.disk.write(ready)
    this.#events.written(this, ready)
    for (const { to, message } of ready.messages) this.#events.sent(this, to, message)
    if (ready.snapshot !== undefined) {
      this.#install(ready.snapshot)
      if (this.state !== undefined) this.#events.installed(this, this.state)
    }
    for (const entry of ready.committedEntries) this.#apply(entry)
    this.raft.advance(ready)
    this.#finishing = false
    this.#events.done(this, ready)
    this.#events.stepped(this)
  }

  #install(snapshot: { readonly index: number; readonly data: Uint8Array }): void {
    this.state = decodeGroupState(snapshot.data)
    this.applied = snapshot.index
  }

  #apply(entry: Entry): void {
    const before = this.state
    if (entry.index !== this.applied + 1 || before === undefined) {
      throw new Error(`${this.key} is to apply ${entry.index} after ${this.applied}`)
    }
    const after = applyEntry(before, entry, this.#events.authority)
    this.state = after.state
    this.applied = entry.index
    this.#events.applied(this, entry, before, after)
  }
}
