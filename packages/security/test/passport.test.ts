import { randomBytes } from 'node:crypto'
import { deflateRawSync, inflateRawSync } from 'node:zlib'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  bundleOf,
  type Chain,
  decodePassport,
  encodePassport,
  extendChain,
  generateIdentity,
  groupsShown,
  type Identity,
  orThrow,
  type Papers,
  type Passport,
  PASSPORT_BYTES_MAX,
  type PassportCheck,
  passportsIn,
  verifyChain,
  verifyPassport,
  type VoterEra,
} from '../src/index.ts'
import {
  chainBelow,
  chainThrough,
  credentialFor,
  flipped,
  linkTo,
  NOW_MS,
  outcome,
  passportOf,
  thrownBy,
  world,
} from './fixtures.ts'

const of = world()
const [a, b, c, d, e] = of.all as [typeof of.founder, typeof of.founder, typeof of.founder, typeof of.founder, typeof of.founder]
const member = generateIdentity()
const short = chainThrough(of, [a, b, c])
const long = chainThrough(of, [a, b, c], [b, c, d])
const fork = orThrow(extendChain(short, linkTo(of, short, [a, b, e])))
const shortCredential = await credentialFor(short, member, [a, b, c])
const longCredential = await credentialFor(long, member, [b, c, d])

const shows = (chain: Chain, credential = shortCredential, change: Partial<PassportCheck> = {}, peer = member.peerId) =>
  verifyPassport(peer, encodePassport(passportOf(chain, credential)), {
    meshId: of.meshKey.meshId,
    nowMs: NOW_MS,
    revocations: [],
    ...change,
  })
const told = async (...args: Parameters<typeof shows>): Promise<string> => outcome(await shows(...args))

describe('a passport', () => {
  it('arrives as it was sent', () => {
    const passport = passportOf(long, longCredential)
    expect(decodePassport(encodePassport(passport))).toEqual(passport)
  })

  it('shown by its owner gives its claims, and is verified by the mesh id alone', async () => {
    const verified = orThrow(await shows(long, longCredential))
    expect(verified.claims.sub).toBe(member.peerId)
    expect(verified.chain).toEqual(long)
    expect(verified.extendsKnown).toBe(false)
  })

  it('shown by somebody else is refused', async () => {
    expect(await told(short, shortCredential, {}, generateIdentity().peerId)).toBe('PASSPORT_FOREIGN')
  })

  it('of another mesh is refused', async () => {
    const foreign = world(0)
    const credential = await credentialFor(foreign.chain, member, [foreign.founder])
    expect(await told(foreign.chain, credential)).toBe('CHARTER_OTHER_MESH')
    expect(await told(foreign.chain, credential, { knownChain: short })).toBe('CHARTER_OTHER_MESH')
    expect(await told(short, credential, { knownChain: short })).toBe('CREDENTIAL_OTHER_MESH')
  })

  it('of who was revoked, or whose time is over, is refused', async () => {
    expect(await told(short, shortCredential, { revocations: [{ peer: member.peerId }] })).toBe('CREDENTIAL_REVOKED')
    expect(await told(short, shortCredential, { nowMs: NOW_MS * 2 })).toBe('CREDENTIAL_EXPIRED')
    expect(await told(long, shortCredential, { oldestVoterIndex: 20 })).toBe('CREDENTIAL_VOTERS_UNKNOWN')
  })

  it('with more addresses than allowed shows the first of them', () => {
    const addresses = Array.from({ length: 20 }, (_, at) => `/ip4/10.0.0.${at}/tcp/4950`)
    expect(decodePassport(encodePassport(passportOf(short, shortCredential, { addresses }))).addresses).toEqual(
      addresses.slice(0, 16),
    )
  })

  it.each([
    ['a name that cannot be shown', { name: 'x\n' }],
    ['an address that is none', { addresses: ['10.0.0.1:4950'] }],
    ['an address too long', { addresses: [`/dns4/${'x'.repeat(300)}`] }],
    ['a wire range turned round', { wire: { min: 2, max: 1, level: 1 } }],
    ['a version that is none', { version: '' }],
  ])('with %s cannot be made', (_what, change) => {
    expect(thrownBy(() => encodePassport(passportOf(short, shortCredential, change)))).toBe('PASSPORT_MALFORMED')
  })
})

describe('chains of two nodes that meet', () => {
  it('the same: nothing new', async () => {
    const verified = orThrow(await shows(short, shortCredential, { knownChain: short }))
    expect(verified.chain).toBe(short)
    expect(verified.extendsKnown).toBe(false)
  })

  it('the longer one shown: it is learned', async () => {
    const verified = orThrow(await shows(long, longCredential, { knownChain: short }))
    expect(verified.chain).toEqual(long)
    expect(verified.extendsKnown).toBe(true)
  })

  it('the longer one known: it stays, and the credential is judged by it', async () => {
    const verified = orThrow(await shows(short, shortCredential, { knownChain: long }))
    expect(verified.chain).toBe(long)
    expect(verified.extendsKnown).toBe(false)
    expect(await told(short, longCredential, { knownChain: long })).toBe('ok')
  })

  it('a credential ahead of both chains is refused', async () => {
    expect(await told(short, longCredential, { knownChain: short })).toBe('CREDENTIAL_VOTERS_UNKNOWN')
  })

  it('two that contradict each other, both genuine: refused as a fork', async () => {
    expect(await told(fork, shortCredential, { knownChain: long })).toBe('CHAIN_FORKED')
    expect(await told(long, shortCredential, { knownChain: fork })).toBe('CHAIN_FORKED')
  })

  it('one that differs and is not genuine: refused as forged', async () => {
    const [first, second] = fork.links
    if (!first || !second) throw new Error('no links')
    const forged = { ...second, signatures: second.signatures.map((entry) => ({ ...entry, signature: new Uint8Array(64) })) }
    expect(await told({ ...fork, links: [first, forged] }, shortCredential, { knownChain: long })).toBe('LINK_FORGED')
    expect(await told({ ...fork, links: [first, forged] }, shortCredential, { knownChain: short })).toBe('LINK_FORGED')
  })

  it('two first charters of one mesh key: refused as a fork', async () => {
    const { signFirstCharter } = await import('../src/index.ts')
    const { charterBytes } = await import('./fixtures.ts')
    const other = signFirstCharter(of.meshKey, charterBytes(of.meshKey, [b.peerId]))
    const chain = orThrow(verifyChain({ meshId: of.meshKey.meshId, firstCharter: other, links: [] }))
    expect(await told(chain, shortCredential, { knownChain: short })).toBe('CHAIN_FORKED')
    const forged = { ...other, signature: flipped(other.signature) }
    expect(await told({ ...chain, firstCharter: forged }, shortCredential, { knownChain: short })).toBe('CHARTER_FORGED')
  })

  it('links known already need no signatures, those beyond do', async () => {
    const bare = { ...short, links: short.links.map((link) => ({ ...link, signatures: [] })) }
    expect(await told(bare, shortCredential, { knownChain: long })).toBe('ok')
    expect(await told(bare, shortCredential, { knownChain: of.chain })).toBe('LINK_SIGNATURES')
  })
})

describe('decoding', () => {
  const bytes = encodePassport(passportOf(long, longCredential))
  const wire = JSON.parse(inflateRawSync(bytes.subarray(1)).toString()) as Record<string, unknown>
  const packed = (value: unknown): Uint8Array => Buffer.concat([Uint8Array.of(1), deflateRawSync(JSON.stringify(value))])

  it('throws nothing but PassportMalformedError, whatever the bytes', async () => {
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ maxLength: 300 }), fc.jsonValue(), async (noise, value) => {
        for (const sample of [noise, Uint8Array.of(1, ...noise), packed(value)]) {
          expect(thrownBy(() => decodePassport(sample))).toBe('PASSPORT_MALFORMED')
          const verdict = await verifyPassport(member.peerId, sample, {
            meshId: of.meshKey.meshId,
            nowMs: NOW_MS,
            revocations: [],
          })
          expect(outcome(verdict)).toBe('PASSPORT_MALFORMED')
        }
      }),
      { seed: 1, numRuns: 200 },
    )
  })

  it('refuses every field when it is missing or of another kind', () => {
    const paths = fieldsOf(wire)
    expect(paths.length).toBeGreaterThan(20)
    for (const path of paths) {
      for (const wrong of [undefined, null, 17.5, true, { x: 1 }, 'é\u0000'.repeat(9_000)]) {
        const copy = structuredClone(wire)
        put(copy, path, wrong)
        expect(
          thrownBy(() => decodePassport(packed(copy))),
          `${path.join('.')} = ${typeof wrong}`,
        ).toBe('PASSPORT_MALFORMED')
      }
    }
  })

  it('cut short or changed in any byte, it is refused or still the same claims', async () => {
    const check = { meshId: of.meshKey.meshId, nowMs: NOW_MS, revocations: [], knownChain: short }
    for (let length = 0; length < bytes.length; length += 11) {
      expect(thrownBy(() => decodePassport(bytes.subarray(0, length)))).toBe('PASSPORT_MALFORMED')
    }
    for (let at = 0; at < bytes.length; at += 3) {
      const verdict = await verifyPassport(member.peerId, flipped(bytes, at, 4), check)
      if (verdict.ok) expect(verdict.value.claims).toEqual(orThrow(await shows(long, longCredential)).claims)
    }
  })

  it('refuses what is too large, and a form of a later version by its number', () => {
    expect(thrownBy(() => decodePassport(new Uint8Array(PASSPORT_BYTES_MAX + 1)))).toBe('PASSPORT_MALFORMED')
    expect(() => decodePassport(Uint8Array.of(9, 1, 2))).toThrow(/form 9/)
  })

  it('leaves out fields of a later version', () => {
    expect(decodePassport(packed({ ...wire, later: { x: 1 } }))).toEqual(passportOf(long, longCredential))
  })
})

/** Paths of all fields, into the first item of every list. */
function fieldsOf(value: unknown, path: string[] = []): string[][] {
  if (typeof value !== 'object' || value === null) return []
  const entries = Array.isArray(value) ? Object.entries(value).slice(0, 1) : Object.entries(value)
  return entries.flatMap(([key, inner]) => {
    const own = Array.isArray(value) && typeof inner === 'string' ? [] : [[...path, key]]
    return [...own, ...fieldsOf(inner, [...path, key])]
  })
}

function put(target: unknown, path: readonly string[], value: unknown): void {
  const [key, ...rest] = path
  if (typeof target !== 'object' || target === null || key === undefined) return
  const record = target as Record<string, unknown>
  if (rest.length === 0) record[key] = value
  else put(record[key], rest, value)
}

describe('papers of further seats', () => {
  const plant = chainBelow(long, [b, c, d], 'plant', e)
  const line = chainBelow(plant, [e], 'line', a)
  const foreign = chainBelow(long, [b, c, d], 'foreign', a)
  const papersOf = async (chain: Chain, signer: Identity, holder = member): Promise<Papers> => {
    const { firstCharter, links } = chain
    return { credential: await credentialFor(chain, holder, [signer]), firstCharter, links }
  }
  const check = (change: Partial<PassportCheck> = {}): PassportCheck => ({
    meshId: of.meshKey.meshId,
    nowMs: NOW_MS,
    revocations: [],
    ...change,
  })
  const passport = async (...others: Promise<Papers>[]): Promise<Passport> =>
    passportOf(long, longCredential, { others: await Promise.all(others) })

  it('are shown beside those of its home, and each group verifies its own', async () => {
    const shown = await passport(papersOf(plant, e), papersOf(line, a))
    const bytes = encodePassport(shown)
    expect(decodePassport(bytes)).toEqual(shown)
    expect(groupsShown(shown)).toEqual(['root', plant.group, line.group])
    const verified = orThrow(await verifyPassport(member.peerId, bytes, check({ group: line.group })))
    expect(verified).toMatchObject({
      claims: { group: line.group },
      chain: line,
      passport: { name: 'node-x', firstCharter: line.firstCharter },
    })
    expect(orThrow(await verifyPassport(member.peerId, bytes, check())).claims.group).toBe('root')
    const known = check({ group: plant.group, knownChain: plant })
    expect(orThrow(await verifyPassport(member.peerId, bytes, known)).chain).toBe(plant)
    expect(outcome(await verifyPassport(member.peerId, bytes, check({ group: foreign.group })))).toBe('PASSPORT_OTHER_GROUP')
  })

  it('are read by nobody who has no seat there: what they say of others costs and changes nothing', async () => {
    const papers = await papersOf(plant, e)
    const forged = { ...papers, firstCharter: { ...papers.firstCharter, charter: flipped(papers.firstCharter.charter, 40) } }
    const bytes = encodePassport(passportOf(long, longCredential, { others: [forged] }))
    expect(outcome(await verifyPassport(member.peerId, bytes, check({ knownChain: long })))).toBe('ok')
    expect(outcome(await verifyPassport(member.peerId, bytes, check({ group: plant.group })))).toMatch(/^(CHARTER|GROUP_GRANT)_/)
  })

  it("of somebody else, of another group under this one's name, or signed by voters of another group are refused", async () => {
    const ofPlant = async (papers: Papers, change: Partial<PassportCheck> = {}): Promise<string> => {
      const shown = passportOf(long, longCredential, { others: [papers] })
      return outcome(await verifyPassport(member.peerId, shown, check({ group: plant.group, ...change })))
    }
    expect(await ofPlant(await papersOf(plant, e))).toBe('ok')
    expect(await ofPlant(await papersOf(plant, e, generateIdentity()))).toBe('PASSPORT_FOREIGN')
    const { credential } = await papersOf(plant, e)
    const { firstCharter, links } = foreign
    expect(await ofPlant({ credential, firstCharter, links })).toBe('CREDENTIAL_OTHER_MESH')
    expect(await ofPlant({ credential, firstCharter, links }, { knownChain: plant })).toBe('CHAIN_OTHER_GROUP')
    const byOther = await credentialFor(
      { ...plant, voters: [a.peerId], eras: [{ ...(plant.eras[0] as VoterEra), voters: [a.peerId] }] },
      member,
      [a],
    )
    expect(await ofPlant({ ...plant, credential: byOther })).toBe('CREDENTIAL_SIGNATURES')
  })

  it('are shown as far as they fit: the first eight, and no more bytes than a hello takes', async () => {
    const papers = await papersOf(plant, e)
    const many = passportOf(long, longCredential, { others: Array.from({ length: 12 }, () => papers) })
    expect(decodePassport(encodePassport(many)).others).toHaveLength(8)
    // Noise does not deflate: of three such only the first fits.
    const heavy = (): Papers => {
      const links = Array.from({ length: 50 }, () => ({
        statement: Buffer.from(randomBytes(3_000).toString('base64url')),
        signatures: [],
      }))
      return { ...papers, links }
    }
    const first = heavy()
    const large = encodePassport(passportOf(long, longCredential, { others: [first, heavy(), heavy()] }))
    expect(large.length).toBeLessThanOrEqual(PASSPORT_BYTES_MAX)
    expect(decodePassport(large).others).toHaveLength(1)
    // What deflates well may inflate too far.
    const links = Array.from({ length: 100 }, () => ({ statement: Buffer.from('x'.repeat(3_000)), signatures: [] }))
    const airy = passportOf(long, longCredential, { others: Array.from({ length: 8 }, () => ({ ...papers, links })) })
    expect(decodePassport(encodePassport(airy)).others).toHaveLength(5)
    expect(
      thrownBy(() => encodePassport({ ...many, links: [...first.links, ...first.links, ...heavy().links], others: [] })),
    ).toBe('PASSPORT_MALFORMED')
  })

  it('are bundled from passports of each group, and read as passports of each', async () => {
    const home = encodePassport(passportOf(long, longCredential))
    const seats = await Promise.all([papersOf(plant, e), papersOf(line, a)])
    const bytes = seats.map((papers) => encodePassport({ ...passportOf(long, longCredential), ...papers }))
    expect(bundleOf(home, [])).toBe(home)
    expect(passportsIn(home)).toEqual([{ group: 'root', passport: home }])
    const shown = passportsIn(bundleOf(home, bytes))
    expect(shown).toEqual([
      { group: 'root', passport: home },
      { group: plant.group, passport: bytes[0] },
      { group: line.group, passport: bytes[1] },
    ])
    expect(outcome(await verifyPassport(member.peerId, shown[2]?.passport ?? home, check({ knownChain: line })))).toBe('ok')
  })

  it('more than eight are refused', async () => {
    const papers = await papersOf(plant, e)
    const whole = JSON.parse(inflateRawSync(encodePassport(await passport(Promise.resolve(papers))).subarray(1)).toString()) as {
      others: object[]
    }
    const packed = (others: number): Uint8Array =>
      Buffer.concat([
        Uint8Array.of(1),
        deflateRawSync(JSON.stringify({ ...whole, others: Array.from({ length: others }, () => whole.others[0]) })),
      ])
    expect([8, 9].map((count) => thrownBy(() => decodePassport(packed(count))))).toEqual(['ok', 'PASSPORT_MALFORMED'])
  })
})
