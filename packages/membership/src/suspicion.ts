import type { PeerIdString } from '@vsmcp/kernel'
import { SUSPICION_CONFIRMATIONS, SUSPICION_MAX_FACTOR, SUSPICION_PERIODS } from './constants.ts'

/** One member under suspicion, at one incarnation. */
export interface Suspicion {
  readonly startedMs: number
  /** Who found it silent by own probes, as each said itself. This node is one of them once its own probe has failed. */
  readonly witnesses: Set<PeerIdString>
  /** When this node looks for itself, if it can and has not yet. */
  readonly lookAtMs: number
  /** When it becomes a verdict, as things stand. */
  verdictAtMs: number
}

export interface SuspicionInit {
  readonly self: PeerIdString
  /** Of the group, this node included. */
  readonly members: number
  readonly periodMs: number
  /** Whether the time shrinks with witnesses (Lifeguard) or is the shortest at once (SWIM). */
  readonly lifeguard: boolean
}

/**
 * How long suspicion lasts until it becomes a verdict (Lifeguard, section IV.B): from the longest down to the shortest time,
 * logarithmically with every independent witness beyond the first.
 */
export function suspicionTimeoutMs(
  { witnesses }: Pick<Suspicion, 'witnesses'>,
  { self, members, periodMs, lifeguard }: SuspicionInit,
): number {
  const spreading = Math.max(1, Math.log10(members))
  // The logarithm is the time that word takes to the accused and back. Who looked for itself has told the accused itself.
  const shortestMs = SUSPICION_PERIODS * (lifeguard && witnesses.has(self) ? 1 : spreading) * periodMs
  // Of a group this small there are not so many others that could bear witness.
  const wanted = members - 2 < SUSPICION_CONFIRMATIONS ? 0 : SUSPICION_CONFIRMATIONS
  if (!lifeguard || wanted === 0) return shortestMs
  const longestMs = SUSPICION_MAX_FACTOR * shortestMs
  const confirmations = Math.max(0, witnesses.size - 1)
  const share = Math.log(confirmations + 1) / Math.log(wanted + 1)
  return Math.max(shortestMs, longestMs - share * (longestMs - shortestMs))
}
