import type { RaftStatus } from '@vsmcp/consensus'
import type { PeerIdString } from '@vsmcp/kernel'

/**
 * Whose connections a node's part in the group depends on: everybody follows the leader; voters elect the next one among themselves;
 * the leader brings its log to all members.
 */
export function neededPeers(
  self: PeerIdString,
  { role, leader, configuration: { voters, outgoing } }: Pick<RaftStatus, 'role' | 'leader' | 'configuration'>,
  members: Iterable<PeerIdString>,
): Set<PeerIdString> {
  const votes = voters.includes(self) || outgoing.includes(self)
  const needed = new Set([...(leader === undefined ? [] : [leader]), ...(votes ? [...voters, ...outgoing] : [])])
  if (role === 'leader') for (const peer of members) needed.add(peer)
  needed.delete(self)
  return needed
}
