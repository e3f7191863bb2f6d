import { createHash, createPublicKey, type KeyObject, verify as verifySignature } from 'node:crypto'
import { publicKeyFromRaw } from '@libp2p/crypto/keys'
import { peerIdFromPublicKey, peerIdFromString } from '@libp2p/peer-id'
import type { MeshId, PeerIdString } from '@vsmcp/kernel'
import { KEY_BYTES, MESH_ID_BYTES, PUBLIC_KEYS_CACHED_MAX, SIGNATURE_BYTES } from './constants.ts'

/** DER of a SubjectPublicKeyInfo up to the key itself (RFC 8410 §4). */
const SPKI_PREFIX = Buffer.from('302a300506032b6570032100', 'hex')

/** Derived from its key alone, so that sharing it changes nothing but the time spent. */
const cache = new Map<PeerIdString, { raw: Uint8Array; key: KeyObject }>()

/** Key of a raw Ed25519 public key. */
export function keyObjectOf(raw: Uint8Array): KeyObject {
  return createPublicKey({ key: Buffer.concat([SPKI_PREFIX, raw]), format: 'der', type: 'spki' })
}

export function peerIdOf(raw: Uint8Array): PeerIdString {
  return peerIdFromPublicKey(publicKeyFromRaw(raw)).toString()
}

/** Hex of the first 16 bytes of the SHA-256 of the raw public key. */
export function meshIdOf(publicKey: Uint8Array): MeshId {
  return createHash('sha256')
    .update(publicKey)
    .digest('hex')
    .slice(0, 2 * MESH_ID_BYTES)
}

/** Key inside a PeerId. @returns undefined for what is no Ed25519 PeerId in its one spelling */
export function publicKeyOf(peer: PeerIdString): { raw: Uint8Array; key: KeyObject } | undefined {
  const known = cache.get(peer)
  if (known !== undefined) {
    cache.delete(peer)
    cache.set(peer, known)
    return known
  }
  const raw = rawKeyOf(peer)
  if (raw === undefined) return undefined
  const entry = { raw, key: keyObjectOf(raw) }
  const oldest = cache.size >= PUBLIC_KEYS_CACHED_MAX ? cache.keys().next().value : undefined
  if (oldest !== undefined) cache.delete(oldest)
  cache.set(peer, entry)
  return entry
}

function rawKeyOf(peer: PeerIdString): Uint8Array | undefined {
  try {
    const parsed = peerIdFromString(peer)
    if (parsed.type !== 'Ed25519' || parsed.toString() !== peer) return undefined
    const { raw } = parsed.publicKey
    return raw.length === KEY_BYTES ? raw : undefined
  } catch {
    return undefined
  }
}

/** True only for the signature of this key over just these bytes. */
export function verifyWith(key: KeyObject, bytes: Uint8Array, signature: Uint8Array): boolean {
  if (signature.length !== SIGNATURE_BYTES) return false
  try {
    return verifySignature(null, bytes, key, signature)
  } catch {
    return false
  }
}

/** True only for an Ed25519 PeerId and its signature over just these bytes; never throws. Keys are cached. */
export function verify(peer: PeerIdString, bytes: Uint8Array, signature: Uint8Array): boolean {
  const known = publicKeyOf(peer)
  return known !== undefined && verifyWith(known.key, bytes, signature)
}

/** `label ‖ 0x00 ‖ bytes`: keeps a signature made for one purpose from being used for another. */
export function withLabel(label: string, bytes: Uint8Array): Uint8Array {
  return new Uint8Array(Buffer.concat([Buffer.from(label, 'utf8'), Uint8Array.of(0), bytes]))
}
