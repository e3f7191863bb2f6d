import type { PeerIdString } from '@vsmcp/kernel'
import type { Evidence } from './contract.ts'

/** By whose word a member counts as alive; undefined: by this node's own evidence. */
export function voucherOf(why: Evidence): PeerIdString | undefined {
  if (why.kind === 'told' || why.kind === 'refuted') return why.by
  return why.kind === 'reached' ? why.through : undefined
}

/** Who is alive by whose word alone, found from either side in constant time. */
export class Words {
  readonly #byOf = new Map<PeerIdString, PeerIdString>()
  readonly #of = new Map<PeerIdString, Set<PeerIdString>>()

  /** @param by undefined: it is alive by this node's own evidence */
  set(peer: PeerIdString, by: PeerIdString | undefined): void {
    this.delete(peer)
    if (by === undefined) return
    this.#byOf.set(peer, by)
    const peers = this.#of.get(by)
    if (peers === undefined) this.#of.set(by, new Set([peer]))
    else peers.add(peer)
  }

  delete(peer: PeerIdString): void {
    const by = this.#byOf.get(peer)
    if (by === undefined) return
    this.#byOf.delete(peer)
    const peers = this.#of.get(by)
    peers?.delete(peer)
    if (peers?.size === 0) this.#of.delete(by)
  }

  /** Removes and gives those that are alive by its word. */
  takeOf(by: PeerIdString): PeerIdString[] {
    const peers = [...(this.#of.get(by) ?? [])]
    for (const peer of peers) this.delete(peer)
    return peers
  }
}
