import type { RaftComponents, VoteProof } from '../../src/index.ts'
import { bytes, text } from './cluster.ts'

export const sentence = (voter: string, term: number, candidate: string): string => `${voter} votes for ${candidate} in ${term}`

/** Votes that say in words what a signature would. */
export function signing(id: string): Required<Pick<RaftComponents, 'signVote' | 'verifyVote'>> {
  return {
    signVote: (term, candidate) => bytes(sentence(id, term, candidate)),
    verifyVote: (voter, term, candidate, signature) => text(signature) === sentence(voter, term, candidate),
  }
}

export function proof(term: number, candidate: string, voters: readonly string[]): VoteProof {
  return { term, candidate, votes: voters.map((voter) => ({ voter, signature: bytes(sentence(voter, term, candidate)) })) }
}
