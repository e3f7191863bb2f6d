import { GROUP_DEPTH_MAX } from '@vsmcp/consensus'
import { z } from 'zod'
import {
  ADDRESS_LENGTH_MAX,
  ADDRESSES_MAX,
  ANCHOR_BYTES_MAX,
  CHARTER_BYTES_MAX,
  KEY_BYTES,
  LABEL_LENGTH_MAX,
  LINKS_MAX,
  RECOVERERS_MAX,
  SIGNATURE_BYTES,
  STATEMENT_BYTES_MAX,
  VOTERS_MAX,
} from './constants.ts'
import type { SignedCharter } from './first-charter.ts'
import { base64urlCodec, utf8Codec } from './form.ts'

const byLength = (exact: number) => (bytes: Uint8Array) => bytes.length === exact
const upTo = (max: number) => (bytes: Uint8Array) => bytes.length <= max

/** An Ed25519 PeerId: the multihash of a key of this kind always begins so and has 52 characters. */
export const peerField = z.string().regex(/^12D3KooW[1-9A-HJ-NP-Za-km-z]{44}$/, 'not an Ed25519 PeerId')

export const meshIdField = z.string().regex(/^[0-9a-f]{32}$/, 'not a mesh id')
export const groupField = z.string().regex(/^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$/, 'not a group id')
export const roleField = z.string().regex(/^[a-z][a-z0-9-]{0,31}$/, 'not a role')
/** Hex SHA-256. */
export const digestField = z.string().regex(/^[0-9a-f]{64}$/, 'not a SHA-256')
/** Shown to people and on terminals, so no control, format or unassigned characters. */
export const nameField = z
  .string()
  .min(1)
  .max(LABEL_LENGTH_MAX)
  .regex(/^\P{C}+$/u, 'has characters that cannot be shown')
/** A name, or empty: no zone. */
export const zoneField = z
  .string()
  .max(LABEL_LENGTH_MAX)
  .regex(/^\P{C}*$/u, 'has characters that cannot be shown')
export const counterField = z.int().nonnegative()
export const addressField = z
  .string()
  .max(ADDRESS_LENGTH_MAX)
  .regex(/^\/[\x21-\x7e]+$/, 'not a multiaddr')
export const addressesField = z.array(addressField).max(ADDRESSES_MAX)
export const signatureField = base64urlCodec.refine(byLength(SIGNATURE_BYTES), 'not an Ed25519 signature')

/** Bytes of an exact length, base64url within JSON. */
export const fixedBytesField = (length: number) => base64urlCodec.refine(byLength(length), `not ${length} bytes`)

/** Voters in their one order: ascending, each once. */
export const votersField = z
  .array(peerField)
  .min(1)
  .max(VOTERS_MAX)
  .refine((voters) => voters.every((voter, at) => at === 0 || (voters[at - 1] ?? '') < voter), 'not in order, or twice')

/** base64url of raw public keys, ascending, each once. */
export const recoverersField = z
  .array(z.string().refine((text) => fixedBytesField(KEY_BYTES).safeParse(text).success, 'not a public key'))
  .min(1)
  .max(RECOVERERS_MAX)
  .refine((keys) => keys.every((key, at) => at === 0 || (keys[at - 1] ?? '') < key), 'not in order, or twice')

const charterField = utf8Codec.refine(upTo(CHARTER_BYTES_MAX), 'too long')
const statementField = utf8Codec.refine(upTo(STATEMENT_BYTES_MAX), 'too long')
/** An anchor's may be longer: which one it is, whoever reads the statement finds out. */
const linkStatementField = utf8Codec.refine(upTo(ANCHOR_BYTES_MAX), 'too long')
const signedField = z.object({ peer: peerField, signature: signatureField })

const rootCharterField = z.object({
  meshPublicKey: fixedBytesField(KEY_BYTES),
  charter: charterField,
  signature: signatureField,
})

const linkField = z.object({
  statement: linkStatementField,
  signatures: z.array(signedField).max(2 * VOTERS_MAX),
})
export const linksField = z.array(linkField).max(LINKS_MAX)

/** The first charter of a group so many levels below the root, or of one above. */
function charterFieldOf(levels: number): z.ZodType<SignedCharter> {
  if (levels === 0) return rootCharterField
  return z.union([
    z.object({
      charter: charterField,
      parent: z.object({ firstCharter: charterFieldOf(levels - 1), links: linksField }),
      grant: z.object({ statement: statementField, signatures: z.array(signedField).max(VOTERS_MAX) }),
    }),
    rootCharterField,
  ])
}

export const signedCharterField = charterFieldOf(GROUP_DEPTH_MAX)
