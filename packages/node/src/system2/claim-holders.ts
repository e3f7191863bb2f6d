import { claimKey, type GroupState } from '@vsmcp/consensus'
import type { PeerIdString, UnitName } from '@vsmcp/kernel'

/**
 * Each provider of a unit claims for itself. While one of them holds for itself alone what the unit claims, the others would only make a
 * call wait: so it is asked, and they stand by.
 * @returns those of the nodes that a call goes to
 */
export function claimHolders(
  group: GroupState | undefined,
  unit: UnitName,
  nodes: readonly PeerIdString[],
): readonly PeerIdString[] {
  if (group === undefined || group.claims.size === 0) return nodes
  const holder = nodes.find((node) => {
    const claim = group.claims.get(claimKey(node, unit))
    const holds = claim?.token !== undefined && claim.recalledAtIndex === undefined
    return holds && claim.resources.some(({ shared }) => !shared)
  })
  return holder === undefined ? nodes : [holder]
}
