import type { PeerIdString } from '@vsmcp/kernel'
import type { Configuration } from './configuration.ts'
import type { Entry, RaftWrite } from './entry.ts'
import type { OutgoingMessage } from './message.ts'

export type Role = 'follower' | 'pre-candidate' | 'candidate' | 'leader'

/** What need not be remembered. */
export interface SoftState {
  readonly role: Role
  readonly leader: PeerIdString | undefined
  readonly term: number
}

/** The answer to `readIndex(context)`: what is applied up to `index` is current as of the question. */
export interface ReadState {
  readonly context: string
  readonly index: number
}

/**
 * What the shell is to do, in this order: write (`RaftWrite`), send `messages`, install `snapshot` into the state
 * machine, apply `committedEntries`, answer `readStates` once applied up to their index, then `advance(ready)`. Nothing
 * of a `Ready` may be seen outside before it is written; when writing fails, the node must stop and be made anew from its store.
 */
export interface Ready extends RaftWrite {
  readonly messages: readonly OutgoingMessage[]
  /** Every committed entry of every type, once, in order. Entries of `entries` may be among them. */
  readonly committedEntries: readonly Entry[]
  readonly readStates: readonly ReadState[]
  /** Contexts of reads that will have no answer, because leadership was lost. */
  readonly abandonedReads: readonly string[]
  /** Present when role, leader or term changed. */
  readonly softState?: SoftState
}

/** What a leader knows of another node's log. */
export interface PeerProgress {
  readonly match: number
  readonly next: number
  readonly state: 'probe' | 'replicate' | 'snapshot'
  /** Heard from within the last two heartbeats of a learner. */
  readonly active: boolean
  /** Active, replicating, and at most `IN_SYNC_LAG_MAX` entries behind the commit index: fit to become a voter. Never for one that may not vote (rule 8). */
  readonly inSync: boolean
}

export interface RaftStatus {
  readonly id: PeerIdString
  readonly role: Role
  readonly term: number
  readonly leader: PeerIdString | undefined
  readonly commit: number
  readonly applied: number
  /** Index of the first entry held, and of the last. */
  readonly firstIndex: number
  readonly lastIndex: number
  readonly logBytes: number
  readonly configuration: Configuration
  /** On a leader: the other members, as of when it is looked at. Empty elsewhere. */
  readonly progress: ReadonlyMap<PeerIdString, PeerProgress>
  readonly transferringTo: PeerIdString | undefined
  /** As `RaftInit.mayVote` said. */
  readonly mayVote: boolean
  /** Messages dropped because no honest node sends them in that state, and the last reason. */
  readonly refusedMessages: number
  readonly lastRefusal: string | undefined
}
