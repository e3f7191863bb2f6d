import { createCipheriv, createDecipheriv, createHash, hkdfSync, randomBytes } from 'node:crypto'
import type { PeerIdString } from '@vsmcp/kernel'
import type { SessionIds } from '@vsmcp/mcp'
import { SESSION_KEY_ID_BYTES } from '../constants.ts'
import type { SessionKeys } from './session-keys.ts'

/** First byte of every sealed id; another one is a form of a later version, or no seal. */
const FORM = 1
const OWNER_BYTES = 8
const NONCE_BYTES = 12
const TOKEN_BYTES = 16
const TAG_BYTES = 16
const HEADER_BYTES = 1 + SESSION_KEY_ID_BYTES + OWNER_BYTES + NONCE_BYTES
const ID_BYTES = HEADER_BYTES + TOKEN_BYTES + TAG_BYTES

export interface SealedSessionIdsComponents {
  keys: Pick<SessionKeys, 'current' | 'accepted'>
  self: PeerIdString
  group: string
  /** Number of this life of the node: the half of every nonce that no later life uses again. */
  life: () => number
  members: () => Iterable<PeerIdString>
}

/**
 * Ids of legacy sessions: form, key id, owner and nonce in the clear and authenticated, a random token sealed (AES-256-GCM, a key for
 * each owner derived from the group's session key, the nonce counted). Any member can tell whose one is; nobody outside can
 * make one. On its owner an id is known by itself, so that a rotation ends no session.
 */
export class SealedSessionIds implements SessionIds {
  readonly #c: SealedSessionIdsComponents
  readonly #derived = new Map<string, Uint8Array>()
  #count = 0

  constructor(components: SealedSessionIdsComponents) {
    this.#c = components
  }

  make(): string {
    const { keys, self, life } = this.#c
    const token = randomBytes(TOKEN_BYTES)
    const current = keys.current()
    // A group that has no key yet, or never will, of an earlier feature level.
    if (current === undefined) return token.toString('base64url')
    const nonce = Buffer.alloc(NONCE_BYTES)
    nonce.writeUIntBE(life(), 0, 6)
    nonce.writeUIntBE(++this.#count, 6, 6)
    const header = Buffer.concat([Buffer.of(FORM), Buffer.from(current.id, 'base64url'), ownerTag(self), nonce])
    const cipher = createCipheriv('aes-256-gcm', this.#keyOf(current.id, current.key, self), nonce).setAAD(header)
    return Buffer.concat([header, cipher.update(token), cipher.final(), cipher.getAuthTag()]).toString('base64url')
  }

  ownerOf(id: string): PeerIdString | undefined {
    const bytes = Buffer.from(id, 'base64url')
    if (bytes.length !== ID_BYTES || bytes[0] !== FORM || bytes.toString('base64url') !== id) return undefined
    const header = bytes.subarray(0, HEADER_BYTES)
    const keyId = header.subarray(1, 1 + SESSION_KEY_ID_BYTES).toString('base64url')
    const key = this.#c.keys.accepted(keyId)
    const tag = header.subarray(1 + SESSION_KEY_ID_BYTES, 1 + SESSION_KEY_ID_BYTES + OWNER_BYTES)
    const owner = [...this.#c.members()].find((peer) => ownerTag(peer).equals(tag))
    if (key === undefined || owner === undefined) return undefined
    try {
      const nonce = header.subarray(HEADER_BYTES - NONCE_BYTES)
      const decipher = createDecipheriv('aes-256-gcm', this.#keyOf(keyId, key, owner), nonce, { authTagLength: TAG_BYTES })
      decipher.setAAD(header).setAuthTag(bytes.subarray(ID_BYTES - TAG_BYTES))
      decipher.update(bytes.subarray(HEADER_BYTES, ID_BYTES - TAG_BYTES))
      decipher.final()
      return owner
    } catch {
      return undefined
    }
  }

  #keyOf(keyId: string, key: Uint8Array, owner: PeerIdString): Uint8Array {
    const name = `${keyId} ${owner}`
    const known = this.#derived.get(name)
    if (known !== undefined) return known
    // RFC 5869; the one who owns a session is the only one whose counter is used with this key.
    const derived = new Uint8Array(hkdfSync('sha256', key, this.#c.group, `vsmcp legacy session ids 1 ${owner}`, 32))
    if (this.#derived.size >= DERIVED_MAX) this.#derived.clear()
    this.#derived.set(name, derived)
    return derived
  }
}

/** Derived keys kept; made anew in microseconds. */
const DERIVED_MAX = 256

function ownerTag(peer: PeerIdString): Buffer {
  return createHash('sha256').update(`vsmcp session owner ${peer}`).digest().subarray(0, OWNER_BYTES)
}
