import type { GroupState, Member } from '@vsmcp/consensus'
import { InvalidArgumentError, type PeerIdString } from '@vsmcp/kernel'

/** The member of this PeerId or name; nothing when there is none. Throws `InvalidArgumentError` for a name that several have. */
export function memberNamed({ members }: GroupState, who: string): readonly [PeerIdString, Member] | undefined {
  const found = members.entries().filter(([peer, { name }]) => peer === who || name === who)
  if (found.length > 1) {
    throw new InvalidArgumentError(`${found.length} members are called ${who}`, {
      hint: `Say which by its PeerId: ${found.map(([peer]) => peer).join(', ')}.`,
    })
  }
  return found[0]
}
