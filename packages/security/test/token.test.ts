import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  checkInvitation,
  createInvitation,
  decodeToken,
  encodeToken,
  generateIdentity,
  type Invitation,
  type InvitationInit,
  TokenCutShortError,
  TokenMistypedError,
  verifierOf,
} from '../src/index.ts'
import { TOKEN_LENGTH_MAX } from '../src/constants.ts'
import { chainThrough, DAY_MS, NOW_MS, thrownBy, world } from './fixtures.ts'

const of = world(2)
const chain = chainThrough(of, of.all)
const inviter = of.founder.peerId
const make = (change: Partial<InvitationInit> = {}) =>
  createInvitation({
    chain,
    zone: '',
    role: 'member',
    expiresAtMs: NOW_MS + DAY_MS,
    addresses: [`/ip4/192.168.1.10/tcp/4950/p2p/${inviter}`, '/dns4/node.example/tcp/4950'],
    inviters: [inviter],
    ...change,
  })
const { invitation, token, verifier } = make()

describe('an invitation token', () => {
  it('holds what the joiner needs and says nothing else', () => {
    expect(decodeToken(token)).toEqual(invitation)
    expect(invitation).toMatchObject({ meshId: chain.meshId, group: 'root', uses: 1, newestEra: chain.eras.at(-1)?.digest })
    expect(invitation.secret).toHaveLength(32)
    expect(invitation.id).toMatch(/^[0-9a-f]{32}$/)
  })

  it('is text that can be pasted anywhere, and not long', () => {
    expect(token).toMatch(/^vsmcp1_[A-Za-z0-9_-]+$/)
    expect(token.length).toBeLessThan(350)
  })

  it('has another id and secret each time, and the verifier of its secret', () => {
    const other = make()
    expect(other.invitation.id).not.toBe(invitation.id)
    expect(Buffer.from(other.invitation.secret)).not.toEqual(Buffer.from(invitation.secret))
    expect(Buffer.from(verifier)).toEqual(Buffer.from(verifierOf(invitation.secret)))
    expect(Buffer.from(verifier)).not.toEqual(Buffer.from(invitation.secret))
  })

  it('survives white space that mail programs add', () => {
    const wrapped = ` ${token.slice(0, 40)}\r\n  ${token.slice(40, 90)}\n${token.slice(90)}\t`
    expect(decodeToken(wrapped)).toEqual(invitation)
  })

  it('takes the first of too many addresses and inviters, and at all its bounds is still a token', () => {
    const inviters = Array.from({ length: 9 }, () => generateIdentity().peerId)
    const addresses = Array.from({ length: 9 }, (_, at) => `/dns4/${String(at).repeat(250)}`)
    const made = make({ zone: '好'.repeat(64), role: 'r'.repeat(32), uses: 10_000, inviters, addresses })
    expect(made.invitation.addresses).toEqual(addresses.slice(0, 8))
    expect(made.invitation.inviters).toEqual(inviters.slice(0, 8))
    expect(made.token.length).toBeLessThanOrEqual(TOKEN_LENGTH_MAX)
    expect(decodeToken(made.token)).toEqual(made.invitation)
  })

  it.each([
    ['no address', { addresses: [] }],
    ['no inviter', { inviters: [] }],
    ['an inviter that is no PeerId', { inviters: ['me'] }],
    ['an address that is none', { addresses: ['localhost'] }],
    ['no uses', { uses: 0 }],
    ['too many uses', { uses: 10_001 }],
    ['half a millisecond', { expiresAtMs: 1.5 }],
    ['a role that is none', { role: '' }],
  ])('with %s is not made', (_what, change) => {
    expect(thrownBy(() => make(change))).toBe('TOKEN_MALFORMED')
  })

  it('of any invitation decodes to the same', () => {
    const peers = Array.from({ length: 4 }, () => generateIdentity().peerId)
    const hex = (bytes: number) =>
      fc.uint8Array({ minLength: bytes, maxLength: bytes }).map((raw) => Buffer.from(raw).toString('hex'))
    const address = fc.oneof(
      fc.constantFrom('/ip4/1.2.3.4/tcp/1', `/ip6/::1/tcp/2/p2p/${peers[0]}`, `/dns4/x/tcp/3/p2p/${peers[3]}`),
      fc.string({ unit: fc.constantFrom('/', 'a', '.', '~', '!') }).map((text) => `/x${text}`),
    )
    fc.assert(
      fc.property(
        fc.record<Invitation>({
          meshId: hex(16),
          newestEra: hex(32),
          id: hex(16),
          secret: fc.uint8Array({ minLength: 32, maxLength: 32 }),
          group: fc.constantFrom('root', 'G_1-x', 'a'.repeat(64)),
          zone: fc.constantFrom('', 'hall', '好 ö'),
          role: fc.constantFrom('member', 'edge'),
          uses: fc.integer({ min: 1, max: 10_000 }),
          expiresAtMs: fc.integer({ min: 0, max: 2 ** 48 - 1 }),
          addresses: fc.array(address, { minLength: 1, maxLength: 8 }),
          inviters: fc.subarray(peers, { minLength: 1 }),
        }),
        (sample) => {
          expect(decodeToken(encodeToken(sample))).toEqual(sample)
        },
      ),
      { seed: 1 },
    )
  })
})

describe('a token that went wrong', () => {
  it('cut short anywhere is called cut short, never anything else', () => {
    for (let length = 1; length < token.length; length++) {
      expect(
        thrownBy(() => decodeToken(token.slice(0, length))),
        `${length} characters`,
      ).toBe('TOKEN_CUT_SHORT')
    }
    expect(() => decodeToken(token.slice(0, -8))).toThrow(TokenCutShortError)
    expect(() => decodeToken(token.slice(0, -8))).toThrow(/about 8 characters are missing/)
  })

  it('mistyped in any character is called mistyped, and a foreign character is shown with its place', () => {
    for (let at = 'vsmcp1_'.length; at < token.length; at++) {
      const typed = token.slice(0, at) + (token[at] === 'x' ? 'y' : 'x') + token.slice(at + 1)
      // The first three characters hold the length: too large a one looks like a token cut short.
      const allowed = at < 10 ? ['TOKEN_MISTYPED', 'TOKEN_CUT_SHORT'] : ['TOKEN_MISTYPED']
      expect(allowed, `character ${at}`).toContain(thrownBy(() => decodeToken(typed)))
    }
    expect(() => decodeToken(`${token.slice(0, 20)}…${token.slice(21)}`)).toThrow(TokenMistypedError)
    expect(() => decodeToken(`${token.slice(0, 20)}…${token.slice(21)}`)).toThrow(
      'character 21 of the invitation token cannot be part of it: "…"',
    )
    expect(thrownBy(() => decodeToken(`${token}AAAA`))).toBe('TOKEN_MISTYPED')
  })

  it('is told from other text and from later forms', () => {
    for (const text of ['', 'hello', 'eyJhbGciOiJFZERTQSJ9', token.slice(1), token.toUpperCase(), `x${token}`]) {
      expect(
        thrownBy(() => decodeToken(text)),
        text,
      ).toBe('TOKEN_MALFORMED')
    }
    expect(() => decodeToken(token.replace('vsmcp1_', 'vsmcp2_'))).toThrow(/a form this version does not know \(vsmcp2\)/)
    expect(thrownBy(() => decodeToken(`vsmcp1_${'A'.repeat(TOKEN_LENGTH_MAX)}`))).toBe('TOKEN_MALFORMED')
  })

  it('of any kind gives one of the three errors, each with a hint', () => {
    fc.assert(
      fc.property(fc.string(), fc.base64String(), fc.uint8Array({ maxLength: 400 }), (text, base64, bytes) => {
        for (const sample of [text, `vsmcp1_${base64}`, `vsmcp1_${Buffer.from(bytes).toString('base64url')}`]) {
          expect(() => decodeToken(sample)).toThrow(
            expect.objectContaining({
              code: expect.stringMatching(/^VSMCP_SECURITY_TOKEN_(MALFORMED|CUT_SHORT|MISTYPED)$/),
              hint: expect.any(String),
            }),
          )
        }
      }),
      { seed: 2, numRuns: 500 },
    )
  })

  it('with a good checksum over nonsense is refused by its fields', async () => {
    const { createHash } = await import('node:crypto')
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), (body) => {
        const counted = Buffer.concat([Buffer.from([body.length >> 8, body.length & 255]), body])
        const sum = createHash('sha256').update(counted).digest().subarray(0, 4)
        expect(thrownBy(() => decodeToken(`vsmcp1_${Buffer.concat([counted, sum]).toString('base64url')}`))).toBe(
          'TOKEN_MALFORMED',
        )
      }),
      { seed: 3, numRuns: 300 },
    )
  })
})

describe('an invitation looked at before dialing', () => {
  it('is refused when its time is over, with 5 minutes for clocks that differ', () => {
    const at = (nowMs: number): string => thrownBy(() => checkInvitation(invitation, { nowMs }))
    expect(at(invitation.expiresAtMs)).toBe('ok')
    expect(at(invitation.expiresAtMs + 299_999)).toBe('ok')
    expect(at(invitation.expiresAtMs + 300_000)).toBe('TOKEN_EXPIRED')
  })

  it('is refused by a node of another mesh', () => {
    expect(thrownBy(() => checkInvitation(invitation, { nowMs: NOW_MS, meshId: chain.meshId }))).toBe('ok')
    expect(thrownBy(() => checkInvitation(invitation, { nowMs: NOW_MS, meshId: '0'.repeat(32) }))).toBe('TOKEN_OTHER_MESH')
  })
})
