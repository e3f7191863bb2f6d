import type { MeshId } from '@vsmcp/kernel'
import { readKeyFile, writeKeyFile } from './key-file.ts'
import { meshIdOf } from './peer-keys.ts'
import { generatePrivateKey, SigningKey } from './signing-key.ts'

/** The key whose digest names the mesh; it signs the first charter, and after it only recoveries and anchors. JSON and `inspect` show the mesh id only. */
export interface MeshKey {
  readonly meshId: MeshId
  /** Raw Ed25519 public key, 32 bytes. */
  readonly publicKey: Uint8Array
  /** libp2p's protobuf form. Secret. */
  readonly privateKeyProtobuf: Uint8Array
  sign(bytes: Uint8Array): Uint8Array
}

class MeshSigningKey extends SigningKey implements MeshKey {
  readonly meshId: MeshId

  constructor(protobuf: Uint8Array) {
    super(protobuf)
    this.meshId = meshIdOf(this.publicKey)
  }
}

const WHAT = 'mesh key'

export function generateMeshKey(): MeshKey {
  return new MeshSigningKey(generatePrivateKey())
}

/** Throws for bytes that are no Ed25519 private key in libp2p's protobuf form. */
export function meshKeyFromProtobuf(bytes: Uint8Array): MeshKey {
  return new MeshSigningKey(bytes)
}

/** Throws as `loadIdentity` does. */
export async function loadMeshKey(file: string): Promise<MeshKey> {
  return readKeyFile(file, WHAT, meshKeyFromProtobuf)
}

/** Writes as `saveIdentity` does. */
export async function saveMeshKey(file: string, key: MeshKey): Promise<void> {
  await writeKeyFile(file, WHAT, key.privateKeyProtobuf)
}
