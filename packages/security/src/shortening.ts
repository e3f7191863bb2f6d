import { LINKS_BESIDE_ANCHOR } from '@vsmcp/consensus'
import { anchorOf, anchorStatement, eraOf, signedAnchor } from './anchor.ts'
import type { Chain } from './chain.ts'
import { AnchorKeyForeignError, AnchorNeedlessError } from './errors.ts'
import type { Link } from './link.ts'
import type { MeshKey } from './mesh-key.ts'
import { newestRecovery } from './recovery.ts'

/**
 * Signs the anchor that shortens a verified chain the most: to itself and the links of those voters whose signatures under credentials
 * still count. Throws `AnchorKeyForeignError` for the key of another mesh, `AnchorNeedlessError` for a chain that is as short already.
 */
export function signAnchor(key: MeshKey, chain: Chain): Link {
  if (key.meshId !== chain.meshId) {
    throw new AnchorKeyForeignError(`this key is of mesh ${key.meshId}, and not of ${chain.meshId}`, {
      hint: 'Name the file that `vsmcp key export` wrote for this mesh with --mesh-key.',
      details: { shown: key.meshId, expected: chain.meshId },
    })
  }
  const links = chain.links.length - LINKS_BESIDE_ANCHOR
  if (links < 2) {
    throw new AnchorNeedlessError(`the chain of voters cannot be shorter: links in it: ${chain.links.length}`, {
      hint: `There is nothing to do: ${LINKS_BESIDE_ANCHOR} links stay beside an anchor, for the credentials that those voters signed.`,
      details: { links: chain.links.length },
    })
  }
  return signedAnchor(key, anchorStatement({ chain, links, recovery: recoveryWithin(chain.links, links) }))
}

/**
 * How many links, from the first on, an anchor stands for, to the byte: it says just what these links say. Its signature is for `verifyAnchor` to verify.
 * @param chain what need not be verified: links of which those that count are known to be genuine
 * @returns 0 for what is no anchor of theirs
 */
export function linksAnchored(
  anchor: Link,
  chain: Pick<Chain, 'meshId' | 'group' | 'links'> & { readonly first: Chain['eras'][number] },
): number {
  const { count = 0 } = anchorOf(anchor) ?? {}
  const links = count - (anchorOf(chain.links[0])?.count ?? 1) + 1
  if (links < 1 || links > chain.links.length) return 0
  const eras = [chain.first, ...chain.links.slice(0, links).map(eraOf)]
  const expected = anchorStatement({ chain: { ...chain, eras }, links, recovery: recoveryWithin(chain.links, links) })
  return Buffer.from(expected).equals(anchor.statement) ? links : 0
}

function recoveryWithin(links: readonly Link[], count: number): ReturnType<typeof newestRecovery> {
  return newestRecovery({ links: links.slice(0, count) })
}
