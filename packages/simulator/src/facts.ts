import type { CertificateFacts, GroupState } from '@vsmcp/consensus'

/** What voters are to sign next, as a state has it: the oldest change of voters without a link, else the newest charter. */
export function nextFacts({ charter, pendingChanges, charterMark, links }: GroupState): CertificateFacts | undefined {
  const scope = { mesh: charter.meshId, group: charter.groupId, previous: links.at(-1)?.certificate }
  const [change] = pendingChanges
  if (change !== undefined) {
    const { index, epoch, digestBefore, digestNow, before: votersBefore, now: votersNow, recoverers } = change
    return {
      kind: 'link',
      ...scope,
      index,
      epoch,
      digestBefore,
      digestNow,
      votersBefore,
      votersNow,
      ...(recoverers && { recoverers }),
    }
  }
  if (charterMark === undefined || charterMark.certificate !== undefined || links.at(-1)?.index === charterMark.index)
    return undefined
  const { index, epoch, digestBefore, digestNow } = charterMark
  const { voters } = charter
  return { kind: 'charter', ...scope, index, epoch, digestBefore, digestNow, votersBefore: voters, votersNow: voters }
}
