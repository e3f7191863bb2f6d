import {
  type ApplyResult,
  type Authority,
  type ConfigurationChange,
  encodeGroupState,
  encodeOperation,
  type Endorsement,
  type Entry,
  type GroupState,
  NotLeaderError,
  type Message,
  type Operation,
  type Proposed,
  raftNode,
  type RaftComponents,
  type RaftNode,
  type RaftStatus,
  type Ready,
  type Snapshot,
} from '@vsmcp/consensus'
import {
  backoffMs,
  type Clock,
  Emitter,
  type Logger,
  messageOf,
  type PeerIdString,
  type Plane,
  type Startable,
  StoppedError,
  type Timer,
  type VsmcpError,
} from '@vsmcp/kernel'
import type { RaftStorage } from '@vsmcp/store'
import { LOG_UNCOMPACTED_MAX, RAFT_HEARTBEAT_MS } from '../constants.ts'
import { StorageRefusedError } from '../errors.ts'
import { AppliedGroup } from './applied-group.ts'
import type { GroupLogEvents } from './group-log-events.ts'
import { OpenProposals } from './open-proposals.ts'
import { OpenReads } from './open-reads.ts'
import { packRaftNotice, readRaftNotice } from './raft-notice.ts'
import { loadOfEpoch } from './stored-log.ts'

const RAFT_NOTICE = 'raft'

export interface GroupLogComponents {
  storage: RaftStorage
  control: Plane
  self: PeerIdString
  clock: Clock
  logger: Logger
  raft: RaftComponents
  /** What proofs in entries are checked with (rule 5). */
  authority: Authority
  /** Why a leader's snapshot must not be installed, given the state held here: what it stands for must be certified (rule 5). */
  flawOfSnapshot: (snapshot: Snapshot, held: GroupState | undefined) => string | undefined
  /** The epoch this node believes in (rule 9): a log of an earlier one is forgotten, messages of another are not heard. */
  epoch: () => number
  /** Resolves when that is on disk. Throws when it cannot be written. */
  epochWritten: () => Promise<void>
  /** False while something needs entries that a snapshot would swallow. */
  mayCompact: () => boolean
}

/**
 * The shell around the pure Raft: gives it time and messages, writes before it sends, applies what is committed to the
 * group's state. When the disk refuses a write the Raft node is thrown away, as its contract says, and made anew from
 * the store until a write succeeds; the state stays meanwhile.
 */
export class GroupLog implements Startable {
  readonly #c: GroupLogComponents
  readonly #events: Emitter<GroupLogEvents>
  readonly #proposals = new OpenProposals()
  readonly #reads: OpenReads
  readonly #group: AppliedGroup
  readonly #closed = new Set<PeerIdString>()
  #raft: RaftNode | undefined
  /** Of what this node's log holds. */
  #epoch = 0
  /** Why this node takes no part in decisions, though its disk is well. */
  #halt: VsmcpError | undefined
  #loading: Promise<void> = Promise.resolve()
  #timer: Timer | undefined
  #pumping: Promise<void> | undefined
  #stopped = false
  #failures = 0
  #lastFailure: unknown

  constructor(components: GroupLogComponents) {
    this.#c = components
    this.#reads = new OpenReads(components.self)
    this.#group = new AppliedGroup(components.authority)
    this.#events = new Emitter((error) => components.logger.error({ error: messageOf(error) }, 'a listener of the log failed'))
    components.control.onNotice(RAFT_NOTICE, (peer, payload) => this.#receive(peer, payload))
  }

  /** Also after a stop: the Raft node is made anew from the disk. */
  async start(): Promise<void> {
    this.#stopped = false
    if (this.#raft !== undefined) this.#retire(new StoppedError('consensus is started again'))
    await this.#load()
  }

  async stop(): Promise<void> {
    this.#stopped = true
    this.#timer?.cancel()
    await this.#pumping
    await this.#loading.catch(() => {})
    this.#abandon(new StoppedError('the node is stopping'))
  }

  /** As of the last entry applied here; undefined until the first snapshot has come from a leader. */
  get state(): GroupState | undefined {
    return this.#group.state
  }

  /** Index of the last entry applied here. */
  get applied(): number {
    return this.#group.index
  }

  /**
   * An entry of the term of now is applied here: so is all that was decided before that term. Until then the copy of a node that was
   * just started may lack the last of it.
   */
  get isUpToTerm(): boolean {
    const status = this.status()
    return status?.leader !== undefined && this.#group.term === status.term
  }

  status(): RaftStatus | undefined {
    return this.#raft?.status()
  }

  /** Throws while the disk refuses. */
  requireStatus(): RaftStatus {
    return this.#require().status()
  }

  get isLeader(): boolean {
    return this.#raft?.status().role === 'leader'
  }

  on<K extends keyof GroupLogEvents & string>(event: K, listener: (payload: GroupLogEvents[K]) => void): () => void {
    return this.#events.on(event, listener)
  }

  /** What the group would answer as of the last entry applied here; nothing is proposed. Undefined before the first snapshot. */
  foresee(operation: Operation): ApplyResult | undefined {
    return this.#group.foresee(operation, this.status()?.term ?? 0)
  }

  /** On the leader: resolves when the operation is applied here. Throws `NotLeaderError` and what the Raft node throws. */
  propose(operation: Operation): Promise<ApplyResult> {
    return this.#submit((raft) => raft.propose(encodeOperation(operation)))
  }

  proposeConfiguration(change: ConfigurationChange, endorsements: readonly Endorsement[]): Promise<ApplyResult> {
    return this.#submit((raft) => raft.proposeConfiguration(change, endorsements))
  }

  /** On the leader: an index that is current as of now, confirmed by a quorum. */
  async readIndex(): Promise<number> {
    const raft = this.#require()
    const context = this.#reads.nextContext()
    return this.#input((node) => {
      node.readIndex(context)
      return this.#reads.add(context)
    }, raft)
  }

  /** Hands leadership to the best successor. @returns false when there is none, or this node does not lead */
  handOver(): boolean {
    const raft = this.#raft
    const successor = raft?.bestSuccessor()
    if (raft === undefined || successor === undefined) return false
    try {
      this.#input((node) => node.transferLeadership(successor), raft)
      return true
    } catch (error) {
      this.#c.logger.info({ successor, error: messageOf(error) }, 'leadership was not handed over')
      return false
    }
  }

  /** The group went on in another epoch: this node's log is forgotten, and it learns that epoch's. At once, the writing follows. */
  standDown(): void {
    this.#halt = undefined
    this.#retire(new NotLeaderError('deciding in an epoch that is over', undefined))
    const pumping = this.#pumping
    const loading = this.#loading.catch(() => {})
    this.#loading = Promise.all([pumping, loading])
      .then(() => this.#load())
      .catch((error: unknown) => this.#fail(error))
  }

  /** From now on this node decides nothing, until it stands down. */
  halt(reason: VsmcpError): void {
    this.#halt = reason
    this.#retire(reason)
  }

  peerUp(peer: PeerIdString): void {
    this.#closed.delete(peer)
    if (this.#raft !== undefined) this.#input((raft) => raft.connectionOpened(peer), this.#raft)
  }

  peerDown(peer: PeerIdString): void {
    this.#closed.add(peer)
    if (this.#raft !== undefined) this.#input((raft) => raft.connectionClosed(peer), this.#raft)
  }

  #require(): RaftNode {
    if (this.#stopped) throw new StoppedError('the node is stopping')
    if (this.#raft !== undefined) return this.#raft
    throw this.#halt ?? this.#refusal()
  }

  async #submit(propose: (raft: RaftNode) => Proposed): Promise<ApplyResult> {
    const raft = this.#require()
    return this.#input((node) => {
      const { index, term } = propose(node)
      return this.#proposals.add(index, term)
    }, raft)
  }

  #receive(peer: PeerIdString, payload: Uint8Array): void {
    const raft = this.#raft
    if (raft === undefined || this.#stopped) return
    const read = readRaftNotice(payload, this.#epoch)
    if (read === undefined) this.#events.emit('epoch:differs', { peer })
    else if (typeof read === 'string') this.#c.logger.warn({ peer, reason: read }, 'a consensus message was refused')
    else this.#step(peer, read, raft)
  }

  #step(peer: PeerIdString, message: Message, raft: RaftNode): void {
    const flaw = message.type === 'snapshot' ? this.#c.flawOfSnapshot(message.snapshot, this.#group.state) : undefined
    if (flaw === undefined) this.#input((node) => node.step(peer, message), raft)
    else this.#c.logger.warn({ peer, reason: flaw }, 'a snapshot of the leader was refused')
  }

  #input<T>(act: (raft: RaftNode) => T, raft: RaftNode): T {
    raft.tick(this.#c.clock.monotonicMs())
    try {
      return act(raft)
    } finally {
      this.#wake()
    }
  }

  #wake(): void {
    if (this.#pumping !== undefined || this.#stopped) return
    const raft = this.#raft
    if (raft === undefined) return
    if (!raft.hasReady()) {
      this.#schedule(raft)
      return
    }
    this.#pumping = this.#pump(raft).finally(() => {
      this.#pumping = undefined
      this.#wake()
    })
  }

  async #pump(raft: RaftNode): Promise<void> {
    try {
      while (raft.hasReady() && !this.#stopped && raft === this.#raft) {
        const ready = raft.ready()
        if (ready.hardState !== undefined || ready.entries.length > 0 || ready.snapshot !== undefined) {
          await this.#c.storage.save(ready)
          this.#failures = 0
          if (raft !== this.#raft) return
        }
        this.#carryOut(ready)
        raft.advance(ready)
        this.#report(ready)
        await this.#compact(raft)
      }
    } catch (error) {
      if (raft === this.#raft) this.#fail(error)
    }
  }

  #carryOut(ready: Ready): void {
    for (const { to, message } of ready.messages) this.#c.control.notify(to, RAFT_NOTICE, packRaftNotice(message, this.#epoch))
    if (ready.snapshot !== undefined) this.#install(ready.snapshot)
    for (const entry of ready.committedEntries) this.#apply(entry)
  }

  #install(snapshot: Snapshot): void {
    const installed = this.#group.install(snapshot)
    if (installed !== undefined) this.#events.emit('state:installed', installed)
  }

  #apply(entry: Entry): void {
    const done = this.#group.apply(entry)
    if (done === undefined) return
    this.#events.emit('entry:applied', done.applied)
    this.#proposals.applied(entry, done.result)
  }

  #report(ready: Ready): void {
    for (const { context, index } of ready.readStates) this.#reads.confirmed(context, index)
    for (const context of ready.abandonedReads) this.#reads.lost(context)
    if (ready.softState === undefined) return
    const { role, leader, term } = ready.softState
    this.#proposals.keepOnly(role === 'leader' ? term : undefined)
    this.#events.emit('leader:changed', { leader, term, role })
  }

  async #compact(raft: RaftNode): Promise<void> {
    const index = raft.compactionDue()
    const { state } = this.#group
    if (index === undefined || state === undefined) return
    const { applied, firstIndex } = raft.status()
    if (applied < this.#group.index) return
    // A leader whose log only grows would refuse proposals in the end, also those that others wait for.
    if (!this.#c.mayCompact() && applied - firstIndex < LOG_UNCOMPACTED_MAX) return
    const snapshot = raft.createSnapshot(encodeGroupState(state))
    await this.#c.storage.compact(index, snapshot)
    raft.compact(index, snapshot)
  }

  #schedule(raft: RaftNode): void {
    this.#timer?.cancel()
    const at = raft.nextTickAtMs()
    if (!Number.isFinite(at)) return
    this.#timer = this.#c.clock.after(Math.max(1, at - this.#c.clock.monotonicMs()), () => this.#input(() => {}, raft))
  }

  async #load(): Promise<void> {
    if (this.#halt !== undefined) return
    const { storage } = this.#c
    const { stored, epoch, isForgotten } = await loadOfEpoch(
      storage,
      { epoch: this.#c.epoch(), written: this.#c.epochWritten },
      this.#c.logger,
    )
    this.#epoch = epoch
    if (isForgotten) this.#group.beginAnew()
    // Nobody is to count on this node before its disk has taken a write again.
    if (this.#failures > 0) await storage.save({ ...(stored && { hardState: stored.hardState }), entries: [], mustSync: true })
    // Meanwhile there may be a reason not to, or a later epoch, whose own loading follows.
    if (this.#stopped || this.#halt !== undefined || this.#epoch < this.#c.epoch()) return
    const raft = raftNode({ id: this.#c.self, heartbeatMs: RAFT_HEARTBEAT_MS, ...(stored === undefined ? {} : { stored }) })(
      this.#c.raft,
    )
    if (stored?.snapshot !== undefined) this.#install(stored.snapshot)
    this.#raft = raft
    raft.tick(this.#c.clock.monotonicMs())
    for (const peer of this.#closed) raft.connectionClosed(peer)
    if (this.#failures > 0) this.#events.emit('storage:recovered', {})
    // Nobody to wait for: a sole voter leads at once.
    const { voters, outgoing } = raft.status().configuration
    if (voters.length === 1 && outgoing.length === 0 && voters[0] === this.#c.self) raft.campaign()
    this.#wake()
  }

  /** Takes no part any more; what is being written may end, and leads to nothing. */
  #retire(reason: unknown): void {
    this.#timer?.cancel()
    this.#raft = undefined
    this.#abandon(reason)
    this.#events.emit('leader:changed', { leader: undefined, term: 0, role: 'follower' })
  }

  #fail(error: unknown): void {
    if (this.#stopped || this.#halt !== undefined) return
    this.#c.logger.error({ error: messageOf(error) }, 'the consensus log could not be written')
    this.#lastFailure = error
    this.#retire(this.#refusal())
    this.#events.emit('storage:failed', { error })
    const delay = backoffMs(this.#failures++, this.#c.raft.random)
    this.#timer = this.#c.clock.after(delay, () => {
      if (this.#stopped) return
      this.#loading = this.#load().catch((again: unknown) => this.#fail(again))
    })
  }

  #refusal(): StorageRefusedError {
    return new StorageRefusedError('this node takes no part in decisions: its disk refused a write', {
      hint: 'Make room on the disk of the data directory; the node recovers by itself.',
      cause: this.#lastFailure,
    })
  }

  #abandon(error: unknown): void {
    this.#proposals.abandon(error)
    this.#reads.abandon(error)
  }
}
