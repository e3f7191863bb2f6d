import { canonicalBytes, type Charter, type GroupState, readCharter } from '@vsmcp/consensus'
import { messageOf, type MeshId, type PeerIdString } from '@vsmcp/kernel'
import {
  type Chain,
  charterDigest,
  decodeChain,
  decodeLinkStatement,
  encodeChain,
  type LinkStatement,
  mergeChain,
  orThrow,
  verifyChain,
  verifyCharterCertificate,
} from '@vsmcp/security'
import { z } from 'zod'
import { CharterFileError, CharterStaleError, CharterUncertifiedError } from '../errors.ts'
import { decodeLink } from '../system5/link-certificate.ts'

const schema = z.strictObject({
  format: z.literal('vsmcp charter 1'),
  mesh: z.string(),
  /** Canonical bytes. */
  charter: z.base64(),
  /** The first charter and the links since. */
  chain: z.base64(),
  /** Of this charter, unless the newest link or the mesh key vouches for it. */
  certificate: z.string().nullable(),
})

/** What a charter is certified by. */
export type Certification = 'mesh-key' | 'link' | 'certificate'

/** A charter that was verified by nothing but the mesh's id. */
export interface VerifiedCharter {
  readonly charter: Charter
  readonly chain: Chain
  /** Log index of its newest change; 1 for the first charter. */
  readonly index: number
  readonly digest: string
  readonly by: Certification
  /** Who signed that. */
  readonly signers: readonly PeerIdString[]
}

export interface CharterCheck {
  /** The mesh it must be of. @default the one it names: then compare its id yourself */
  mesh?: MeshId
  /** An index that is known: an earlier charter is stale. */
  atLeast?: number
  /** The chain this node has: a charter of a fork is refused. */
  known?: Chain
}

/** How the newest charter of a state is certified; undefined while the voters still sign. */
export function certificationOf(state: GroupState): { by: Certification; index: number; certificate: string | null } | undefined {
  const { charterMark: mark, links, pendingChanges } = state
  if (mark === undefined) return { by: 'mesh-key', index: 1, certificate: null }
  if (mark.certificate !== undefined) return { by: 'certificate', index: mark.index, certificate: mark.certificate }
  const isLinked = pendingChanges.length === 0 && links.at(-1)?.index === mark.index
  return isLinked ? { by: 'link', index: mark.index, certificate: null } : undefined
}

/** Throws `CharterUncertifiedError` while the voters have not signed the newest charter. */
export function writeCharterFile(state: GroupState, chain: Chain): string {
  const certified = certificationOf(state)
  if (certified === undefined || (certified.by !== 'mesh-key' && (state.links.at(-1)?.index ?? 0) > chain.index)) {
    throw new CharterUncertifiedError('the newest charter has no certificate yet', {
      hint: 'A majority of the voters signs it as soon as they are up: see `vsmcp status`, and try again.',
    })
  }
  const file: z.input<typeof schema> = {
    format: 'vsmcp charter 1',
    mesh: state.charter.meshId,
    charter: Buffer.from(canonicalBytes(state.charter)).toString('base64'),
    chain: Buffer.from(encodeChain(chain)).toString('base64'),
    certificate: certified.certificate,
  }
  return `${JSON.stringify(file, null, 2)}\n`
}

/**
 * Verifies a charter alone, offline, along the certified changes of voters. Throws `CharterFileError` for what is cut short or no
 * charter, `CharterUncertifiedError` for one that nobody vouches for, `CharterStaleError`, and what `verifyChain`, `mergeChain` and
 * `verifyCharterCertificate` refuse with: forged, wrongly signed, broken, forked, of another mesh.
 */
export function readCharterFile(text: string, { mesh, atLeast = 0, known }: CharterCheck = {}): VerifiedCharter {
  const file = parse(text)
  const bytes = Buffer.from(file.charter, 'base64')
  const shown = decodeChain(Buffer.from(file.chain, 'base64'))
  const chain = orThrow(verifyChain({ meshId: mesh ?? known?.meshId ?? file.mesh, ...shown }))
  if (known !== undefined) mergeChain(known, shown)
  const verified = { ...vouchedFor(bytes, chain, file.certificate), chain, charter: charterOf(bytes) }
  if (verified.index >= Math.max(atLeast, known?.index ?? 0)) return verified
  throw new CharterStaleError(
    `the charter is of index ${verified.index}, and one of ${Math.max(atLeast, known?.index ?? 0)} is known`,
    {
      hint: 'Somebody shows what was, or has not heard yet: get the newest with `vsmcp charter export` on a member.',
      details: { index: verified.index },
    },
  )
}

function vouchedFor(bytes: Uint8Array, chain: Chain, certificate: string | null): Omit<VerifiedCharter, 'charter' | 'chain'> {
  const digest = charterDigest(bytes)
  if (certificate === null) {
    const link = chain.links.at(-1)
    if (link === undefined && Buffer.from(chain.firstCharter.charter).equals(bytes)) {
      return { index: 1, digest, by: 'mesh-key', signers: [] }
    }
    if (link === undefined) throw uncertified('it is not the first charter that the mesh key signed, and has no certificate')
    const { index, digestNow } = decodeLinkStatement(link.statement)
    if (digestNow !== digest) throw uncertified(`the change of voters at ${index} is of another charter`)
    return { index, digest, by: 'link', signers: link.signatures.map(({ peer }) => peer) }
  }
  const given = certificateOf(certificate)
  const statement = verifyCharterCertificate(given)
  const flaw = whyNotOf(statement, chain, digest)
  if (flaw !== undefined) throw uncertified(flaw)
  return { index: statement.index, digest, by: 'certificate', signers: given.signatures.map(({ peer }) => peer) }
}

function whyNotOf(statement: LinkStatement, chain: Chain, digest: string): string | undefined {
  if (statement.mesh !== chain.meshId || statement.group !== chain.group) return 'its certificate is of another mesh or group'
  if (statement.previous !== chain.eras.at(-1)?.digest) return 'its certificate follows other voters than those of the chain'
  if (statement.votersNow.join() !== chain.voters.join()) return 'its certificate is by other voters than those of the chain'
  if (statement.epoch < chain.epoch || statement.index <= chain.index)
    return 'its certificate is older than the voters of the chain'
  if (statement.digestNow !== digest) return 'its certificate is of another charter: this one was changed after it was signed'
  return undefined
}

function uncertified(why: string): CharterUncertifiedError {
  return new CharterUncertifiedError(`nobody vouches for this charter: ${why}`, { hint: 'Trust nothing from whoever showed it.' })
}

function certificateOf(text: string): ReturnType<typeof decodeLink> {
  try {
    return decodeLink(text)
  } catch (cause) {
    throw malformed('its certificate cannot be read', cause)
  }
}

function charterOf(bytes: Uint8Array): Charter {
  try {
    return readCharter(JSON.parse(Buffer.from(bytes).toString('utf8')))
  } catch (cause) {
    throw malformed(messageOf(cause), cause)
  }
}

function parse(text: string): z.output<typeof schema> {
  try {
    return schema.parse(JSON.parse(text))
  } catch (cause) {
    throw malformed(cause instanceof SyntaxError ? 'it is cut short, or no JSON' : 'parts are missing or of another form', cause)
  }
}

function malformed(why: string, cause: unknown): CharterFileError {
  return new CharterFileError(`this is no charter as \`vsmcp charter export\` writes it: ${why}`, {
    hint: 'It is damaged, cut short, or of another version: export it again.',
    cause,
  })
}
