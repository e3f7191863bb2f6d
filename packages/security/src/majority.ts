import type { PeerIdString } from '@vsmcp/kernel'
import type { LinkSignature } from './link.ts'
import { verify } from './peer-keys.ts'

/** How many of so many are a majority. */
export function majorityOf(count: number): number {
  return Math.floor(count / 2) + 1
}

/** Signatures by these voters over these bytes, as many as a majority needs: wrong, foreign and needless ones are dropped. */
export function signaturesOf(
  voters: readonly PeerIdString[],
  bytes: Uint8Array,
  signatures: readonly LinkSignature[],
): readonly LinkSignature[] {
  const kept = new Map<PeerIdString, LinkSignature>()
  for (const signature of signatures.toSorted((a, b) => (a.peer < b.peer ? -1 : 1))) {
    const { peer } = signature
    if (kept.size === majorityOf(voters.length) || !voters.includes(peer) || kept.has(peer)) continue
    if (verify(peer, bytes, signature.signature)) kept.set(peer, signature)
  }
  return [...kept.values()]
}

/** Whose signature is wrong, there twice, or not theirs to give; undefined when all are of different voters and good. */
export function wrongSigner(
  voters: readonly PeerIdString[],
  bytes: Uint8Array,
  signatures: readonly LinkSignature[],
): PeerIdString | undefined {
  const signers = new Set<PeerIdString>()
  return signatures.find(({ peer, signature }) => {
    if (signers.has(peer) || !voters.includes(peer) || !verify(peer, bytes, signature)) return true
    signers.add(peer)
    return false
  })?.peer
}
