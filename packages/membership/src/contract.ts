import type { PeerIdString, Random } from '@vsmcp/kernel'
import type { MembershipMessage } from './message.ts'

/**
 * `alive`: connected, or others reach it. `suspect`: lost or silent, not long enough for a verdict. `failed`: gone, still redialed
 * for ever. `left`: said goodbye.
 */
export type MemberState = 'alive' | 'suspect' | 'failed' | 'left'

/** Why a member is in its state, as this node knows it. */
export type Evidence =
  /** Listed, and never seen in this life. */
  | { readonly kind: 'unseen' }
  | { readonly kind: 'connected' }
  /** It answered over the open connection after all. */
  | { readonly kind: 'answered' }
  /** Not connected; it answered a member that was asked to probe it. */
  | { readonly kind: 'reached'; readonly through: PeerIdString }
  /** Not connected; its own signed word of being alive came by others. */
  | { readonly kind: 'refuted'; readonly by: PeerIdString }
  /** Not connected, and somebody says it is alive. */
  | { readonly kind: 'told'; readonly by: PeerIdString }
  /** Not connected; who said that it is alive is gone itself. */
  | { readonly kind: 'unvouched'; readonly by: PeerIdString }
  /** Its connection closed. */
  | { readonly kind: 'closed' }
  /** Its connection closed, and nobody is at its addresses. */
  | { readonly kind: 'refused' }
  /** It answered neither this node nor those that were asked to probe it. */
  | { readonly kind: 'silent'; readonly sinceMs: number; readonly asked: readonly PeerIdString[] }
  /** Members that found it silent said so. */
  | { readonly kind: 'accused'; readonly by: readonly PeerIdString[] }
  | { readonly kind: 'left' }

export interface Member {
  readonly peer: PeerIdString
  readonly state: MemberState
  /** `nowMs` of the last change of state. */
  readonly sinceMs: number
  readonly why: Evidence
  /** Whether a verified connection stands. */
  readonly isConnected: boolean
  /** The highest that it said of itself; -1 while it was never heard of. */
  readonly incarnation: number
  readonly addresses: readonly string[]
  /** Dials begun since the last lasting connection. */
  readonly attempts: number
}

/** Dial one of the addresses; then say `connected`, or `dialFailed`. */
export interface DialEffect {
  readonly type: 'dial'
  readonly peer: PeerIdString
  readonly addresses: readonly string[]
  /** 0 for the first since the last lasting connection. */
  readonly attempt: number
}

export interface StateEffect {
  readonly type: 'state'
  readonly peer: PeerIdString
  /** `null`: a member not known before. */
  readonly from: MemberState | null
  readonly to: MemberState
  readonly why: Evidence
}

/** Over the open connection, best effort. */
export interface SendEffect {
  readonly type: 'send'
  readonly to: PeerIdString
  readonly message: MembershipMessage
}

/** The peer claimed what another never said. Nothing was done for it. */
export interface OffenceEffect {
  readonly type: 'offence'
  readonly peer: PeerIdString
  readonly why: string
}

export type MembershipEffect = DialEffect | StateEffect | SendEffect | OffenceEffect

/** `refused`: somebody answered, and not the peer: evidence. `timeout`: silence. `local`: our own trouble, says nothing of the peer. */
export type DialFailure = 'refused' | 'timeout' | 'local'

export interface MembershipInit {
  readonly self: PeerIdString
  /** Begins this life above all words of earlier ones: milliseconds since the epoch do. @default 0 */
  incarnation?: number
  /** Delay before the second redial; doubles from there, jittered. @default 200 */
  redialBaseMs?: number
  /** No redial waits longer. @default 30_000 */
  redialMaxMs?: number
  /** How long a member that was never seen stays suspect before it counts as failed. @default 5_000 */
  unseenMs?: number
  /** Dials under way at once. @default 8 */
  dialsMax?: number
  /** A dial not reported on for so long counts as timed out. @default 10_000 */
  dialTimeoutMs?: number
  /** How much later than the lower PeerId the higher one dials first. @default 250 */
  yieldMs?: number
  /** A connection shorter than this does not reset the back-off. @default 10_000 */
  lastingMs?: number
  /** One member is probed in each. @default 500 */
  probePeriodMs?: number
  /** Lifeguard's corrections; without them it is plain SWIM, for comparison. @default true */
  lifeguard?: boolean
}

export interface MembershipComponents {
  readonly random: Random
  /** Signs that this node is alive in this incarnation. Without it nobody believes a refutation. */
  signAlive?: (incarnation: number) => Uint8Array
  /** Whether the member signed that. Without it no incarnation above 0 is believed. */
  verifyAlive?: (peer: PeerIdString, incarnation: number, signature: Uint8Array) => boolean
}

/** Every method that does something takes the monotonic time in milliseconds and gives the effects to carry out, in order. */
export interface MembershipView {
  /** Throws `BusyError` when the table is full. A known member only learns the addresses; one that had left is back. */
  memberAdded(peer: PeerIdString, addresses: readonly string[], nowMs: number): MembershipEffect[]
  /** Forgets the member (evicted, expired). */
  memberRemoved(peer: PeerIdString, nowMs: number): MembershipEffect[]
  /** It said goodbye: no redial. */
  memberLeft(peer: PeerIdString, nowMs: number): MembershipEffect[]
  /** A verified connection stands, whoever dialed. */
  connected(peer: PeerIdString, nowMs: number): MembershipEffect[]
  /** The last connection to the peer is closed. */
  disconnected(peer: PeerIdString, nowMs: number): MembershipEffect[]
  /** The dial ended in a connection; the state changes with `connected`, after the hello. */
  dialSucceeded(peer: PeerIdString, nowMs: number): MembershipEffect[]
  dialFailed(peer: PeerIdString, nowMs: number, why: DialFailure): MembershipEffect[]
  /** Adds addresses of a known member; news for one that is not connected is tried at once. */
  addressesLearned(peer: PeerIdString, addresses: readonly string[], nowMs: number): MembershipEffect[]
  /** From the peer at the other end of an open connection, validated by `validateMembershipMessage`. */
  received(from: PeerIdString, message: MembershipMessage, nowMs: number): MembershipEffect[]
  /** Something waits for a connection to it: it is dialed now, though others reach it. */
  connectionWanted(peer: PeerIdString, nowMs: number): MembershipEffect[]
  /** Whom this node cannot do its work without: dialed as if nobody else reached them. Replaces those named before. */
  connectionsNeeded(peers: ReadonlySet<PeerIdString>, nowMs: number): MembershipEffect[]
  /** How late this process' own event loop runs: its timeouts widen by that. */
  lagMeasured(loopLagMs: number): void
  tick(nowMs: number): MembershipEffect[]
  /** When `tick` has something to do next; undefined: not before another event. */
  nextTickAtMs(): number | undefined
  members(): readonly Member[]
  member(peer: PeerIdString): Member | undefined
  /** 0 is well; up to 7 when this node has reason to think that it is itself that is slow (Lifeguard). */
  readonly healthScore: number
}
