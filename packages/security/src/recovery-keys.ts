import type { PeerIdString } from '@vsmcp/kernel'
import { anchoredEra, anchorOf } from './anchor.ts'
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
  const begun = begunSince(common, other)
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

/**
 * Whoever was cut off since before a recovery key was removed follows its thief into a later epoch. It cannot go back by itself: it has thrown
 * away its votes of the earlier one. But where the group shows an anchor of after they parted, by which the mesh key names the recovery keys of
 * then, it knows, and says so instead of taking the group for one that is behind.
 * @param common where the two part
 */
export function assertNotMisled(known: Chain, common: VoterEra, other: Chain): void {
  const anchored = anchoredEra(other)
  if (anchored === undefined || !isAfter(anchored, common)) return
  const meshKey = peerIdOf(known.meshPublicKey)
  const begun = begunSince(common, known).filter(({ epoch }) => epoch > anchored.epoch)
  if (begun.some(({ by }) => by === meshKey)) return
  const by = begun.find((one) => !anchored.recoverers.some((text) => signerOfKey(text) === one.by))
  if (by === undefined) return
  throw new RecoveryKeyRemovedError(
    `epoch ${by.epoch} of mesh ${known.meshId}, which this node goes by, was started with a recovery key that its mesh key has not named in the anchor of index ${anchored.index}`,
    {
      hint: 'This node was misled, or that group was left behind: find out which. Bring this node back by one more epoch there (`vsmcp recover --force-quorum --mesh-key FILE`), or have it join anew.',
      details: { epoch: by.epoch, shown: other.epoch },
    },
  )
}

/** Epochs that a chain begins behind an era, and with whose key. */
function begunSince(common: VoterEra, { links, eras }: Chain): readonly { epoch: number; by: PeerIdString | undefined }[] {
  return links
    .filter((_, at) => isAfter(eras[at + 1] ?? common, common))
    .filter((link) => anchorOf(link) !== undefined || recoveryOf(link.statement) !== undefined)
    .map((link) => ({ epoch: decodeLinkStatement(link.statement).epoch, by: signerOf(link) }))
}

/** Whether the chain, as it was before an epoch, names the key. */
function isNamed({ eras }: Chain, signer: PeerIdString | undefined, epoch: number): boolean {
  const recoverers = eras.findLast((era) => era.epoch < epoch)?.recoverers ?? []
  return recoverers.some((text) => signerOfKey(text) === signer)
}

function signerOf({ signatures: [signature] }: Link): PeerIdString | undefined {
  return signature?.peer
}
