import { chmod, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { inspect } from 'node:util'
import { generateKeyPair, privateKeyFromProtobuf, privateKeyToProtobuf } from '@libp2p/crypto/keys'
import { peerIdFromPrivateKey, peerIdFromString } from '@libp2p/peer-id'
import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import {
  generateIdentity,
  generateMeshKey,
  identityFromProtobuf,
  loadIdentity,
  loadMeshKey,
  meshIdOf,
  saveIdentity,
  saveMeshKey,
  verify,
  withLabel,
} from '../src/index.ts'
import { codeOf, flipped } from './fixtures.ts'

const bytes = new TextEncoder().encode('said by me')

describe('an identity', () => {
  const identity = generateIdentity()

  it('is the libp2p key of its PeerId', () => {
    const libp2p = privateKeyFromProtobuf(identity.privateKeyProtobuf)
    expect(peerIdFromPrivateKey(libp2p).toString()).toBe(identity.peerId)
    expect(identity.peerId).toMatch(/^12D3KooW/)
  })

  it('signs as libp2p does, both ways', async () => {
    const libp2p = privateKeyFromProtobuf(identity.privateKeyProtobuf)
    expect(Buffer.from(identity.sign(bytes))).toEqual(Buffer.from(await libp2p.sign(bytes)))
    expect(await libp2p.publicKey.verify(bytes, identity.sign(bytes))).toBe(true)
    expect(verify(identity.peerId, bytes, await libp2p.sign(bytes))).toBe(true)
  })

  it('takes a key that libp2p made', async () => {
    const made = await generateKeyPair('Ed25519')
    expect(identityFromProtobuf(privateKeyToProtobuf(made)).peerId).toBe(peerIdFromPrivateKey(made).toString())
  })

  it('shows its private key neither in JSON nor to inspect', () => {
    const shown = JSON.stringify(identity) + inspect(identity, { depth: 9, showHidden: true })
    expect(JSON.parse(JSON.stringify(identity))).toEqual({ peerId: identity.peerId })
    const seed = Buffer.from(privateKeyFromProtobuf(identity.privateKeyProtobuf).raw.subarray(0, 32))
    expect(shown).not.toContain(seed.toString('base64url'))
    expect(shown).not.toContain(seed.toString('hex'))
  })

  it('refuses a key of another kind, and one whose halves do not belong together', async () => {
    expect(() => identityFromProtobuf(new Uint8Array([1, 2, 3]))).toThrow()
    const secp256k1 = privateKeyToProtobuf(await generateKeyPair('secp256k1'))
    expect(() => identityFromProtobuf(secp256k1)).toThrow(/secp256k1/)
    const mixed = Uint8Array.from(identity.privateKeyProtobuf)
    mixed.set(generateIdentity().privateKeyProtobuf.subarray(-32), mixed.length - 32)
    expect(() => identityFromProtobuf(mixed)).toThrow(/public half/)
  })
})

describe('verify', () => {
  const identity = generateIdentity()
  const signature = identity.sign(bytes)

  it('accepts the one signature over these bytes of this peer', () => {
    expect(verify(identity.peerId, bytes, signature)).toBe(true)
    expect(verify(generateIdentity().peerId, bytes, signature)).toBe(false)
    expect(verify(identity.peerId, flipped(bytes), signature)).toBe(false)
    expect(verify(identity.peerId, bytes.subarray(1), signature)).toBe(false)
  })

  it('refuses any bit changed in the signature', () => {
    for (let at = 0; at < signature.length; at++) {
      for (const mask of [1, 128]) expect(verify(identity.peerId, bytes, flipped(signature, at, mask))).toBe(false)
    }
  })

  it('says no, and nothing worse, to whatever it is given', () => {
    fc.assert(
      fc.property(fc.string(), fc.uint8Array(), fc.uint8Array({ maxLength: 80 }), (peer, message, sig) => {
        expect(verify(peer, message, sig)).toBe(false)
        expect(verify(identity.peerId, message, sig)).toBe(false)
      }),
      { seed: 1 },
    )
    const otherSpelling = peerIdFromString(identity.peerId).toCID().toString()
    for (const peer of [
      otherSpelling,
      '',
      identity.peerId.slice(0, -1),
      `${identity.peerId}x`,
      ` ${identity.peerId}`,
      '12D3KooW',
    ]) {
      expect(verify(peer, bytes, signature)).toBe(false)
    }
  })

  it('keeps purposes apart by their label', () => {
    const labelled = identity.sign(withLabel('a', bytes))
    expect(verify(identity.peerId, withLabel('a', bytes), labelled)).toBe(true)
    expect(verify(identity.peerId, withLabel('b', bytes), labelled)).toBe(false)
    expect(Buffer.from(withLabel('a', bytes))).not.toEqual(Buffer.from(withLabel('as', bytes.subarray(1))))
  })
})

describe('a mesh key', () => {
  it('names the mesh by the first 16 bytes of the SHA-256 of its raw public key', () => {
    const key = generateMeshKey()
    expect(key.publicKey).toHaveLength(32)
    expect(key.meshId).toBe(meshIdOf(key.publicKey))
    // sha256 of 32 zero bytes
    expect(meshIdOf(new Uint8Array(32))).toBe('66687aadf862bd776c8fc18b8e9f8e20')
    expect(JSON.parse(JSON.stringify(key))).toEqual({ meshId: key.meshId })
  })
})

describe('a key file', () => {
  let directory = ''
  beforeAll(async () => {
    directory = await mkdtemp(join(tmpdir(), 'vsmcp-keys-'))
  })
  afterAll(() => rm(directory, { recursive: true }))

  it('gives back the identity that was saved, and only its owner may read it', async () => {
    const file = join(directory, 'identity.key')
    const identity = generateIdentity()
    await saveIdentity(file, identity)
    expect((await stat(file)).mode & 0o777).toBe(0o600)
    const loaded = await loadIdentity(file)
    expect(loaded.peerId).toBe(identity.peerId)
    expect(verify(identity.peerId, bytes, loaded.sign(bytes))).toBe(true)
    expect(await readdir(directory)).toEqual(['identity.key'])
  })

  it('gives back the mesh key that was saved', async () => {
    const file = join(directory, 'mesh.key')
    const key = generateMeshKey()
    await saveMeshKey(file, key)
    expect((await loadMeshKey(file)).meshId).toBe(key.meshId)
  })

  it('is never overwritten', async () => {
    const file = join(directory, 'kept.key')
    await saveIdentity(file, generateIdentity())
    const before = await readFile(file)
    await expect(saveIdentity(file, generateIdentity())).rejects.toMatchObject({ code: 'VSMCP_SECURITY_KEY_EXISTS' })
    expect(await readFile(file)).toEqual(before)
    expect((await readdir(directory)).filter((name) => name.endsWith('.tmp'))).toEqual([])
  })

  it('is refused when others may read it, with the command that mends it', async () => {
    const file = join(directory, 'open.key')
    await saveIdentity(file, generateIdentity())
    for (const mode of [0o640, 0o604, 0o620, 0o601]) {
      await chmod(file, mode)
      await expect(loadIdentity(file)).rejects.toMatchObject({
        code: 'VSMCP_SECURITY_KEY_EXPOSED',
        hint: expect.stringContaining(`chmod 600 '${file}'`),
      })
    }
  })

  it('is refused when it is missing, empty, cut short, too large or anything else', async () => {
    const file = join(directory, 'bad.key')
    await expect(loadIdentity(file)).rejects.toMatchObject({ code: 'VSMCP_SECURITY_KEY_MISSING' })
    const whole = generateIdentity().privateKeyProtobuf
    const samples = [
      new Uint8Array(),
      whole.subarray(0, -1),
      whole.subarray(1),
      Buffer.from('-----BEGIN KEY-----'),
      new Uint8Array(2_000),
    ]
    for (const sample of samples) {
      await writeFile(file, sample, { mode: 0o600 })
      expect(await loadIdentity(file).then(() => 'ok', codeOf)).toBe('KEY_MALFORMED')
    }
  })
})
