import type { PeerIdString, Random } from '@vsmcp/kernel'

/** `alive`: connected. `suspect`: not connected, no evidence yet. `failed`: gone, still redialed for ever. `left`: said goodbye. */
export type MemberState = 'alive' | 'suspect' | 'failed' | 'left'

export interface Member {
  readonly peer: PeerIdString
  readonly state: MemberState
  /** `nowMs` of the last change of state. */
  readonly sinceMs: number
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
}

export type MembershipEffect = DialEffect | StateEffect

/** `refused`: somebody answered, and not the peer: evidence. `timeout`: silence. `local`: our own trouble, says nothing of the peer. */
export type DialFailure = 'refused' | 'timeout' | 'local'

export interface MembershipInit {
  readonly self: PeerIdString
  /** Delay before the second redial; doubles from there, jittered. @default 200 */
  redialBaseMs?: number
  /** No redial waits longer. @default 30_000 */
  redialMaxMs?: number
  /** How long a member stays suspect without evidence before it counts as failed. @default 5_000 */
  suspicionMs?: number
  /** Dials under way at once. @default 8 */
  dialsMax?: number
  /** A dial not reported on for so long counts as timed out. @default 10_000 */
  dialTimeoutMs?: number
  /** How much later than the lower PeerId the higher one dials first. @default 250 */
  yieldMs?: number
  /** A connection shorter than this does not reset the back-off. @default 10_000 */
  lastingMs?: number
}

export interface MembershipComponents {
  readonly random: Random
}

/** Every method takes the monotonic time in milliseconds and gives the effects to carry out, in order. */
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
  tick(nowMs: number): MembershipEffect[]
  /** When `tick` has something to do next; undefined: not before another event. */
  nextTickAtMs(): number | undefined
  members(): readonly Member[]
  member(peer: PeerIdString): Member | undefined
}
