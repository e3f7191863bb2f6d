import type { PeerIdString } from '@vsmcp/kernel'
import { z } from 'zod'
import type { Chain, VoterEra } from './chain.ts'
import { ANCHOR_BYTES_MAX, ANCHOR_LABEL, ANCHOR_PAST_BYTES, ANCHOR_PAST_MAX } from './constants.ts'
import { AnchorForgedError, LinkMalformedError } from './errors.ts'
import { counterField, digestField, peerField } from './fields.ts'
import { bytesOf, decodeWith, decoding, textOf, toBase64url } from './form.ts'
import { decodeLinkStatement, digestOf, inOrder, type Link, type LinkStatement } from './link.ts'
import type { MeshKey } from './mesh-key.ts'
import { peerIdOf, verify, withLabel } from './peer-keys.ts'

/** What a link says of a recovery: enough to name it when the link is gone. */
export interface RecoveryMark {
  readonly epoch: number
  readonly index: number
  readonly digest: string
  /** The one voter that its epoch began with. */
  readonly voter: PeerIdString
  readonly atMs: number
}

/**
 * What makes a link an anchor: the first link of a shortened chain, signed by the mesh key, which stands for all changes of voters up
 * to one and names the voters and recovery keys of then. Its other fields are those of the link it ends with, but that it follows the
 * first charter.
 */
export interface Anchor {
  /** Digest of the statement of the newest link it stands for: what the next one names as the one before. */
  readonly digest: string
  /** How many changes since the first charter it stands for. */
  readonly count: number
  /** The newest of them, by shortened digests, oldest first: whoever went by one of these knows that this is the same chain. */
  readonly past: readonly string[]
  /** The newest recovery among them. */
  readonly recovery?: RecoveryMark
}

const PAST_LENGTH = (ANCHOR_PAST_BYTES * 4) / 3

const anchorField = z.object({
  digest: digestField,
  count: z.int().positive(),
  past: z
    .string()
    .regex(/^[\w-]+$/, 'not base64url')
    .max(ANCHOR_PAST_MAX * PAST_LENGTH)
    .refine(({ length }) => length % PAST_LENGTH === 0, 'cut short'),
  recovery: z
    .object({ epoch: counterField, index: counterField, digest: digestField, voter: peerField, atMs: z.int().nonnegative() })
    .exactOptional(),
})

const statementSchema = z.object({ anchor: anchorField.exactOptional() })

/** Undefined for a link that is none, or no link at all. Nothing is verified. Throws `LinkMalformedError`. */
export function anchorOf(link: Pick<Link, 'statement'> | undefined): Anchor | undefined {
  if (link === undefined || link.statement.length > ANCHOR_BYTES_MAX) return undefined
  const { statement } = link
  const { anchor } = decoding(
    () => decodeWith(statementSchema, JSON.parse(textOf(statement))),
    (reason, cause) => new LinkMalformedError(`this begins no chain: ${reason}`, { cause }),
  )
  if (anchor === undefined) return undefined
  const { past, ...rest } = anchor
  return { ...rest, past: past.match(PAST_DIGEST) ?? [] }
}

const PAST_DIGEST = new RegExp(`.{${PAST_LENGTH}}`, 'g')

/** Whether a chain is shortened. */
export function isAnchored({ links }: Pick<Chain, 'links'>): boolean {
  return anchorOf(links[0]) !== undefined
}

/** The newest voter set that an anchor stands for: of those before it the chain knows no more. @returns undefined for a chain that is not shortened */
export function anchoredEra(chain: Pick<Chain, 'links' | 'eras'>): VoterEra | undefined {
  return isAnchored(chain) ? chain.eras[1] : undefined
}

/** The voter set and recovery keys that a link begins; nothing is verified. */
export function eraOf(link: Pick<Link, 'statement'>): VoterEra {
  const { epoch, index, votersNow: voters, recoverers = [] } = decodeLinkStatement(link.statement)
  return { epoch, index, voters, recoverers, digest: eraDigest(link) }
}

/** What the link after this one names as the one before it. */
export function eraDigest(link: Pick<Link, 'statement'>): string {
  return anchorOf(link)?.digest ?? digestOf(link.statement)
}

/** A digest as an anchor lists it. */
export function pastDigest(digest: string): string {
  return toBase64url(Buffer.from(digest, 'hex').subarray(0, ANCHOR_PAST_BYTES))
}

/** What an anchor that stands for so many links of a chain says. */
export interface AnchorFacts {
  readonly chain: Pick<Chain, 'meshId' | 'group' | 'links' | 'eras'>
  /** Links of the chain that it stands for; at least one. */
  readonly links: number
  readonly recovery: RecoveryMark | undefined
}

/** The same links give the same bytes. */
export function anchorStatement({ chain, links, recovery }: AnchorFacts): Uint8Array {
  const [first, ...eras] = chain.eras.slice(0, links + 1)
  const [last, link] = [eras.at(-1), chain.links[links - 1]]
  if (first === undefined || last === undefined || link === undefined) throw new RangeError(`an anchor for ${links} links`)
  const before = anchorOf(chain.links[0])
  const past = [...(before?.past ?? []), ...eras.slice(before === undefined ? 0 : 1).map(({ digest }) => pastDigest(digest))]
  const { digestBefore, digestNow } = decodeLinkStatement(link.statement)
  const statement = inOrder({ ...stands(chain, first, last), digestBefore, digestNow })
  const anchor = {
    digest: last.digest,
    count: (before?.count ?? 1) + eras.length - 1,
    past: past.slice(-ANCHOR_PAST_MAX).join(''),
    ...(recovery && { recovery }),
  }
  return bytesOf(JSON.stringify({ ...statement, anchor }))
}

function stands(
  { meshId: mesh, group }: AnchorFacts['chain'],
  first: VoterEra,
  { epoch, index, voters: votersNow, recoverers }: VoterEra,
): Omit<LinkStatement, 'digestBefore' | 'digestNow'> {
  return { mesh, group, epoch, index, previous: first.digest, votersBefore: first.voters, votersNow, recoverers }
}

/** Sign only what `anchorStatement` gave for a chain that was verified. */
export function signedAnchor(key: MeshKey, statement: Uint8Array): Link {
  const signature = key.sign(withLabel(ANCHOR_LABEL, statement))
  return { statement, signatures: [{ peer: peerIdOf(key.publicKey), signature }] }
}

/** Checks an anchor by itself, not what it stands for. Throws `AnchorForgedError`. */
export function verifyAnchor(link: Link, meshPublicKey: Uint8Array): LinkStatement {
  const { statement, signatures } = link
  const decoded = decodeLinkStatement(statement)
  const [signature] = signatures
  const isSigned =
    signature !== undefined &&
    signatures.length === 1 &&
    signature.peer === peerIdOf(meshPublicKey) &&
    verify(signature.peer, withLabel(ANCHOR_LABEL, statement), signature.signature)
  const { digest, count, past } = anchorOf(link) ?? { digest: '', count: 0, past: [] }
  if (isSigned && past.length <= count && past.at(-1) === pastDigest(digest)) return decoded
  throw new AnchorForgedError(
    `the beginning of the chain, which stands for all changes of voters up to index ${decoded.index}, is not signed by the key of the mesh`,
    { hint: 'Trust nothing from whoever showed it.', details: { index: decoded.index } },
  )
}
