import type { PeerIdString } from '@vsmcp/kernel'
import type { Chain } from '@vsmcp/security'

export interface ElectionProof {
  readonly candidate: PeerIdString
  /** Whose signed votes are good. */
  readonly signers: readonly PeerIdString[]
}

/**
 * Whether these signers could elect a leader, by certified links alone: for a node whose own configuration does not tell,
 * because voters changed while it was away, or because it is new. They are a majority of the voters of now; or, when the leader
 * was elected before the last changes and still votes, of voters of an era that is not older than what this node knows. (A
 * leader that admits the second and third voter was elected by itself alone.) So who was once the only voter could
 * mislead a newcomer that holds no configuration yet, and nobody else.
 *
 * @param known voters of this node's configuration; empty when it has none
 */
export function couldElect(
  { candidate, signers }: ElectionProof,
  chain: Pick<Chain, 'eras' | 'voters' | 'epoch'>,
  known: readonly PeerIdString[],
): boolean {
  if (isMajority(signers, chain.voters)) return true
  if (!chain.voters.includes(candidate)) return false
  const since = known.length === 0 ? 0 : chain.eras.findLastIndex(({ voters }) => sameVoters(voters, known))
  if (since < 0) return false
  return chain.eras.slice(since).some(({ epoch, voters }) => epoch === chain.epoch && isMajority(signers, voters))
}

function isMajority(signers: readonly PeerIdString[], voters: readonly PeerIdString[]): boolean {
  return voters.filter((voter) => signers.includes(voter)).length > voters.length / 2
}

function sameVoters(one: readonly PeerIdString[], other: readonly PeerIdString[]): boolean {
  return one.length === other.length && one.every((voter) => other.includes(voter))
}
