import type { Clock, PeerIdString } from '@vsmcp/kernel'
import { reachedByMost } from '@vsmcp/vsm'
import type { GroupSignals } from '../topics/group-signals.ts'

export interface MemberClocksComponents {
  self: PeerIdString
  signals: Pick<GroupSignals, 'on'>
  clock: Clock
}

/** What the clocks of other members show, as their reports say: by as much too early as these take on their way. */
export class MemberClocks {
  readonly #c: MemberClocksComponents
  readonly #aheadMs = new Map<PeerIdString, number>()

  constructor(components: MemberClocksComponents) {
    this.#c = components
    const { signals, clock } = components
    signals.on('control', ({ node, atMs }) => this.#aheadMs.set(node, atMs - clock.wallMs()))
  }

  /** How far each member's clock was ahead of this one's when it last reported, milliseconds. */
  get aheadMs(): ReadonlyMap<PeerIdString, number> {
    return this.#aheadMs
  }

  /** How far most others are ahead of this node, milliseconds: the median, of two in the middle the nearer one. Undefined while none has reported. */
  get mostAheadMs(): number | undefined {
    const sorted = [...this.#aheadMs.values()].toSorted((a, b) => a - b)
    const [low, high] = [sorted[(sorted.length - 1) >> 1], sorted[sorted.length >> 1]]
    if (low === undefined || high === undefined) return undefined
    return Math.abs(low) <= Math.abs(high) ? low : high
  }

  /** Wall time that most of these have reached; undefined while too little is known of them. */
  reachedByMost(peers: readonly PeerIdString[]): number | undefined {
    const { self, clock } = this.#c
    const nowMs = clock.wallMs()
    const known = peers.flatMap((peer) => (peer === self ? 0 : (this.#aheadMs.get(peer) ?? [])))
    return reachedByMost(
      known.map((aheadMs) => nowMs + aheadMs),
      peers.length,
    )
  }

  keepOnly(isMember: (peer: PeerIdString) => boolean): void {
    for (const peer of this.#aheadMs.keys()) if (!isMember(peer)) this.#aheadMs.delete(peer)
  }
}
