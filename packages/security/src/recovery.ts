import type { PeerIdString } from '@vsmcp/kernel'
import { z } from 'zod'
import type { Chain } from './chain.ts'
import { NONCE_BYTES, RECOVERY_LABEL, STATEMENT_BYTES_MAX } from './constants.ts'
import { LinkMalformedError, RecoveryForgedError, RecoveryKeyForeignError } from './errors.ts'
import { fixedBytesField } from './fields.ts'
import { bytesOf, decodeWith, decoding, fromBase64url, textOf, toBase64url } from './form.ts'
import { anchorOf, type RecoveryMark } from './anchor.ts'
import { decodeLinkStatement, digestOf, inOrder, type Link, type LinkStatement } from './link.ts'
import type { MeshKey } from './mesh-key.ts'
import type { OperatorKey } from './operator-key.ts'
import { peerIdOf, verify, withLabel } from './peer-keys.ts'

/** How a recovery says what it is, beside the fields of every link. */
export interface Recovery {
  /** Wall time of the node that was recovered, milliseconds since the Unix epoch: for people, and for schedules. */
  readonly atMs: number
  /** base64url, 32 bytes: two recoveries are never the same statement. */
  readonly nonce: string
}

/** What the next epoch begins with. */
export interface RecoveryChange {
  /** Log index at which it begins: above all that this node's log has. */
  readonly index: number
  readonly digestBefore: string
  readonly digestNow: string
  /** The one voter it begins with. */
  readonly voter: PeerIdString
  /** Recovery keys that its charter names. */
  readonly recoverers?: readonly string[]
  readonly atMs: number
  readonly nonce: Uint8Array
}

const recoverySchema = z.object({
  recovery: z
    .object({
      atMs: z.int().nonnegative(),
      nonce: z.string().refine((text) => fixedBytesField(NONCE_BYTES).safeParse(text).success),
    })
    .exactOptional(),
})

/** What makes a link a recovery; undefined for a change of voters that the voters themselves certified. Throws `LinkMalformedError`. */
export function recoveryOf(statement: Uint8Array): Recovery | undefined {
  if (statement.length > STATEMENT_BYTES_MAX) return undefined
  return decoding(
    () => decodeWith(recoverySchema, JSON.parse(textOf(statement))).recovery,
    (reason, cause) => new LinkMalformedError(`this starts no epoch: ${reason}`, { cause }),
  )
}

/**
 * The link that starts the next epoch with one voter, when the majority is lost for good (rule 9). Its signature takes the place
 * of the majorities'. Throws `RecoveryKeyForeignError` for the key of another mesh, and one that the newest link does not name.
 */
export function signRecovery(key: MeshKey | OperatorKey, chain: Chain, change: RecoveryChange): Link {
  assertNamed(key, chain)
  const { index, digestBefore, digestNow, voter, recoverers = [], atMs, nonce } = change
  const begins = {
    mesh: chain.meshId,
    group: chain.group,
    epoch: chain.epoch + 1,
    index,
    previous: chain.eras.at(-1)?.digest ?? '',
    digestBefore,
    digestNow,
    votersBefore: chain.voters,
    votersNow: [voter],
    recoverers,
  }
  const statement = bytesOf(JSON.stringify({ ...inOrder(begins), recovery: { atMs, nonce: toBase64url(nonce) } }))
  decodeLinkStatement(statement)
  const signature = key.sign(withLabel(RECOVERY_LABEL, statement))
  return { statement, signatures: [{ peer: peerIdOf(key.publicKey), signature }] }
}

/**
 * Checks a recovery by itself: one voter, and the signature of the mesh key or of a recovery key that the voters have named last.
 * Throws `RecoveryForgedError`.
 */
export function verifyRecovery(
  { statement, signatures }: Link,
  meshPublicKey: Uint8Array,
  recoverers: readonly string[],
): LinkStatement {
  const decoded = decodeLinkStatement(statement)
  const [signature] = signatures
  const signers = [peerIdOf(meshPublicKey), ...recoverers.map(signerOfKey)]
  const isSigned =
    signature !== undefined &&
    signatures.length === 1 &&
    signers.includes(signature.peer) &&
    verify(signature.peer, withLabel(RECOVERY_LABEL, statement), signature.signature)
  if (isSigned && decoded.votersNow.length === 1) return decoded
  throw new RecoveryForgedError(
    `the recovery that starts epoch ${decoded.epoch} is signed neither by the key of the mesh nor by a recovery key of its charter`,
    { hint: 'Trust nothing from whoever showed it.', details: { epoch: decoded.epoch } },
  )
}

/** The recovery that began the chain's epoch; undefined in the first epoch. */
export function newestRecovery(chain: Pick<Chain, 'links'>): RecoveryMark | undefined {
  const link = chain.links.findLast(({ statement }) => recoveryOf(statement) !== undefined)
  if (link === undefined) return anchorOf(chain.links[0])?.recovery
  const { epoch, index, votersNow } = decodeLinkStatement(link.statement)
  const { atMs = 0 } = recoveryOf(link.statement) ?? {}
  return { epoch, index, digest: digestOf(link.statement), voter: votersNow[0] ?? '', atMs }
}

function assertNamed(key: MeshKey | OperatorKey, chain: Chain): void {
  if ('meshId' in key) {
    if (key.meshId === chain.meshId) return
    throw new RecoveryKeyForeignError(`this key is of mesh ${key.meshId}, and not of ${chain.meshId}`, {
      hint: 'Name the file that `vsmcp key export` wrote for this mesh with --mesh-key.',
      details: { shown: key.meshId, expected: chain.meshId },
    })
  }
  if (chain.recoverers.includes(key.publicKeyText)) return
  throw new RecoveryKeyForeignError(`the voters of mesh ${chain.meshId} have not named ${key.publicKeyText} as a recovery key`, {
    hint: 'What counts is the charter as certified before the loss: `vsmcp operator ls` says who recovers. The mesh key always does (--mesh-key).',
    details: { shown: key.publicKeyText, mesh: chain.meshId },
  })
}

/** A signature under a link names its key as a PeerId. @returns undefined for what is no key */
export function signerOfKey(publicKeyText: string): PeerIdString | undefined {
  const raw = fromBase64url(publicKeyText)
  return raw === undefined ? undefined : peerIdOf(raw)
}
