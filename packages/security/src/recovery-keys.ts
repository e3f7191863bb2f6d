import type { PeerIdString } from '@vsmcp/kernel'
import { anchorOf } from './anchor.ts'
import { type Chain, isAfter, type VoterEra } from './chain.ts'
import { RecoveryKeyRemovedError } from './errors.ts'
import { decodeLinkStatement, type Link } from './link.ts'
import { peerIdOf } from './peer-keys.ts'
import { recoveryOf, signerOfKey } from './recovery.ts'

/**
 * A recovery key counts as long as the newest links known name it. The mesh key stands above: what it began beyond all that is known
 * here goes, whatever came before it. Otherwise every recovery by which a chain competes with the one known here must be by the mesh
 * key, or by a key that the known one named at that point and names still: who was removed begins nothing, however it is dated.
 * An anchor speaks with the mesh key's voice of the epoch it is in, whoever began that.
 * @param common where the two part
 */
export function assertMayRecover(known: Chain, common: VoterEra, other: Chain): void {
  const meshKey = peerIdOf(known.meshPublicKey)
  const since = other.links.filter((_, at) => isAfter(other.eras[at + 1] ?? common, common))
  const begins = since.filter((link) => anchorOf(link) !== undefined || recoveryOf(link.statement) !== undefined)
  const begun = begins.map((link) => ({ epoch: decodeLinkStatement(link.statement).epoch, by: signerOf(link) }))
  if (begun.some(({ epoch, by }) => by === meshKey && epoch > known.epoch)) return
  for (const { epoch, by } of begun) {
    if (by === meshKey || epoch > known.epoch + 1) continue
    if (isNamed(known, by, epoch) && isNamed(known, by, known.epoch + 1)) continue
    throw new RecoveryKeyRemovedError(
      `epoch ${epoch} of mesh ${known.meshId} was started with a recovery key that the voters known here have removed, or never named`,
      {
        hint: 'Whoever started it does not decide for this node. If it shall, start one more epoch there with the mesh key: `vsmcp recover --force-quorum --mesh-key FILE`.',
        details: { epoch, known: known.epoch },
      },
    )
  }
}

/** Whether the chain, as it was before an epoch, names the key. */
function isNamed({ eras }: Chain, signer: PeerIdString | undefined, epoch: number): boolean {
  const recoverers = eras.findLast((era) => era.epoch < epoch)?.recoverers ?? []
  return recoverers.some((text) => signerOfKey(text) === signer)
}

function signerOf({ signatures: [signature] }: Link): PeerIdString | undefined {
  return signature?.peer
}
