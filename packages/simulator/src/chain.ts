import { whichCounts } from '@vsmcp/consensus'
import type { PeerIdString } from '@vsmcp/kernel'

/** A recovery, as the mesh key signed it once. */
export interface Recovery {
  /** No two are the same. */
  readonly id: string
  readonly epoch: number
  /** Log index at which the epoch begins. */
  readonly index: number
  readonly voter: PeerIdString
}

/** Of a chain of voters what tells epochs apart: its recoveries. */
export type Chain = readonly Recovery[]

export function epochOf(chain: Chain): number {
  return chain.at(-1)?.epoch ?? 1
}

/** As `mergeChain` does with signed chains. @returns the later of the two, or who started the known one's epoch a second time */
export function merged(known: Chain, shown: Chain): Chain | { readonly rival: PeerIdString } {
  const at = known.findIndex(({ id }, place) => shown[place] !== undefined && shown[place].id !== id)
  if (at === -1) return shown.length > known.length ? shown : known
  const common = epochOf(known.slice(0, at))
  const counts = whichCounts({ common, known: epochOf(known), shown: epochOf(shown) })
  if (counts === 'known' || counts === 'shown') return counts === 'known' ? known : shown
  return { rival: shown.at(-1)?.voter ?? '' }
}
