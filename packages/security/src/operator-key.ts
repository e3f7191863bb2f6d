import { type Endorsement, MESH_KEY_SIGNER, operationStatement, type Provable, type StatementScope } from '@vsmcp/consensus'
import { toBase64url } from './form.ts'
import type { Identity } from './identity.ts'
import { readKeyFile, writeKeyFile } from './key-file.ts'
import type { MeshKey } from './mesh-key.ts'
import { generatePrivateKey, SigningKey } from './signing-key.ts'

/** A person's Ed25519 key: signs what only people decide. JSON and `inspect` show the public half only. */
export interface OperatorKey {
  /** base64url of the raw public key, as charters name it. */
  readonly publicKeyText: string
  /** Raw, 32 bytes. */
  readonly publicKey: Uint8Array
  /** libp2p's protobuf form. Secret. */
  readonly privateKeyProtobuf: Uint8Array
  sign(bytes: Uint8Array): Uint8Array
}

class OperatorSigningKey extends SigningKey implements OperatorKey {
  readonly publicKeyText: string

  constructor(protobuf: Uint8Array) {
    super(protobuf)
    this.publicKeyText = toBase64url(this.publicKey)
  }
}

const WHAT = 'operator key'

export function generateOperatorKey(): OperatorKey {
  return new OperatorSigningKey(generatePrivateKey())
}

/** Throws for bytes that are no Ed25519 private key in libp2p's protobuf form. */
export function operatorKeyFromProtobuf(bytes: Uint8Array): OperatorKey {
  return new OperatorSigningKey(bytes)
}

/** Throws as `loadIdentity` does. */
export async function loadOperatorKey(file: string): Promise<OperatorKey> {
  return readKeyFile(file, WHAT, operatorKeyFromProtobuf)
}

/** Writes as `saveIdentity` does. */
export async function saveOperatorKey(file: string, key: OperatorKey): Promise<void> {
  await writeKeyFile(file, WHAT, key.privateKeyProtobuf)
}

/**
 * Signs for an operator that the charter names, or, given a mesh key, in the name of `MESH_KEY_SIGNER`. `scope` is the charter
 * of now: the signature is worth nothing in another mesh, group or epoch.
 * @param name of the operator; ignored with a mesh key
 */
export function signAsOperator<O extends Provable>(
  key: OperatorKey | MeshKey,
  name: string,
  scope: StatementScope,
  operation: O,
): O & { operator: string; signature: string } {
  const named = { ...operation, operator: 'meshId' in key ? MESH_KEY_SIGNER : name }
  return { ...named, signature: toBase64url(key.sign(operationStatement(scope, named))) }
}

/** A node's own signature under an operation: its leave, a session key it made. */
export function signAsPeer<O extends Provable>(
  identity: Identity,
  scope: StatementScope,
  operation: O,
): O & { signature: string } {
  return { ...operation, signature: toBase64url(identity.sign(operationStatement(scope, operation))) }
}

/** A voter's endorsement of a statement's bytes (`operationStatement`, `votersStatementBytes`). Endorse only what this node sees itself. */
export function endorse(identity: Identity, statement: Uint8Array): Endorsement {
  return { peer: identity.peerId, signature: toBase64url(identity.sign(statement)) }
}
