import type { GroupState, ResourceClaim } from '@vsmcp/consensus'
import { isoTime, type PeerIdString } from '@vsmcp/kernel'
import type { ClaimantView, ResourceView } from './contract.ts'

/** Who has what, and who waits for it, as this node's copy of the docket has it. */
export function claimsView(state: GroupState | undefined, nameOf: (peer: PeerIdString) => string): ResourceView[] {
  const views = new Map<string, ResourceView>()
  const claims = [...(state?.claims ?? [])].map(([, claim]) => claim).sort((a, b) => a.askedAtIndex - b.askedAtIndex)
  for (const claim of claims) {
    for (const { resource, shared } of claim.resources) {
      const view = views.get(resource) ?? { resource, holders: [], waiters: [] }
      views.set(resource, view)
      const claimant = claimantOf(claim, shared, nameOf)
      const { token, epoch = 1, recalledAtIndex } = claim
      if (token === undefined) view.waiters.push(claimant)
      else view.holders.push({ ...claimant, token, epoch, recalled: recalledAtIndex !== undefined })
    }
  }
  return [...views.values()].sort((a, b) => (a.resource < b.resource ? -1 : 1))
}

function claimantOf(
  { unit, peer, askedAtMs }: ResourceClaim,
  shared: boolean,
  nameOf: (peer: PeerIdString) => string,
): ClaimantView {
  return { unit, node: peer, nodeName: nameOf(peer), shared, since: isoTime(askedAtMs) }
}
