import type { PeerIdString } from '@vsmcp/kernel'

/** What somebody says of a member. */
export interface Rumor {
  readonly peer: PeerIdString
  readonly state: 'alive' | 'suspect' | 'failed'
  /** Of which life and word of the member it speaks; the member alone raises it. */
  readonly incarnation: number
  /** The member's own signature of its incarnation; above 0 nobody believes one without. */
  readonly signature?: Uint8Array
  /** The sender found so by its own probes or a refused dial; else it passes on what it heard. */
  readonly firstHand: boolean
}

/** Every message but a `nack` may carry rumours. `digest` sums up what the sender holds of all members. */
export type MembershipMessage =
  /** Answer at once. */
  | { readonly type: 'ping'; readonly number: number; readonly digest: number; readonly rumors: readonly Rumor[] }
  /** The pinged, or the target of an `ask`, answered. */
  | { readonly type: 'ack'; readonly number: number; readonly digest: number; readonly rumors: readonly Rumor[] }
  /** The asked is there, but had no answer of the target in time (Lifeguard). */
  | { readonly type: 'nack'; readonly number: number }
  /** Ping the target for me. */
  | { readonly type: 'ask'; readonly number: number; readonly target: PeerIdString; readonly rumors: readonly Rumor[] }
  | { readonly type: 'gossip'; readonly rumors: readonly Rumor[] }

/** What a message is, without its rumours and digest. */
export type Head =
  | { readonly type: 'ping' | 'ack'; readonly number: number }
  | { readonly type: 'ask'; readonly number: number; readonly target: PeerIdString }
  | { readonly type: 'gossip' }

export function rumorOf(
  { peer, incarnation, signature }: { peer: PeerIdString; incarnation: number; signature: Uint8Array | undefined },
  state: Rumor['state'],
  firstHand: boolean,
): Rumor {
  return { peer, state, incarnation, firstHand, ...(signature === undefined ? {} : { signature }) }
}
