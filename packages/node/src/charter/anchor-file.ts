import { loadMeshKey, signAnchor } from '@vsmcp/security'
import { z } from 'zod'
import { dataDirectory } from '../enrol/data-directory.ts'
import { AnchorFileError } from '../errors.ts'
import { encodeLink } from '../system5/link-certificate.ts'
import { type CharterCheck, readCharterFile } from './charter-file.ts'
import type { SignedAnchor } from './contract.ts'

const schema = z.object({ format: z.literal('vsmcp anchor 1'), anchor: z.base64url() })

/**
 * Signs, offline, the anchor that shortens the chain of voters in a charter file, once that is verified. What it vouches for is in the
 * answer. Throws what `readCharterFile`, the reading of a key file and `signAnchor` throw.
 */
export async function signAnchorOf(charterFile: string, keyFile: string, check: CharterCheck = {}): Promise<SignedAnchor> {
  const { charter, chain } = readCharterFile(charterFile, check)
  const anchor = signAnchor(await loadMeshKey(keyFile), chain)
  const { epoch, index, voters } = chain
  return {
    mesh: { id: charter.meshId, name: charter.meshName },
    group: { id: charter.groupId, path: charter.path },
    epoch,
    index,
    voters: [...voters],
    links: chain.links.length,
    anchor: encodeLink(anchor),
  }
}

/** Where the mesh key is that `vsmcp init` made. */
export function meshKeyFile(dataDir: string): string {
  return dataDirectory(dataDir).meshKey
}

export function writeAnchorFile(signed: SignedAnchor): string {
  return `${JSON.stringify({ format: 'vsmcp anchor 1', ...signed }, null, 2)}\n`
}

/** The anchor of a file; the group verifies it. Throws `AnchorFileError`. */
export function readAnchorFile(text: string): string {
  try {
    return schema.parse(JSON.parse(text)).anchor
  } catch (cause) {
    throw new AnchorFileError(
      `this is no anchor as \`vsmcp key anchor --out\` writes it: ${cause instanceof SyntaxError ? 'it is cut short, or no JSON' : 'parts are missing or of another form'}`,
      { hint: 'Sign it again, or copy the file anew.', cause },
    )
  }
}
