import { createPrivateKey, generateKeyPairSync, type KeyObject, sign as signBytes } from 'node:crypto'
import { privateKeyFromProtobuf, privateKeyFromRaw, privateKeyToProtobuf } from '@libp2p/crypto/keys'
import { KEY_BYTES } from './constants.ts'

/** DER of a PKCS #8 private key up to the seed (RFC 8410 §7). */
const PKCS8_PREFIX = Buffer.from('302e020100300506032b657004220420', 'hex')

/** An Ed25519 key pair. The private half sits in private fields: neither JSON nor `inspect` shows it. */
export class SigningKey {
  readonly #key: KeyObject
  readonly #protobuf: Uint8Array
  readonly #publicKey: Uint8Array

  /** @param protobuf libp2p's form. Throws for what is no Ed25519 private key whose halves belong together. */
  constructor(protobuf: Uint8Array) {
    const parsed = privateKeyFromProtobuf(protobuf)
    if (parsed.type !== 'Ed25519') throw new Error(`a key of type ${parsed.type}`)
    this.#key = createPrivateKey({
      key: Buffer.concat([PKCS8_PREFIX, parsed.raw.subarray(0, KEY_BYTES)]),
      format: 'der',
      type: 'pkcs8',
    })
    this.#publicKey = new Uint8Array(parsed.publicKey.raw)
    const derived = this.#key.export({ format: 'jwk' }).x
    if (derived !== Buffer.from(this.#publicKey).toString('base64url')) throw new Error('its public half is of another key')
    this.#protobuf = new Uint8Array(protobuf)
  }

  get publicKey(): Uint8Array {
    return this.#publicKey
  }

  get privateKeyProtobuf(): Uint8Array {
    return this.#protobuf
  }

  sign(bytes: Uint8Array): Uint8Array {
    return new Uint8Array(signBytes(null, bytes, this.#key))
  }
}

/** A new private key in libp2p's protobuf form. */
export function generatePrivateKey(): Uint8Array {
  const { d = '', x = '' } = generateKeyPairSync('ed25519').privateKey.export({ format: 'jwk' })
  return privateKeyToProtobuf(privateKeyFromRaw(Buffer.concat([Buffer.from(d, 'base64url'), Buffer.from(x, 'base64url')])))
}
