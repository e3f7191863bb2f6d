import { createPublicKey } from 'node:crypto'
import fc from 'fast-check'
import { generalVerify } from 'jose'
import { describe, expect, it } from 'vitest'
import {
  CLOCK_SKEW_MS,
  combineCredential,
  type Credential,
  CREDENTIAL_LIFE_MS,
  type CredentialCheck,
  CredentialExpiredError,
  credentialPayload,
  decodeCredential,
  decodeCredentialPayload,
  generateIdentity,
  orThrow,
  signCredential,
  verifyCredential,
} from '../src/index.ts'
import { chainThrough, claimsFor, codeOf, credentialFor, DAY_MS, NOW_MS, outcome, thrownBy, world } from './fixtures.ts'

const of = world()
const [a, b, c, d, e] = of.all as [typeof of.founder, typeof of.founder, typeof of.founder, typeof of.founder, typeof of.founder]
const newcomer = generateIdentity()
const chain = chainThrough(of, [a, b, c])
const genuine = await credentialFor(chain, newcomer, [a, b, c])

const check = (credential: Credential, change: Partial<CredentialCheck> = {}) =>
  verifyCredential({ credential, chain, nowMs: NOW_MS, revocations: [], ...change })
const told = async (credential: Credential, change: Partial<CredentialCheck> = {}): Promise<string> =>
  outcome(await check(credential, change))

describe('a credential', () => {
  it('signed by a majority of the voters says who the node is', async () => {
    expect(orThrow(await check(genuine))).toEqual({
      mesh: of.meshKey.meshId,
      group: 'root',
      sub: newcomer.peerId,
      name: 'node-x',
      zone: 'hall-2',
      role: 'member',
      jti: 'jti-1',
      voterIndex: 10,
      iat: NOW_MS / 1_000,
      exp: (NOW_MS + CREDENTIAL_LIFE_MS) / 1_000,
    })
  })

  it('is a JWS that any implementation verifies', async () => {
    const credential = { payload: genuine.payload, signatures: genuine.signatures.slice(0, 1) }
    const { protectedHeader } = await generalVerify(credential, ({ kid }: { kid?: string }) =>
      createPublicKey({ key: { kty: 'OKP', crv: 'Ed25519', x: xOf(kid) }, format: 'jwk' }),
    )
    expect(protectedHeader).toMatchObject({ alg: 'EdDSA', typ: 'vsmcp-credential+json', kid: a.peerId })
  })

  it('is good with any two of three voters, in any order', async () => {
    for (const signers of [
      [a, b],
      [c, b],
      [a, c],
      [c, b, a],
    ])
      expect(await told(await credentialFor(chain, newcomer, signers))).toBe('ok')
  })

  it('is not made of fewer than a majority', async () => {
    const making = (...signers: (typeof a)[]) => credentialFor(chain, newcomer, signers).then(() => 'ok', codeOf)
    expect(await making()).toBe('CREDENTIAL_SIGNATURES')
    expect(await making(a)).toBe('CREDENTIAL_SIGNATURES')
    expect(await making(a, a, a)).toBe('CREDENTIAL_SIGNATURES')
    expect(await making(a, d, e)).toBe('CREDENTIAL_SIGNATURES')
  })

  it('with signatures taken away, or one there twice, is refused', async () => {
    const [first, second] = genuine.signatures as [Credential['signatures'][number], Credential['signatures'][number]]
    expect(await told({ ...genuine, signatures: [first] })).toBe('CREDENTIAL_SIGNATURES')
    expect(await told({ ...genuine, signatures: [first, first] })).toBe('CREDENTIAL_FORGED')
    expect(await told({ ...genuine, signatures: [first, second] })).toBe('ok')
    expect(await told({ ...genuine, signatures: [] })).toBe('CREDENTIAL_MALFORMED')
    expect(await told({ ...genuine, signatures: Array.from({ length: 8 }, () => first) })).toBe('CREDENTIAL_MALFORMED')
  })

  it('of a newcomer that signs for itself is refused', async () => {
    const payload = credentialPayload(claimsFor(chain, newcomer))
    const own = await signCredential(newcomer, payload)
    expect(await told({ payload: own.payload, signatures: [own] })).toBe('CREDENTIAL_SIGNATURES')
  })

  it('with wrong parts among good ones is put together of the good ones', async () => {
    const payload = credentialPayload(claimsFor(chain, newcomer))
    const [good, other, third] = await Promise.all([a, b, c].map((who) => signCredential(who, payload)))
    if (!good || !other || !third) throw new Error('no parts')
    const foreign = await signCredential(b, credentialPayload(claimsFor(chain, newcomer, { role: 'admin' })))
    const wrong = [{ ...other, signature: good.signature }, foreign, { ...good, protected: 'e30' }, { ...good, payload: '' }]
    const credential = await combineCredential(payload, [...wrong, good, third], chain.voters)
    expect(credential.signatures).toHaveLength(2)
    expect(await told(credential)).toBe('ok')
  })
})

function xOf(kid: string | undefined): string {
  const identity = of.all.find(({ peerId }) => peerId === kid)
  return Buffer.from(identity?.privateKeyProtobuf.subarray(-32) ?? []).toString('base64url')
}

describe('a credential tampered with', () => {
  it.each([
    ['mesh', '0'.repeat(32), 'CREDENTIAL_OTHER_MESH'],
    ['group', 'other', 'CREDENTIAL_OTHER_MESH'],
    ['sub', generateIdentity().peerId, 'CREDENTIAL_FORGED'],
    ['name', 'admin', 'CREDENTIAL_FORGED'],
    ['zone', 'hall-1', 'CREDENTIAL_FORGED'],
    ['role', 'edge', 'CREDENTIAL_FORGED'],
    ['iat', NOW_MS / 1_000 - 1, 'CREDENTIAL_FORGED'],
    ['exp', NOW_MS, 'CREDENTIAL_FORGED'],
    ['jti', 'jti-2', 'CREDENTIAL_FORGED'],
    ['voterIndex', 11, 'CREDENTIAL_VOTERS_UNKNOWN'],
    ['extra', true, 'CREDENTIAL_FORGED'],
  ])('in %s is refused', async (key, value, code) => {
    const claims = { ...JSON.parse(Buffer.from(genuine.payload, 'base64url').toString()), [key]: value }
    const payload = Buffer.from(JSON.stringify(claims)).toString('base64url')
    expect(await told({ ...genuine, payload })).toBe(code)
  })

  it('in any character of payload, header or signature is refused', async () => {
    const change = (text: string, at: number): string => text.slice(0, at) + (text[at] === 'A' ? 'B' : 'A') + text.slice(at + 1)
    const [first, ...rest] = genuine.signatures as [Credential['signatures'][number], ...Credential['signatures']]
    const two = { ...genuine, signatures: [first, ...rest.slice(0, 1)] }
    for (let at = 0; at < two.payload.length; at += 5)
      expect(await told({ ...two, payload: change(two.payload, at) })).not.toBe('ok')
    for (let at = 0; at < first.protected.length; at += 5) {
      const tampered = { ...first, protected: change(first.protected, at) }
      expect(await told({ ...two, signatures: [tampered, ...two.signatures.slice(1)] })).not.toBe('ok')
    }
    for (let at = 0; at < first.signature.length; at += 5) {
      const tampered = { ...first, signature: change(first.signature, at) }
      expect(await told({ ...two, signatures: [tampered, ...two.signatures.slice(1)] })).toBe('CREDENTIAL_FORGED')
    }
  })

  it('in the spelling of base64url alone is refused', async () => {
    const [first, second] = genuine.signatures as [Credential['signatures'][number], Credential['signatures'][number]]
    const last = first.signature.at(-1) ?? ''
    const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'
    const sameBits = alphabet[alphabet.indexOf(last) ^ 1] ?? ''
    const respelt = { ...first, signature: first.signature.slice(0, -1) + sameBits }
    expect(Buffer.from(respelt.signature, 'base64url')).toEqual(Buffer.from(first.signature, 'base64url'))
    expect(await told({ ...genuine, signatures: [respelt, second] })).toBe('CREDENTIAL_FORGED')
  })

  it.each([
    ['no algorithm', { alg: 'none', typ: 'vsmcp-credential+json', kid: a.peerId }],
    ['another algorithm', { alg: 'HS256', typ: 'vsmcp-credential+json', kid: a.peerId }],
    ['another purpose', { alg: 'EdDSA', typ: 'JWT', kid: a.peerId }],
    ['no purpose', { alg: 'EdDSA', kid: a.peerId }],
    ['a key of its own', { alg: 'EdDSA', typ: 'vsmcp-credential+json', kid: a.peerId, jwk: {} }],
  ])('with a header of %s is refused, even signed so by the voters', async (_what, header) => {
    const { payload } = genuine
    const signatures = [a, b].map((voter) => {
      const protectedHeader = Buffer.from(JSON.stringify({ ...header, kid: voter.peerId })).toString('base64url')
      const signature = voter.sign(Buffer.from(`${protectedHeader}.${payload}`))
      return { protected: protectedHeader, signature: Buffer.from(signature).toString('base64url') }
    })
    expect(await told({ payload, signatures })).toBe('CREDENTIAL_SIGNATURES')
  })
})

describe('the time of a credential', () => {
  it('is 90 days unless told otherwise, with 5 minutes for clocks that differ', async () => {
    const end = NOW_MS + 90 * DAY_MS
    expect(await told(genuine, { nowMs: end })).toBe('ok')
    expect(await told(genuine, { nowMs: end + CLOCK_SKEW_MS - 1 })).toBe('ok')
    expect(await told(genuine, { nowMs: end + CLOCK_SKEW_MS })).toBe('CREDENTIAL_EXPIRED')
    expect(await told(genuine, { nowMs: NOW_MS - CLOCK_SKEW_MS })).toBe('ok')
    expect(await told(genuine, { nowMs: NOW_MS - CLOCK_SKEW_MS - 1 })).toBe('CREDENTIAL_NOT_YET_VALID')
  })

  it('is the one asked for', async () => {
    const short = await credentialFor(chain, newcomer, [a, b], { lifeMs: DAY_MS })
    expect(await told(short, { nowMs: NOW_MS + DAY_MS })).toBe('ok')
    expect(await told(short, { nowMs: NOW_MS + DAY_MS + CLOCK_SKEW_MS })).toBe('CREDENTIAL_EXPIRED')
  })

  it('being over is told only of a genuine one, with its claims', async () => {
    const nowMs = NOW_MS + 365 * DAY_MS
    const verdict = await check(genuine, { nowMs })
    const error = verdict.ok ? undefined : verdict.error
    expect(error).toBeInstanceOf(CredentialExpiredError)
    expect(error instanceof CredentialExpiredError && error.claims.sub).toBe(newcomer.peerId)
    const [first] = genuine.signatures as [Credential['signatures'][number]]
    expect(await told({ ...genuine, signatures: [first] }, { nowMs })).toBe('CREDENTIAL_SIGNATURES')
  })
})

describe('a revocation', () => {
  it('takes back all of a peer, or one credential, and no other', async () => {
    expect(await told(genuine, { revocations: [{ peer: newcomer.peerId }] })).toBe('CREDENTIAL_REVOKED')
    expect(await told(genuine, { revocations: [{ jti: 'jti-0' }, { jti: 'jti-1' }] })).toBe('CREDENTIAL_REVOKED')
    expect(await told(genuine, { revocations: [{ jti: 'jti-0' }, { peer: a.peerId }] })).toBe('ok')
  })

  it('is told before the time: a revoked credential is not renewed', async () => {
    expect(await told(genuine, { revocations: [{ peer: newcomer.peerId }], nowMs: NOW_MS + 365 * DAY_MS })).toBe(
      'CREDENTIAL_REVOKED',
    )
  })
})

describe('a credential of earlier voters', () => {
  const later = chainThrough(of, [a, b, c], [c, d, e])

  it('stays valid under a longer chain', async () => {
    expect(await told(genuine, { chain: later })).toBe('ok')
  })

  it('is not valid once its voters no longer vouch', async () => {
    expect(await told(genuine, { chain: later, oldestVoterIndex: 10 })).toBe('ok')
    expect(await told(genuine, { chain: later, oldestVoterIndex: 11 })).toBe('CREDENTIAL_VOTERS_UNKNOWN')
  })

  it('cannot be signed by others than the voters of the index it names', async () => {
    const payload = credentialPayload(claimsFor(later, newcomer))
    const parts = await Promise.all([a, b].map((who) => signCredential(who, payload)))
    const claimed = { payload: parts[0]?.payload ?? '', signatures: parts }
    expect(await told(claimed, { chain: later })).toBe('CREDENTIAL_SIGNATURES')
  })

  it('is refused by who does not know its voters yet', async () => {
    const credential = await credentialFor(later, newcomer, [c, d, e])
    expect(await told(credential, { chain: later })).toBe('ok')
    expect(await told(credential)).toBe('CREDENTIAL_VOTERS_UNKNOWN')
  })

  it('of another mesh with voters of the same names is refused', async () => {
    const foreign = world(2)
    const theirs = chainThrough(foreign, [foreign.founder, ...foreign.others])
    expect(await told(await credentialFor(theirs, newcomer, foreign.all))).toBe('CREDENTIAL_OTHER_MESH')
  })
})

describe('decoding', () => {
  it.each([
    ['a name that cannot be shown', { name: 'red\u001b[31m' }],
    ['a name that reads backwards', { name: 'abc\u202etxt' }],
    ['no name', { name: '' }],
    ['a name too long', { name: 'x'.repeat(65) }],
    ['a role that is none', { role: 'Root User' }],
    ['no PeerId', { sub: 'me' }],
    ['no life', { lifeMs: 0 }],
    ['a life that is no number', { lifeMs: Number.NaN }],
    ['an id too long', { jti: 'x'.repeat(65) }],
  ])('refuses claims with %s', (_what, change) => {
    expect(thrownBy(() => credentialPayload(claimsFor(chain, newcomer, change)))).toBe('CREDENTIAL_MALFORMED')
  })

  it('of claims throws nothing but CredentialMalformedError, whatever the bytes', () => {
    fc.assert(
      fc.property(
        fc.oneof(
          fc.uint8Array(),
          fc.jsonValue().map((value) => Buffer.from(JSON.stringify(value))),
        ),
        (bytes) => {
          expect(thrownBy(() => decodeCredentialPayload(bytes))).toBe('CREDENTIAL_MALFORMED')
        },
      ),
      { seed: 1, numRuns: 300 },
    )
  })

  it('of a credential throws nothing but CredentialMalformedError, and verifying one never throws', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.oneof(
          fc.jsonValue(),
          fc.record({
            payload: fc.oneof(fc.string(), fc.base64String(), fc.constant(genuine.payload)),
            signatures: fc.array(
              fc.record({
                protected: fc.oneof(fc.string(), fc.constantFrom(...genuine.signatures.map((signature) => signature.protected))),
                signature: fc.oneof(
                  fc.string(),
                  fc.string({ minLength: 86, maxLength: 86, unit: fc.constantFrom('A', '_', 'z') }),
                ),
              }),
            ),
          }),
        ),
        async (value) => {
          expect(['ok', 'CREDENTIAL_MALFORMED']).toContain(thrownBy(() => decodeCredential(value)))
          expect(await told(value as unknown as Credential)).not.toBe('ok')
        },
      ),
      { seed: 2, numRuns: 300 },
    )
  })
})
