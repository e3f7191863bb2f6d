import type { PeerIdString } from '@vsmcp/kernel'
import { EPOCH_TOLD_PERIOD_MS } from '../constants.ts'

/** What is to be done, in this order. */
export type EpochEffect<Shown> =
  /** The log is of an epoch that is over: it is forgotten, and the new one's is learned from whoever leads it. */
  | { readonly type: 'stand-down' }
  /** Nothing is decided any more, nor after a restart, until a later epoch begins. */
  | { readonly type: 'halt'; readonly rival: PeerIdString }
  /** A peer is shown the chain of voters that this node goes by, or that of a rival. */
  | { readonly type: 'show'; readonly to: PeerIdString; readonly chain: 'own' | Shown }

/** What became of a chain that a peer showed. */
export interface Heard {
  /** It is later than what this node went by, which now goes by it. */
  readonly isLater: boolean
  /** It says just what this node's own says. */
  readonly isSame: boolean
}

/**
 * Rule 9 at one node: it stands down when it hears of a later epoch, tells whoever is in an earlier one, and stops deciding when the
 * epoch it is in was started twice. Chains are opaque here: whoever holds them says which is later (`whichCounts`).
 */
export class EpochRules<Shown> {
  /** When each peer was last told, so that two that disagree do not flood each other. */
  readonly #toldAtMs = new Map<PeerIdString, number>()

  /** A later epoch than the one believed in was shown, and is believed in now. */
  began(peers: readonly PeerIdString[], nowMs: number): readonly EpochEffect<Shown>[] {
    this.#toldAtMs.clear()
    return [{ type: 'stand-down' }, ...peers.flatMap((peer) => this.#tell(peer, nowMs))]
  }

  /** @param known the rival that this epoch is known to have already, if any */
  metRival(
    known: PeerIdString | undefined,
    { rival, chain }: { readonly rival: PeerIdString; readonly chain: Shown },
    peers: readonly PeerIdString[],
  ): readonly EpochEffect<Shown>[] {
    if (known !== undefined) return []
    // Who goes by the same chain as this node must not go on deciding without it.
    return [{ type: 'halt', rival }, ...peers.map((to) => ({ type: 'show', to, chain }) as const)]
  }

  /** A peer speaks of the log of another epoch: whichever of the two is behind learns of the other. */
  differs(peer: PeerIdString, nowMs: number): readonly EpochEffect<Shown>[] {
    return this.#tell(peer, nowMs)
  }

  /** Who shows a chain that is behind is told; who shows the same is not, or it would never end. */
  heard(peer: PeerIdString, { isLater, isSame }: Heard, nowMs: number): readonly EpochEffect<Shown>[] {
    return isLater || isSame ? [] : this.#tell(peer, nowMs)
  }

  #tell(to: PeerIdString, nowMs: number): readonly EpochEffect<Shown>[] {
    if (nowMs - (this.#toldAtMs.get(to) ?? Number.NEGATIVE_INFINITY) < EPOCH_TOLD_PERIOD_MS) return []
    this.#toldAtMs.set(to, nowMs)
    return [{ type: 'show', to, chain: 'own' }]
  }
}
