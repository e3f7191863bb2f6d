import { InvalidArgumentError, type PeerIdString } from '@vsmcp/kernel'
import {
  APPLY_BYTES_MAX,
  APPLY_ENTRIES_MAX,
  COMPACT_AFTER_BYTES,
  COMPACT_AFTER_ENTRIES,
  COMPACT_KEEP_BYTES,
  COMPACT_KEEP_ENTRIES,
  ENTRY_BYTES_MAX,
  ENTRY_OVERHEAD_BYTES,
  IN_SYNC_LAG_MAX,
  LOG_ENTRIES_MAX,
  PEER_ID_MAX,
  READ_CONTEXT_MAX,
  READS_PENDING_MAX,
  SNAPSHOT_BYTES_MAX,
  UNCOMMITTED_BYTES_MAX,
  UNCOMMITTED_ENTRIES_MAX,
} from '../constants.ts'
import { ConsensusBusyError, NotLeaderError, TooLargeError } from '../errors.ts'
import type { Proposed, RaftComponents, RaftInit, RaftNode } from '../index.ts'
import type { ConfigurationChange } from './configuration.ts'
import { Core } from './core.ts'
import { campaign } from './election.ts'
import type { Endorsement } from './endorsement.ts'
import type { HardState, Snapshot } from './entry.ts'
import { applyChange, leaveJoint, proposeChange } from './membership.ts'
import type { Message } from './message.ts'
import type { PeerProgress, RaftStatus, Ready, SoftState } from './ready.ts'
import { appendOwn, canBeginReads, flushAppends, flushReads } from './replication.ts'
import { connectionClosed, connectionOpened, elapse, nextDueAtMs, step } from './step.ts'
import { beginTransfer, bestSuccessor } from './transfer.ts'

/** The public face of a `Core`: guards what comes in, gathers what goes out. */
export class CoreRaftNode implements RaftNode {
  readonly id: PeerIdString
  readonly #core: Core
  #outstanding: Ready | undefined
  /** As the last advanced `Ready` left them. */
  #hardState: HardState
  #softState: SoftState

  constructor(init: RaftInit, components: RaftComponents) {
    checkConstruction(init, components)
    this.id = init.id
    this.#core = new Core(init, components)
    this.#hardState = hardStateOf(this.#core)
    this.#softState = softStateOf(this.#core)
  }

  tick(nowMs: number): void {
    this.#core.nowMs = Math.max(this.#core.nowMs, nowMs)
    elapse(this.#core)
  }

  nextTickAtMs(): number {
    return nextDueAtMs(this.#core)
  }

  step(from: PeerIdString, message: Message): void {
    step(this.#core, from, message)
  }

  propose(data: Uint8Array): Proposed {
    this.#checkLeads('a proposal')
    if (data.length > ENTRY_BYTES_MAX) {
      throw new TooLargeError(`an entry of ${data.length} bytes is over the bound of ${ENTRY_BYTES_MAX}`, {
        hint: 'Put large data into the shared document and only its digest into the log.',
      })
    }
    this.#checkRoom(data.length + ENTRY_OVERHEAD_BYTES)
    const { index, term } = appendOwn(this.#core, 'normal', new Uint8Array(data))
    return { index, term }
  }

  proposeConfiguration(change: ConfigurationChange, endorsements: readonly Endorsement[] = []): Proposed {
    this.#checkLeads('a change of configuration')
    this.#checkRoom(ENTRY_OVERHEAD_BYTES)
    const { index, term } = proposeChange(this.#core, change, endorsements)
    return { index, term }
  }

  transferLeadership(to: PeerIdString): void {
    this.#checkLeads('a transfer of leadership')
    beginTransfer(this.#core, to)
  }

  bestSuccessor(): PeerIdString | undefined {
    return bestSuccessor(this.#core)
  }

  readIndex(context: string): void {
    this.#checkLeads('a current read')
    if (context.length > READ_CONTEXT_MAX) {
      throw new TooLargeError(`a read's context of ${context.length} characters is over the bound of ${READ_CONTEXT_MAX}`)
    }
    if (this.#core.reads.count >= READS_PENDING_MAX) {
      throw new ConsensusBusyError(`${READS_PENDING_MAX} reads already wait for a quorum`, {
        hint: 'Try again when some are answered.',
      })
    }
    this.#core.reads.add(context)
  }

  connectionClosed(peer: PeerIdString): void {
    connectionClosed(this.#core, peer)
  }

  connectionOpened(peer: PeerIdString): void {
    connectionOpened(this.#core, peer)
  }

  campaign(): void {
    campaign(this.#core, 'preVote')
  }

  hasReady(): boolean {
    const core = this.#core
    return (
      core.outbox.length > 0 ||
      core.log.hasUnstable ||
      core.log.pendingSnapshot !== undefined ||
      core.log.applied < core.log.committed ||
      core.reads.hasOutput ||
      canBeginReads(core) ||
      (core.role === 'leader' && core.unsent) ||
      !sameHardState(this.#hardState, hardStateOf(core)) ||
      !sameSoftState(this.#softState, softStateOf(core))
    )
  }

  ready(): Ready {
    if (this.#outstanding !== undefined) throw new InvalidArgumentError('the Ready before was not advanced yet')
    const core = this.#core
    flushAppends(core)
    flushReads(core)
    const entries = core.log.unstable()
    const snapshot = core.log.pendingSnapshot
    const hardState = hardStateOf(core)
    const softState = softStateOf(core)
    const changed = !sameHardState(this.#hardState, hardState)
    const messages = core.outbox
    core.outbox = []
    this.#outstanding = {
      ...(changed ? { hardState } : {}),
      entries,
      ...(snapshot === undefined ? {} : { snapshot }),
      mustSync:
        entries.length > 0 ||
        snapshot !== undefined ||
        hardState.term !== this.#hardState.term ||
        hardState.vote !== this.#hardState.vote,
      messages,
      committedEntries: core.log.toApply(APPLY_ENTRIES_MAX, APPLY_BYTES_MAX),
      ...core.reads.take(),
      ...(sameSoftState(this.#softState, softState) ? {} : { softState }),
    }
    return this.#outstanding
  }

  advance(ready: Ready): void {
    if (ready !== this.#outstanding)
      throw new InvalidArgumentError('only the Ready that was given out last can be advanced, once')
    this.#outstanding = undefined
    const core = this.#core
    this.#hardState = ready.hardState ?? this.#hardState
    this.#softState = ready.softState ?? this.#softState
    if (ready.snapshot !== undefined) core.log.snapshotStored(ready.snapshot)
    const written = ready.entries.at(-1)
    if (written !== undefined) core.log.stableTo(written.index, written.term)
    const applied = ready.committedEntries.at(-1)
    if (applied !== undefined) core.log.appliedTo(applied.index)
    for (const entry of ready.committedEntries) if (entry.type === 'configuration') applyChange(core, entry)
    leaveJoint(core)
    if (core.blockedCampaign !== undefined) campaign(core, core.blockedCampaign)
  }

  compactionDue(): number | undefined {
    const { log } = this.#core
    const { applied, snapshot, pendingSnapshot } = log
    if (pendingSnapshot !== undefined) return undefined
    const index = applied - COMPACT_KEEP_ENTRIES
    if (log.bytes >= COMPACT_AFTER_BYTES) {
      const last = Math.max(index, log.appliedBefore(COMPACT_KEEP_BYTES))
      if (log.bytesUpTo(last) >= COMPACT_KEEP_BYTES) return last
    }
    return applied - (snapshot?.index ?? 0) < COMPACT_AFTER_ENTRIES ? undefined : index
  }

  createSnapshot(data: Uint8Array): Snapshot {
    const { log, configuration } = this.#core
    if (this.#outstanding !== undefined || log.pendingSnapshot !== undefined) {
      throw new InvalidArgumentError('a snapshot can only be made when every Ready is advanced and no other snapshot waits')
    }
    if (data.length > SNAPSHOT_BYTES_MAX) {
      throw new TooLargeError(`a snapshot of ${data.length} bytes is over the bound of ${SNAPSHOT_BYTES_MAX}`, {
        hint: 'Divide the group: its charter and docket have outgrown it.',
      })
    }
    return { index: log.applied, term: log.termAt(log.applied) ?? 0, configuration, data }
  }

  compact(index: number, snapshot: Snapshot): void {
    this.#core.log.compact(index, snapshot)
  }

  status(): RaftStatus {
    const core = this.#core
    const { id, role, term, leader, log, configuration, transfer, refusedMessages, lastRefusal } = core
    return {
      id,
      role,
      term,
      leader,
      commit: log.committed,
      applied: log.applied,
      firstIndex: log.firstIndex,
      lastIndex: log.lastIndex,
      logBytes: log.bytes,
      configuration,
      // Only made when it is looked at: a shell asks for its role on every turn, and learners may be thousands.
      get progress() {
        return progressOf(core)
      },
      transferringTo: transfer?.to,
      mayVote: core.mayVote,
      refusedMessages,
      lastRefusal,
    }
  }

  #checkLeads(what: string): void {
    if (this.#core.role !== 'leader') throw new NotLeaderError(what, this.#core.leader)
  }

  #checkRoom(bytes: number): void {
    const { log, transfer, uncommittedBytes } = this.#core
    if (transfer !== undefined) {
      throw new ConsensusBusyError(`leadership is being handed to ${transfer.to}`, {
        hint: 'Propose it again to the next leader.',
      })
    }
    if (log.lastIndex - log.committed >= UNCOMMITTED_ENTRIES_MAX || uncommittedBytes + bytes > UNCOMMITTED_BYTES_MAX) {
      throw new ConsensusBusyError(`${log.lastIndex - log.committed} entries already wait to be committed`, {
        hint: 'Wait until some are; when none ever is, a majority of the voters is not reachable.',
      })
    }
    if (log.lastIndex - log.firstIndex >= LOG_ENTRIES_MAX) {
      throw new ConsensusBusyError(`the log holds ${LOG_ENTRIES_MAX} entries and was not compacted`, {
        hint: 'Make a snapshot of the state machine and call compact.',
      })
    }
  }
}

function checkConstruction({ id }: RaftInit, { random, signVote, verifyVote }: RaftComponents): void {
  if (id.length === 0 || id.length > PEER_ID_MAX) throw new InvalidArgumentError(`"${id}" is no node id`)
  // A component that a caller without types forgot is named now, not at the first election.
  if (typeof random?.next !== 'function')
    throw new InvalidArgumentError('a Raft node needs a source of chance (components.random)')
  if ((signVote === undefined) !== (verifyVote === undefined)) {
    throw new InvalidArgumentError('votes are signed and verified, or neither: give both signVote and verifyVote')
  }
}

function progressOf(core: Core): ReadonlyMap<PeerIdString, PeerProgress> {
  const all = new Map<PeerIdString, PeerProgress>()
  if (core.role !== 'leader') return all
  for (const [peer, progress] of core.progress) {
    const { match, next, state } = progress
    const active = core.hearsFrom(progress) && !core.closed.has(peer)
    const isCaughtUp = state === 'replicate' && match + IN_SYNC_LAG_MAX >= core.log.committed
    all.set(peer, {
      match,
      next,
      state,
      active,
      inSync: active && progress.counted && isCaughtUp,
    })
  }
  return all
}

function hardStateOf({ term, vote, log }: Core): HardState {
  return { term, vote, commit: log.committed }
}

function softStateOf({ role, leader, term }: Core): SoftState {
  return { role, leader, term }
}

function sameHardState(a: HardState, b: HardState): boolean {
  return a.term === b.term && a.vote === b.vote && a.commit === b.commit
}

function sameSoftState(a: SoftState, b: SoftState): boolean {
  return a.role === b.role && a.leader === b.leader && a.term === b.term
}
