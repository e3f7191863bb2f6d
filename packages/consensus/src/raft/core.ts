import { type PeerIdString, type Random, randomInteger } from '@vsmcp/kernel'
import { CLOSED_JITTER_MAX_MS, CLOSED_RETRY_MS } from '../constants.ts'
import type { RaftComponents, RaftInit } from '../index.ts'
import { type Configuration, EMPTY_CONFIGURATION, isVoter } from './configuration.ts'
import { EMPTY_HARD_STATE } from './entry.ts'
import { RaftLog } from './log.ts'
import type { Message, OutgoingMessage, VoteProof } from './message.ts'
import type { Progress } from './progress.ts'
import { Reads } from './reads.ts'
import type { Role } from './ready.ts'
import { checkedTimings, type Timings } from './timings.ts'

/** How a voter answered this candidate. */
export interface Ballot {
  readonly granted: boolean
  readonly signature: Uint8Array | undefined
}

export interface Transfer {
  readonly to: PeerIdString
  readonly untilMs: number
}

/**
 * All that one node of a group holds, and the few moves that every part of the protocol makes. The parts are functions
 * in their own files: `terms` (rule 4), `election`, `replication` (leader), `following`, `membership`, `transfer`.
 */
export class Core {
  readonly id: PeerIdString
  readonly random: Random
  readonly components: RaftComponents
  readonly timings: Timings
  /** Rule 8: false for a node whose disk may have forgotten what it promised. */
  readonly mayVote: boolean
  readonly log: RaftLog

  nowMs = 0
  term: number
  vote: PeerIdString | null
  role: Role = 'follower'
  leader: PeerIdString | undefined

  configuration: Configuration
  /** The log index as of which `configuration` is in force. */
  configurationIndex: number
  /** A leader proposes no change of configuration before it has applied this index. */
  pendingConfigurationIndex = 0

  /** Peers whose last connection closed. */
  readonly closed = new Set<PeerIdString>()
  /** On a leader: the other members. */
  readonly progress = new Map<PeerIdString, Progress>()
  /** On a candidate: the answers so far. */
  readonly ballots = new Map<PeerIdString, Ballot>()
  readonly reads = new Reads()
  /** Of the newest election this node has proof of. */
  proof: VoteProof | undefined
  transfer: Transfer | undefined
  /** Whether this candidacy was asked for by the leader before. */
  transferCampaign = false
  uncommittedBytes = 0
  /** Whether the next `Ready` has to tell the other members of new entries or a new commit index. */
  unsent = false
  /** An election asked for that had to wait for a committed change of voters to be applied. */
  blockedCampaign: 'preVote' | 'transfer' | undefined

  leaderHeardAtMs = 0
  electionAtMs = Number.POSITIVE_INFINITY
  heartbeatAtMs = Number.POSITIVE_INFINITY
  learnerHeartbeatAtMs = Number.POSITIVE_INFINITY
  quorumCheckAtMs = Number.POSITIVE_INFINITY
  /** Pre-votes tried since the connection to the leader closed; `undefined` when it did not. */
  urgentAttempts: number | undefined

  outbox: OutgoingMessage[] = []
  refusedMessages = 0
  lastRefusal: string | undefined

  constructor(init: RaftInit, components: RaftComponents) {
    const stored = init.stored ?? { hardState: EMPTY_HARD_STATE, entries: [] }
    this.id = init.id
    this.random = components.random
    this.components = components
    this.timings = checkedTimings(init)
    this.mayVote = init.mayVote ?? true
    this.log = new RaftLog(stored)
    this.term = stored.hardState.term
    this.vote = stored.hardState.vote
    this.configuration = stored.snapshot?.configuration ?? EMPTY_CONFIGURATION
    this.configurationIndex = stored.snapshot?.index ?? 0
    this.scheduleElection()
  }

  /** Whether this node votes: it is named, and may. */
  get isVoter(): boolean {
    return this.mayVote && isVoter(this.configuration, this.id)
  }

  /** Whether this node vouches for a leader: it leads, or heard from the leader lately over a connection that is still open. */
  get hasLiveLeader(): boolean {
    if (this.role === 'leader') return true
    if (this.leader === undefined || this.closed.has(this.leader)) return false
    return this.nowMs - this.leaderHeardAtMs < this.timings.electionTimeoutMinMs
  }

  /** Whether a peer answered within its last two heartbeats, be it a learner. */
  hearsFrom(progress: Progress): boolean {
    return this.nowMs - progress.heardAtMs <= 2 * this.timings.learnerHeartbeatMs
  }

  send(to: PeerIdString, message: Message): void {
    this.outbox.push({ to, message })
  }

  /** A member of what a follower answers: whether its acknowledgement may be counted. */
  get counting(): { uncounted?: true } {
    return this.mayVote ? {} : { uncounted: true }
  }

  /** Counts a message that no honest node sends. */
  refuse(reason: string): void {
    this.refusedMessages++
    this.lastRefusal = reason
  }

  becomeFollower(term: number, leader: PeerIdString | undefined): void {
    if (this.role === 'leader') this.reads.abandon()
    if (term !== this.term) this.vote = null
    this.term = term
    this.role = 'follower'
    this.leader = leader
    this.progress.clear()
    this.ballots.clear()
    this.transfer = undefined
    this.transferCampaign = false
    this.blockedCampaign = undefined
    this.heartbeatAtMs = Number.POSITIVE_INFINITY
    this.learnerHeartbeatAtMs = Number.POSITIVE_INFINITY
    this.quorumCheckAtMs = Number.POSITIVE_INFINITY
    if (leader !== undefined) this.heardFromLeader()
    else this.scheduleElection()
  }

  heardFromLeader(): void {
    this.leaderHeardAtMs = this.nowMs
    this.urgentAttempts = undefined
    if (this.blockedCampaign === 'preVote') this.blockedCampaign = undefined
    this.scheduleElection()
  }

  /** Sets when this node loses patience: by a random timeout, or soon and then ever later while its leader's connection is closed. */
  scheduleElection(): void {
    const { electionTimeoutMinMs, electionTimeoutMaxMs } = this.timings
    if (!this.isVoter || this.role === 'leader') this.electionAtMs = Number.POSITIVE_INFINITY
    else if (this.urgentAttempts === undefined || this.role === 'candidate') {
      this.electionAtMs = this.nowMs + randomInteger(this.random, electionTimeoutMinMs, electionTimeoutMaxMs)
    } else {
      const waits = this.urgentAttempts === 0 ? 0 : CLOSED_RETRY_MS * 2 ** Math.min(this.urgentAttempts - 1, 16)
      this.electionAtMs = this.nowMs + Math.min(waits, electionTimeoutMinMs) + this.jitterMs()
    }
  }

  /** Lets another candidate go first. */
  postponeElection(delayMs: number): void {
    this.electionAtMs = Math.max(this.electionAtMs, this.nowMs + delayMs + this.jitterMs())
  }

  /** Brings the next attempt forward to at most `delayMs` from now. */
  hastenElection(delayMs: number): void {
    if (this.isVoter && this.role !== 'leader') this.electionAtMs = Math.min(this.electionAtMs, this.nowMs + delayMs)
  }

  jitterMs(): number {
    return randomInteger(this.random, 0, CLOSED_JITTER_MAX_MS)
  }
}
