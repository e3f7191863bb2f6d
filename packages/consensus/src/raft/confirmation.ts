import type { PeerIdString } from '@vsmcp/kernel'
import { PROOF_VOTES_MAX } from '../constants.ts'
import { isVoter, votersOf } from './configuration.ts'
import type { Core } from './core.ts'
import type { SignedVote } from './message.ts'
import { outcomeOf } from './quorum.ts'

/**
 * A leader was elected by the voters of then; when they are changed within its term, a newcomer that knows only those of now
 * would believe no proof of it (rule 4). So the leader asks those whose votes it lacks to vote for it still, until its proof holds for
 * the voters of now. A voter that follows the leader of a term, and has voted for nobody in it, can: nobody else can win that term.
 */
export function askForConfirmation(core: Core): void {
  const { proof, configuration, log, term } = core
  if (proof?.term !== term) return
  const signers = new Set(proof.votes.map(({ voter }) => voter))
  if (outcomeOf(configuration, (peer) => signers.has(peer)) === 'won') return
  for (const voter of votersOf(configuration)) {
    if (signers.has(voter) || core.progress.get(voter)?.knowsTerm !== true) continue
    core.send(voter, { type: 'vote', term, lastIndex: log.lastIndex, lastTerm: log.lastTerm, transfer: false })
  }
}

/** A vote that came after the election was won. */
export function addToProof(core: Core, voter: PeerIdString, signature: Uint8Array): void {
  const { proof, configuration, term } = core
  if (proof?.term !== term || proof.votes.some((vote) => vote.voter === voter)) return
  const votes = [...proof.votes, { voter, signature }]
  const isOfNow = (vote: SignedVote): boolean => isVoter(configuration, vote.voter)
  // At the bound, who votes no more goes first.
  const kept = [...votes.filter(isOfNow), ...votes.filter((vote) => !isOfNow(vote))].slice(0, PROOF_VOTES_MAX)
  core.proof = { ...proof, votes: kept }
}
