import type { PeerIdString } from '@vsmcp/kernel'
import { readKeyFile, writeKeyFile } from './key-file.ts'
import { peerIdOf } from './peer-keys.ts'
import { generatePrivateKey, SigningKey } from './signing-key.ts'

/** A node's Ed25519 key. JSON and `inspect` show its PeerId only. */
export interface Identity {
  readonly peerId: PeerIdString
  /** libp2p's protobuf form of the private key. Secret: for libp2p and the key file only. */
  readonly privateKeyProtobuf: Uint8Array
  /** 64 bytes, synchronous. What is signed begins with a label of its own purpose: see `withLabel`. */
  sign(bytes: Uint8Array): Uint8Array
}

class NodeIdentity extends SigningKey implements Identity {
  readonly peerId: PeerIdString

  constructor(protobuf: Uint8Array) {
    super(protobuf)
    this.peerId = peerIdOf(this.publicKey)
  }
}

const WHAT = 'identity key'

export function generateIdentity(): Identity {
  return new NodeIdentity(generatePrivateKey())
}

/** Throws for bytes that are no Ed25519 private key in libp2p's protobuf form. */
export function identityFromProtobuf(bytes: Uint8Array): Identity {
  return new NodeIdentity(bytes)
}

/** Throws `KeyFileMissingError`, `KeyFileExposedError` (others may read it) or `KeyFileMalformedError`. */
export async function loadIdentity(file: string): Promise<Identity> {
  return readKeyFile(file, WHAT, identityFromProtobuf)
}

/** Writes mode 0600, whole or not at all, fsynced. Throws `KeyFileExistsError`: a key is never overwritten. */
export async function saveIdentity(file: string, identity: Identity): Promise<void> {
  await writeKeyFile(file, WHAT, identity.privateKeyProtobuf)
}
