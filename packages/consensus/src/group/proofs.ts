import { bytesOfBase64url, type PeerIdString } from '@vsmcp/kernel'
import { type Endorsement, lackingEndorsement } from '../raft/endorsement.ts'
import type { Authority, Signer } from './authority.ts'
import { type Charter, MESH_KEY_SIGNER } from './charter.ts'
import type { GroupState } from './group-state.ts'
import type { OperatorSignedOperation } from './operation.ts'
import { operationStatement, type Provable } from './statement.ts'

/** Why a proof does not hold. */
export type Flaw = { readonly code: 'signature-wrong' | 'operator-unknown' | 'not-endorsed'; readonly message: string }

/** Whether the text is the signer's signature over these bytes. */
export function isSignedBy(signer: Signer, bytes: Uint8Array, signature: string, authority: Authority): boolean {
  const raw = bytesOfBase64url(signature)
  return raw !== undefined && authority.verifySignature(signer, bytes, raw)
}

/** Rule 5: an operator named in the charter before, or the mesh key. @returns undefined when it holds */
export function flawOfOperator(charter: Charter, operation: OperatorSignedOperation, authority: Authority): Flaw | undefined {
  const { operator, op } = operation
  const publicKey =
    operator === MESH_KEY_SIGNER ? charter.meshPublicKey : charter.operators.find(({ name }) => name === operator)?.publicKey
  if (publicKey === undefined) return { code: 'operator-unknown', message: `the charter names no operator ${operator}` }
  if (isSignedBy({ publicKey }, operationStatement(charter, operation), operation.signature, authority)) return undefined
  return { code: 'signature-wrong', message: `${op} is not signed by ${operator} for this mesh and epoch` }
}

/** The signature of the node an operation names. */
export function flawOfPeer(
  charter: Charter,
  operation: Provable & { readonly signature: string },
  peer: PeerIdString,
  authority: Authority,
): Flaw | undefined {
  if (isSignedBy({ peer }, operationStatement(charter, operation), operation.signature, authority)) return undefined
  return { code: 'signature-wrong', message: `${operation.op} is not signed by ${peer} for this mesh and epoch` }
}

/** Rule 5: a majority of the voters of now (of both halves of a joint configuration), or every one of them. */
export function flawOfEndorsements(
  { charter, configuration }: GroupState,
  operation: Provable & { readonly endorsements: readonly Endorsement[] },
  authority: Authority,
  needed: 'majority' | 'all' = 'majority',
): Flaw | undefined {
  const bytes = operationStatement(charter, operation)
  const verify = (peer: PeerIdString, signature: Uint8Array): boolean => authority.verifySignature({ peer }, bytes, signature)
  const missing = lackingEndorsement(configuration, operation.endorsements, verify, needed)
  return missing === undefined ? undefined : { code: 'not-endorsed', message: `${operation.op} is not endorsed: ${missing}` }
}
