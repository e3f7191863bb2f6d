import { isDeepStrictEqual } from 'node:util'
import { type RaftComponents, type VotersStatement, votersStatementBytes } from '@vsmcp/consensus'
import type { PeerIdString } from '@vsmcp/kernel'
import { type Identity, verify, withLabel } from '@vsmcp/security'
import type { Enrolment } from '../enrol/enrolment.ts'
import type { Trust } from './trust.ts'

const VOTE_LABEL = 'vsmcp vote'

/** Every vote is signed, so that an election can be proved to who was not there (rule 4). */
export function signedVotes(
  identity: Identity,
  { meshId, groupId }: Enrolment,
  trust: Trust,
): Pick<RaftComponents, 'signVote' | 'verifyVote' | 'verifyEndorsement' | 'trustsVoters' | 'areVoters' | 'mayStand'> {
  const sentence = (term: number, candidate: PeerIdString): Uint8Array =>
    withLabel(VOTE_LABEL, Buffer.from([meshId, groupId, trust.chain.epoch, term, candidate].join(' ')))
  return {
    signVote: (term: number, candidate: PeerIdString) => identity.sign(sentence(term, candidate)),
    verifyVote: (voter: PeerIdString, term: number, candidate: PeerIdString, signature: Uint8Array) =>
      verify(voter, sentence(term, candidate), signature),
    verifyEndorsement: (voter: PeerIdString, statement: VotersStatement, signature: Uint8Array) =>
      verify(voter, votersStatementBytes({ meshId, groupId, epoch: trust.chain.epoch }, statement), signature),
    trustsVoters: (signers: readonly PeerIdString[]) => {
      const { voters } = trust.chain
      return signers.filter((signer) => voters.includes(signer)).length > voters.length / 2
    },
    areVoters: (voters: readonly PeerIdString[]) => isDeepStrictEqual(voters.toSorted(), trust.chain.voters.toSorted()),
    mayStand: (peer: PeerIdString) => trust.chain.voters.includes(peer),
  }
}
