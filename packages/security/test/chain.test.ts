import { randomBytes } from 'node:crypto'
import { RECOVERERS_MAX } from '@vsmcp/consensus'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  type Chain,
  combineLink,
  decodeChain,
  decodeJoinGrant,
  decodeLinkStatement,
  encodeChain,
  encodeJoinGrant,
  encodePassport,
  extendChain,
  generateOperatorKey,
  type Link,
  LINKS_MAX,
  mustKeepVoters,
  nextLinkStatement,
  orThrow,
  PASSPORT_BYTES_MAX,
  signLink,
  verifyChain,
} from '../src/index.ts'
import { anchorStatement, signedAnchor } from '../src/anchor.ts'
import { ANCHOR_PAST_BYTES, ANCHOR_PAST_MAX } from '../src/constants.ts'
import { bytesOf, textOf } from '../src/form.ts'
import { decodeJoinMessage, encodeJoinMessage } from '../src/join-messages.ts'
import { encodeLinkStatement } from '../src/link.ts'
import {
  chainThrough,
  changeTo,
  codeOf,
  credentialFor,
  flipped,
  linkTo,
  outcome,
  passportOf,
  sha,
  thrownBy,
  world,
} from './fixtures.ts'

const of = world()
const [a, b, c, d, e, f, g] = of.all as [typeof of.founder, ...typeof of.all] & Record<number, typeof of.founder>
if (!b || !c || !d || !e || !f || !g) throw new Error('the world is too small')

const verifyLinks = (links: readonly Link[]): string =>
  outcome(verifyChain({ meshId: of.meshKey.meshId, firstCharter: of.chain.firstCharter, links }))
const peers = (...identities: { peerId: string }[]): string[] => identities.map(({ peerId }) => peerId).toSorted()

describe('a chain of certified changes of voters', () => {
  const chain = chainThrough(of, [a, b, c], [b, c, d], [b, c, d, e, f])

  it('leads from the mesh id alone to the voters of now', () => {
    const verified = orThrow(verifyChain({ meshId: of.meshKey.meshId, firstCharter: chain.firstCharter, links: chain.links }))
    expect(verified).toEqual(chain)
    expect(verified).toMatchObject({ voters: peers(b, c, d, e, f), epoch: 1, index: 30 })
    expect(verified.eras.map(({ index, voters }) => [index, voters])).toEqual([
      [0, peers(a)],
      [10, peers(a, b, c)],
      [20, peers(b, c, d)],
      [30, peers(b, c, d, e, f)],
    ])
  })

  it('survives being stored', () => {
    expect(decodeChain(encodeChain(chain))).toEqual({ firstCharter: chain.firstCharter, links: chain.links })
  })

  it('cut at its end is an earlier, valid chain', () => {
    expect(verifyLinks(chain.links.slice(0, 2))).toBe('ok')
  })

  it('is refused with a link missing in the middle, links exchanged, or one there twice', () => {
    const [first, second, third] = chain.links as [Link, Link, Link]
    expect(verifyLinks([first, third])).toBe('CHAIN_BROKEN')
    expect(verifyLinks([second, third])).toBe('CHAIN_BROKEN')
    expect(verifyLinks([second, first, third])).toBe('CHAIN_BROKEN')
    expect(verifyLinks([first, first])).toBe('CHAIN_BROKEN')
  })

  it('is refused with a round trip cut out, after which the voters are the same as before', () => {
    const there = chainThrough(of, [a, b, c], [b, c, d], [a, b, c], [a, b, e])
    const [first, , , last] = there.links as [Link, Link, Link, Link]
    expect(verifyLinks(there.links)).toBe('ok')
    expect(verifyLinks([first, last])).toBe('CHAIN_BROKEN')
  })

  it('is refused when any byte of a statement or signature was changed', () => {
    const [first] = chain.links as [Link]
    for (let at = 0; at < first.statement.length; at += 3) {
      expect(['LINK_FORGED', 'LINK_MALFORMED', 'CHAIN_BROKEN']).toContain(
        verifyLinks([{ ...first, statement: flipped(first.statement, at) }]),
      )
    }
    for (let which = 0; which < first.signatures.length; which++) {
      const forged = first.signatures.map((entry, at) =>
        at === which ? { ...entry, signature: flipped(entry.signature, at) } : entry,
      )
      expect(verifyLinks([{ ...first, signatures: forged }])).toBe('LINK_FORGED')
    }
  })

  it('of another mesh or group is refused', () => {
    const foreign = world(2)
    const [x, y] = foreign.others as [typeof a, typeof a]
    expect(verifyLinks(chainThrough(foreign, [foreign.founder, x, y]).links)).toBe('CHAIN_BROKEN')
    const next = decodeLinkStatement(nextLinkStatement(of.chain, changeTo(of.chain, [a, b, c])))
    for (const change of [{ group: 'other' }, { mesh: '0'.repeat(32) }]) {
      const elsewhere = encodeLinkStatement({ ...next, ...change })
      const signatures = [a, b].map((who) => signLink(who, elsewhere))
      expect(verifyLinks([combineLink(elsewhere, signatures)])).toBe('CHAIN_BROKEN')
    }
  })
})

describe('a link', () => {
  const before = chainThrough(of, [a, b, c])

  it('has the same statement at every voter, whatever the order of names', () => {
    const one = nextLinkStatement(before, changeTo(before, [c, d, e]))
    const other = nextLinkStatement(before, changeTo(before, [e, c, d]))
    expect(Buffer.from(one)).toEqual(Buffer.from(other))
  })

  const signedBy = (...who: (typeof a)[]): string => {
    const statement = nextLinkStatement(before, changeTo(before, [c, d, e]))
    return thrownBy(() =>
      combineLink(
        statement,
        who.map((identity) => signLink(identity, statement)),
      ),
    )
  }

  it('needs a majority of the voters before and a majority of those now', () => {
    expect(signedBy(a, b, d, e)).toBe('ok')
    expect(signedBy(a, c, d)).toBe('ok')
    expect(signedBy(b, c, e)).toBe('ok')
    expect(signedBy(a, b, d)).toBe('LINK_SIGNATURES')
    expect(signedBy(a, d, e)).toBe('LINK_SIGNATURES')
    expect(signedBy(c)).toBe('LINK_SIGNATURES')
    expect(signedBy(a, b)).toBe('LINK_SIGNATURES')
    expect(signedBy(d, e)).toBe('LINK_SIGNATURES')
    expect(signedBy()).toBe('LINK_SIGNATURES')
    expect(signedBy(c, c, c)).toBe('LINK_SIGNATURES')
    expect(signedBy(c, f, g)).toBe('LINK_SIGNATURES')
  })

  it('with too few signatures is refused by whoever it is shown to', () => {
    const whole = linkTo(of, before, [c, d, e])
    for (let drop = 0; drop < whole.signatures.length; drop++) {
      const fewer = { ...whole, signatures: whole.signatures.filter((_, at) => at !== drop) }
      expect(outcome(extendChain(before, fewer))).toBe('LINK_SIGNATURES')
    }
  })

  it('keeps no more signatures than it needs', () => {
    expect(linkTo(of, before, [c, d, e]).signatures).toHaveLength(3)
    expect(linkTo(of, before, [a, b, c, d, e]).signatures).toHaveLength(3)
  })

  it('drops wrong signatures while being put together', () => {
    const statement = nextLinkStatement(before, changeTo(before, [c, d, e]))
    const good = [a, c, d].map((who) => signLink(who, statement))
    const wrong = [
      { peer: c.peerId, signature: new Uint8Array(64) },
      { peer: e.peerId, signature: a.sign(statement) },
      { peer: 'nobody', signature: new Uint8Array(3) },
    ]
    expect(
      combineLink(statement, [...wrong, ...good])
        .signatures.map(({ peer }) => peer)
        .toSorted(),
    ).toEqual(peers(a, c, d))
  })

  it('with a signature too many, twice, or by who has no vote is refused', () => {
    const link = linkTo(of, before, [c, d, e])
    const [first] = link.signatures as [Link['signatures'][number]]
    const foreign = signLink(g, link.statement)
    expect(outcome(extendChain(before, { ...link, signatures: [...link.signatures, first] }))).toBe('LINK_FORGED')
    expect(outcome(extendChain(before, { ...link, signatures: [...link.signatures, foreign] }))).toBe('LINK_FORGED')
    const many = Array.from({ length: 15 }, () => first)
    expect(outcome(extendChain(before, { ...link, signatures: many }))).toBe('LINK_MALFORMED')
  })

  it('signed for another purpose is refused', () => {
    const statement = nextLinkStatement(before, changeTo(before, [a, b, d]))
    const unlabelled = [a, b, d].map((who) => ({ peer: who.peerId, signature: who.sign(statement) }))
    expect(outcome(extendChain(before, { statement, signatures: unlabelled }))).toBe('LINK_FORGED')
  })

  it('must grow in index, and never go back in epoch', () => {
    const at = (change: object): string => thrownBy(() => nextLinkStatement(before, changeTo(before, [a, b, d], change)))
    expect(at({ index: before.index })).toBe('CHAIN_BROKEN')
    expect(at({ index: before.index - 1 })).toBe('CHAIN_BROKEN')
    expect(at({ epoch: 0 })).toBe('CHAIN_BROKEN')
    expect(at({ epoch: 2 })).toBe('CHAIN_BROKEN')
  })

  it('of a dishonest majority that goes back is refused all the same', () => {
    const honest = decodeLinkStatement(nextLinkStatement(before, changeTo(before, [a, b, d])))
    const sign = (change: object): string => {
      const statement = encodeLinkStatement({ ...honest, ...change })
      const voters = [a, b, c, d, e]
      return outcome(
        extendChain(
          before,
          combineLink(
            statement,
            voters.map((who) => signLink(who, statement)),
          ),
        ),
      )
    }
    expect(sign({})).toBe('ok')
    expect(sign({ index: before.index })).toBe('CHAIN_BROKEN')
    expect(sign({ epoch: 0 })).toBe('CHAIN_BROKEN')
    expect(sign({ previous: sha('c') })).toBe('CHAIN_BROKEN')
    expect(sign({ votersBefore: peers(a, b, d) })).toBe('CHAIN_BROKEN')
  })

  it.each([
    ['no voters', { votersNow: [] }],
    ['a voter twice', { votersNow: [a.peerId, a.peerId] }],
    ['eight voters', { votersNow: [...peers(a, b, c, d, e, f, g), '12D3KooWKnDdG3iXw9eTFijk3EWSunZcFi54Zka4wmtqtt6rPxc8'] }],
    ['a voter that is no PeerId', { votersNow: ['QmYyQSo1c1Ym7orWxLYvCrM2EmxFTANf8wXmmE7DWjhx5N'] }],
    ['a digest that is none', { digestNow: 'abc' }],
    ['half an index', { index: 1000.5 }],
    ['an index beyond exact numbers', { index: 2 ** 53 }],
  ])('of %s cannot be made', (_what, change) => {
    expect(thrownBy(() => nextLinkStatement(before, changeTo(before, [a, b, d], change)))).toBe('LINK_MALFORMED')
  })
})

describe('many links', () => {
  const recoverers = Array.from({ length: RECOVERERS_MAX }, () => generateOperatorKey().publicKeyText)

  const long = (count: number, sets: readonly (readonly (typeof a)[])[]): Chain => {
    let chain = of.chain
    while (chain.links.length < count) {
      const now = sets[chain.links.length % sets.length] ?? []
      chain = orThrow(extendChain(chain, linkTo(of, chain, now, { recoverers })))
    }
    return chain
  }

  it('leave room for what cannot wait: the voters stay before the chain is full, and fewer than three later', () => {
    const [link] = chainThrough(of, [a, b, c]).links as [Link]
    const keeps = (links: number, voters: readonly string[]): boolean =>
      mustKeepVoters({ links: Array.from({ length: links }, () => link), voters })
    const [three, two] = [peers(a, b, c), peers(a, b)]
    expect([239, 240, 247, 248].map((count) => keeps(count, three))).toEqual([false, true, true, true])
    expect([239, 240, 247, 248].map((count) => keeps(count, two))).toEqual([false, false, false, true])
  })

  it('are bounded, and a full chain of seven voters and eight recovery keys each still fits into a passport and into each message of a join', async () => {
    const everybody = [a, b, c, d, e, f, g]
    const full = long(LINKS_MAX, [everybody, everybody.slice(0, 5)])
    expect(encodeChain(full).length).toBeLessThan(PASSPORT_BYTES_MAX - 16 * 1_024)
    expect(thrownBy(() => nextLinkStatement(full, changeTo(full, [a, b, c])))).toBe('CHAIN_FULL')
    expect(verifyLinks(full.links)).toBe('ok')
    expect(verifyLinks([...full.links, ...full.links.slice(-1)])).toBe('CHAIN_FULL')
    expect(decodeChain(encodeChain(full)).links).toHaveLength(LINKS_MAX)
    const credential = await credentialFor(full, a, everybody)
    const passport = encodePassport(passportOf(full, credential))
    const offer = encodeJoinMessage({ type: 'offer', nonceM: new Uint8Array(32), passport })
    expect(decodeJoinMessage(offer, 'offer').passport).toEqual(passport)
    const others = Array.from({ length: 64 }, (_, at) => ({ peer: b.peerId, addresses: [`/ip4/10.0.0.${at}/tcp/4950`] }))
    const grant = encodeJoinGrant({ credential, firstCharter: full.firstCharter, links: full.links, peers: others })
    expect(decodeJoinGrant(grant).links).toHaveLength(LINKS_MAX)
    // Nor does it take more room once it begins with an anchor that lists as much as one may, and is full again.
    const said = JSON.parse(textOf(anchorStatement({ chain: full, links: 1, recovery: undefined }))) as {
      anchor: { past: string }
    }
    const past = randomBytes(ANCHOR_PAST_BYTES * (ANCHOR_PAST_MAX - 1)).toString('base64url') + said.anchor.past
    const listing = bytesOf(JSON.stringify({ ...said, anchor: { ...said.anchor, past, count: ANCHOR_PAST_MAX } }))
    const anchored = { ...full, links: [signedAnchor(of.meshKey, listing), ...full.links.slice(1)] }
    expect(verifyLinks(anchored.links)).toBe('ok')
    expect(encodeChain(anchored).length).toBeLessThan(PASSPORT_BYTES_MAX - 16 * 1_024)
    expect(encodePassport(passportOf(anchored, credential)).length).toBeLessThan(PASSPORT_BYTES_MAX)
  })
})

describe('decoding', () => {
  const bytes = encodeChain(chainThrough(of, [a, b, c]))

  it('throws nothing but LinkMalformedError, whatever the bytes', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (noise) => {
        expect(thrownBy(() => decodeChain(noise))).toBe('LINK_MALFORMED')
        expect(thrownBy(() => decodeChain(Uint8Array.of(1, ...noise)))).toBe('LINK_MALFORMED')
        expect(thrownBy(() => decodeLinkStatement(noise))).toBe('LINK_MALFORMED')
      }),
      { seed: 2, numRuns: 300 },
    )
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        expect(thrownBy(() => decodeLinkStatement(new TextEncoder().encode(JSON.stringify(value))))).toBe('LINK_MALFORMED')
      }),
      { seed: 3, numRuns: 300 },
    )
  })

  it('of a chain cut short anywhere, or with a byte changed, never gives another valid chain', () => {
    for (let length = 0; length < bytes.length; length += 5)
      expect(thrownBy(() => decodeChain(bytes.subarray(0, length)))).toBe('LINK_MALFORMED')
    fc.assert(
      fc.property(fc.nat(bytes.length - 1), fc.integer({ min: 1, max: 255 }), (at, mask) => {
        try {
          const shown = decodeChain(flipped(bytes, at, mask))
          const verdict = verifyChain({ meshId: of.meshKey.meshId, ...shown })
          if (verdict.ok) expect(verdict.value.voters).toEqual(peers(a, b, c))
        } catch (error) {
          expect(codeOf(error)).toBe('LINK_MALFORMED')
        }
      }),
      { seed: 4, numRuns: 300 },
    )
  })

  it('refuses a small file that would inflate beyond the bound', async () => {
    const { deflateRawSync, inflateRawSync } = await import('node:zlib')
    const whole = inflateRawSync(bytes.subarray(1))
    const padded = (spaces: number) =>
      Buffer.concat([Uint8Array.of(1), deflateRawSync(Buffer.concat([Buffer.alloc(spaces, 0x20), whole]))])
    expect(thrownBy(() => decodeChain(padded(1_000)))).toBe('ok')
    const bomb = padded(64 * 1_024 * 1_024)
    expect(bomb.length).toBeLessThan(PASSPORT_BYTES_MAX)
    expect(thrownBy(() => decodeChain(bomb))).toBe('LINK_MALFORMED')
  })
})
