import { canonicalBytes, type GroupState } from '@vsmcp/consensus'
import type { MeshId } from '@vsmcp/kernel'
import {
  type Certification,
  type CertifiedCharter,
  type Chain,
  decodeChain,
  encodeChain,
  orThrow,
  verifyCharterBundle,
} from '@vsmcp/security'
import { z } from 'zod'
import { CharterFileError, CharterUncertifiedError } from '../errors.ts'
import { decodeLink } from '../system5/link-certificate.ts'

const schema = z.strictObject({
  format: z.literal('vsmcp charter 1'),
  mesh: z.string(),
  /** Canonical bytes. */
  charter: z.base64(),
  /** The first charter and the links since. */
  chain: z.base64(),
  /** Of this charter, unless the newest link, or the mesh key or the group above for the first, vouches for it. */
  certificate: z.string().nullable(),
})

/** A charter that was verified by nothing but the mesh's id. */
export type VerifiedCharter = CertifiedCharter

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
  const { charter, charterMark: mark, links, pendingChanges } = state
  if (mark === undefined) return { by: charter.path === '/' ? 'mesh-key' : 'grant', index: 1, certificate: null }
  if (mark.certificate !== undefined) return { by: 'certificate', index: mark.index, certificate: mark.certificate }
  const isLinked = pendingChanges.length === 0 && links.at(-1)?.index === mark.index
  return isLinked ? { by: 'link', index: mark.index, certificate: null } : undefined
}

/** Throws `CharterUncertifiedError` while the voters have not signed the newest charter. */
export function writeCharterFile(state: GroupState, chain: Chain): string {
  const certified = certificationOf(state)
  if (certified === undefined || (state.links.at(-1)?.index ?? 0) > chain.index) {
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
 * charter, and what `verifyCharterBundle` refuses with.
 */
export function readCharterFile(text: string, { mesh, atLeast, known }: CharterCheck = {}): VerifiedCharter {
  const file = parse(text)
  const bundle = {
    ...decodeChain(Buffer.from(file.chain, 'base64')),
    charter: new Uint8Array(Buffer.from(file.charter, 'base64')),
    certificate: file.certificate === null ? undefined : certificateOf(file.certificate),
  }
  return orThrow(
    verifyCharterBundle(bundle, {
      meshId: mesh ?? known?.meshId ?? file.mesh,
      knownChain: known,
      knownCharter: atLeast === undefined ? undefined : { index: atLeast },
    }),
  )
}

function certificateOf(text: string): ReturnType<typeof decodeLink> {
  try {
    return decodeLink(text)
  } catch (cause) {
    throw malformed('its certificate cannot be read', cause)
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
