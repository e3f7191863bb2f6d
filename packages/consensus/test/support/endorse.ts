import { base64urlOf, type PeerIdString } from '@vsmcp/kernel'
import {
  type ConfigurationChange,
  type Endorsement,
  type Proposed,
  type RaftNode,
  type VotersStatement,
  votersStatement,
} from '../../src/index.ts'
import { encodeConfigurationStep } from '../../src/raft/configuration.ts'

/** What stands in these tests for a voter's signature: it names the voter and all it endorses. */
function signatureOf(voter: PeerIdString, statement: VotersStatement): Uint8Array {
  const { term, version, voters, changes } = statement
  const said = [voter, term, version, voters, changes.map(({ type, peer }) => `${type} ${peer}`)]
  return new TextEncoder().encode(said.join('|'))
}

export function verifyEndorsement(voter: PeerIdString, statement: VotersStatement, signature: Uint8Array): boolean {
  return base64urlOf(signature) === base64urlOf(signatureOf(voter, statement))
}

export function endorsementOf(voter: PeerIdString, statement: VotersStatement): Endorsement {
  return { peer: voter, signature: base64urlOf(signatureOf(voter, statement)) }
}

/** A change that all voters of now endorse, as far as it needs that. */
export function endorsed(node: RaftNode, change: ConfigurationChange): readonly Endorsement[] {
  const { configuration, term } = node.status()
  const statement = votersStatement(configuration, term, change)
  return configuration.voters.map((voter) => endorsementOf(voter, statement))
}

/** Data of an entry of `term` that all voters of a node's configuration endorse; or only `signers`. */
export function entryOf(
  node: RaftNode,
  term: number,
  changes: ConfigurationChange['changes'],
  signers: readonly PeerIdString[] = node.status().configuration.voters,
): Uint8Array {
  const statement = votersStatement(node.status().configuration, term, { changes })
  return encodeConfigurationStep({ changes, endorsements: signers.map((voter) => endorsementOf(voter, statement)) })
}

/** Proposes a change that all voters endorse. Throws as `proposeConfiguration` does. */
export function proposeEndorsed(node: RaftNode, change: ConfigurationChange): Proposed {
  return node.proposeConfiguration(change, endorsed(node, change))
}
