import { describe, expect, it } from 'vitest'
import { generateIdentity, generateMeshKey, signFirstCharter, verifyChain } from '../src/index.ts'
import { charterBytes, flipped, outcome, thrownBy } from './fixtures.ts'

const meshKey = generateMeshKey()
const founder = generateIdentity().peerId
const signed = signFirstCharter(meshKey, charterBytes(meshKey, [founder]))
const check = (firstCharter = signed, { meshId } = meshKey): string => outcome(verifyChain({ meshId, firstCharter, links: [] }))

describe('the first charter', () => {
  it('is verified by the mesh id alone and says who votes', () => {
    expect(verifyChain({ meshId: meshKey.meshId, firstCharter: signed, links: [] })).toMatchObject({
      ok: true,
      value: { meshId: meshKey.meshId, group: 'root', voters: [founder], epoch: 1, index: 0 },
    })
  })

  it('is refused for another mesh', () => {
    expect(check(signed, generateMeshKey())).toBe('CHARTER_OTHER_MESH')
  })

  it('is refused with the key of another mesh put in', () => {
    expect(check({ ...signed, meshPublicKey: generateMeshKey().publicKey })).toBe('CHARTER_OTHER_MESH')
  })

  it('is refused when any byte of it or of the signature was changed', () => {
    for (let at = 0; at < signed.charter.length; at += 7)
      expect(check({ ...signed, charter: flipped(signed.charter, at) })).toBe('CHARTER_FORGED')
    for (let at = 0; at < 64; at++) expect(check({ ...signed, signature: flipped(signed.signature, at) })).toBe('CHARTER_FORGED')
    expect(check({ ...signed, charter: signed.charter.subarray(0, -1) })).toBe('CHARTER_FORGED')
    expect(check({ ...signed, signature: new Uint8Array() })).toBe('CHARTER_FORGED')
  })

  it('is refused when the mesh key signed it for another purpose', () => {
    expect(check({ ...signed, signature: meshKey.sign(signed.charter) })).toBe('CHARTER_FORGED')
  })

  it('is not signed for another mesh, or when it names no voters', () => {
    const sign = (bytes: Uint8Array) => thrownBy(() => signFirstCharter(meshKey, bytes))
    expect(sign(charterBytes(generateMeshKey(), [founder]))).toBe('CHARTER_OTHER_MESH')
    expect(sign(charterBytes(meshKey, [founder], { meshPublicKey: 'AAAA' }))).toBe('CHARTER_OTHER_MESH')
    expect(sign(charterBytes(meshKey, [founder], { meshId: '0'.repeat(32) }))).toBe('CHARTER_OTHER_MESH')
    expect(sign(charterBytes(meshKey, []))).toBe('CHARTER_MALFORMED')
    expect(sign(charterBytes(meshKey, [founder, founder]))).toBe('CHARTER_MALFORMED')
    expect(sign(charterBytes(meshKey, ['somebody']))).toBe('CHARTER_MALFORMED')
    expect(
      sign(
        charterBytes(
          meshKey,
          Array.from({ length: 8 }, () => generateIdentity().peerId),
        ),
      ),
    ).toBe('CHARTER_MALFORMED')
    expect(sign(charterBytes(meshKey, [founder], { epoch: -1 }))).toBe('CHARTER_MALFORMED')
    expect(sign(charterBytes(meshKey, [founder], { padding: 'x'.repeat(20_000) }))).toBe('CHARTER_MALFORMED')
    expect(sign(new Uint8Array([0xff, 0xfe]))).toBe('CHARTER_MALFORMED')
  })

  it('keeps fields that this version does not know', () => {
    const later = signFirstCharter(meshKey, charterBytes(meshKey, [founder], { later: { than: 'this' } }))
    expect(check(later)).toBe('ok')
  })
})
