import type { PeerIdString } from '@vsmcp/kernel'
import type { Entry, Snapshot } from './entry.ts'

/** One voter's signature over "I vote for `candidate` in `term`". */
export interface SignedVote {
  readonly voter: PeerIdString
  readonly signature: Uint8Array
}

/** A majority's signed votes: the proof that `candidate` was elected in `term` (rule 4). */
export interface VoteProof {
  readonly term: number
  readonly candidate: PeerIdString
  readonly votes: readonly SignedVote[]
}

interface Common {
  /** The sender's term; in a pre-vote the term that would be campaigned in. */
  readonly term: number
  /** Of `term` itself in a leader's messages; otherwise of the newest election the sender has proof of. */
  readonly proof?: VoteProof
}

/** A voter's answer also says up to where it knows the log to be committed, and that entry's term. */
interface Answer extends Common {
  readonly granted: boolean
  readonly commit: number
  readonly commitTerm: number
}

/** "Would you vote for me?" Changes nothing at the receiver. */
export interface PreVote extends Common {
  readonly type: 'preVote'
  readonly lastIndex: number
  readonly lastTerm: number
}

/** A grant raises nobody's term; a refusal may, by rule 4. */
export interface PreVoteAnswer extends Answer {
  readonly type: 'preVoteAnswer'
  /** The term that was asked for. */
  readonly campaign: number
}

export interface Vote extends Common {
  readonly type: 'vote'
  readonly lastIndex: number
  readonly lastTerm: number
  /** The leader itself asked for this election: voters that still hear it answer all the same. */
  readonly transfer: boolean
}

export interface VoteAnswer extends Answer {
  readonly type: 'voteAnswer'
  /** With a grant, where votes are signed. */
  readonly signature?: Uint8Array
}

export interface Append extends Common {
  readonly type: 'append'
  readonly previousIndex: number
  readonly previousTerm: number
  readonly entries: readonly Entry[]
  readonly commit: number
}

/** Accepted: the log matches up to `index`. Rejected: `index` is the `previousIndex` that did not match, the hint says where to look next. */
export interface AppendAnswer extends Common {
  readonly type: 'appendAnswer'
  readonly index: number
  readonly rejected: boolean
  readonly hintIndex: number
  readonly hintTerm: number
  /** Rejected without following: only so that a leader whose election cannot be verified yet finds which entries bear it out. */
  readonly unproven?: true
  /** The sender may not vote (rule 8): its log counts towards no majority. */
  readonly uncounted?: true
}

export interface Heartbeat extends Common {
  readonly type: 'heartbeat'
  readonly commit: number
  /** The newest round of reads (ReadIndex) that this heartbeat confirms leadership for. */
  readonly round: number
}

export interface HeartbeatAnswer extends Common {
  readonly type: 'heartbeatAnswer'
  readonly round: number
  readonly uncounted?: true
}

/** Answered by an `appendAnswer`. */
export interface InstallSnapshot extends Common {
  readonly type: 'snapshot'
  readonly snapshot: Snapshot
  /** For who cannot verify the election: the changes of configuration behind the snapshot, which say who voted. */
  readonly changes?: readonly Entry[]
}

/** The leader hands over: the receiver campaigns at once. */
export interface TimeoutNow extends Common {
  readonly type: 'timeoutNow'
}

/** "Your term is over": the answer to a leader or candidate of an earlier term. */
export interface Stale extends Common {
  readonly type: 'stale'
}

/** What nodes say to one another. Who says it is known from the connection and is no part of it. */
export type Message =
  | PreVote
  | PreVoteAnswer
  | Vote
  | VoteAnswer
  | Append
  | AppendAnswer
  | Heartbeat
  | HeartbeatAnswer
  | InstallSnapshot
  | TimeoutNow
  | Stale

export interface OutgoingMessage {
  readonly to: PeerIdString
  readonly message: Message
}
