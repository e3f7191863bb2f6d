import { privateKeyFromProtobuf } from '@libp2p/crypto/keys'
import type { Ed25519PrivateKey } from '@libp2p/interface'
import { PrivateKeyError } from './errors.ts'

/** Throws `PrivateKeyError`. */
export function readPrivateKey(bytes: Uint8Array): Ed25519PrivateKey {
  let key: ReturnType<typeof privateKeyFromProtobuf>
  try {
    key = privateKeyFromProtobuf(bytes)
  } catch (cause) {
    throw new PrivateKeyError('the private key is not in libp2p’s protobuf form', { cause })
  }
  if (key.type === 'Ed25519') return key
  throw new PrivateKeyError(`the private key is of type ${key.type}; a node's identity is an Ed25519 key`)
}
