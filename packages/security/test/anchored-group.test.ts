import { LINKS_BESIDE_ANCHOR } from '@vsmcp/consensus'
import { describe, expect, it, test } from 'vitest'
import {
  type Chain,
  encodePassport,
  extendChain,
  flawOfSnapshot,
  generateIdentity,
  generateMeshKey,
  groupAuthority,
  isAnchored,
  isInForce,
  type Link,
  mergeChain,
  oldestVouching,
  orThrow,
  signAnchor,
  verifyCharterBundle,
  verifyChain,
  verifyPassport,
} from '../src/index.ts'
import { joinerSession } from '../src/joiner-session.ts'
import { encodeJoinMessage } from '../src/join-messages.ts'
import { chainBelow, chainThrough, codeOf, credentialFor, linkTo, NOW_MS, outcome, passportOf, sha, world } from './fixtures.ts'
import { decodeCertificate, encodeCertificate, type RealGroup, settledGroup } from './group-fixture.ts'

/** A group after so many changes of voters more: its third node votes, and votes no more, in turn. */
function worn(changes: number): RealGroup {
  const group = settledGroup()
  for (let at = 0; at < changes; at++) {
    group.seat({ type: at % 2 === 0 ? 'learner' : 'voter', peer: group.peers[2] ?? '' })
    group.keepLink()
  }
  return group
}
const CHANGES = 23
const hand = (group: RealGroup, anchor: Link): string => {
  const result = group.ask({ op: 'chain:anchor', anchor: encodeCertificate(anchor) })
  return result.ok ? (result.changed ? 'changed' : 'unchanged') : result.code
}
const docketChain = ({ chain, state }: RealGroup): Chain =>
  mergeChain(chain, {
    firstCharter: chain.firstCharter,
    links: state.links.map(({ certificate }) => decodeCertificate(certificate)),
  })

describe('the docket of a group', () => {
  it('takes an anchor that the mesh key signed for its links, and later changes of voters follow it', () => {
    const group = worn(CHANGES)
    const anchor = signAnchor(group.meshKey, group.chain)
    const after = worn(0)
    expect(hand(after, anchor)).toBe('anchor-forged')
    expect(hand(group, anchor)).toBe('changed')
    expect(group.state.links).toHaveLength(1 + LINKS_BESIDE_ANCHOR)
    group.chain = docketChain(group)
    expect(isAnchored(group.chain)).toBe(true)
    group.seat({ type: 'voter', peer: group.peers[2] ?? '' })
    group.keepLink()
    expect(group.state.links).toHaveLength(2 + LINKS_BESIDE_ANCHOR)
    group.setPolicies({ b: 2 })
    expect(group.keepCertificate().ok).toBe(true)
    const checked = orThrow(verifyCharterBundle(group.bundle(), { meshId: group.meshKey.meshId }))
    expect(checked.charter.policies).toEqual({ b: 2 })
  })

  it('takes one that was signed some changes ago, and refuses one that a later one has overtaken', () => {
    const group = worn(CHANGES)
    const early = signAnchor(group.meshKey, group.chain)
    for (const type of ['voter', 'learner', 'voter'] as const) {
      group.seat({ type, peer: group.peers[2] ?? '' })
      group.keepLink()
    }
    const later = signAnchor(group.meshKey, group.chain)
    const { chain } = group
    expect(hand(group, early)).toBe('changed')
    expect(group.state.links).toHaveLength(4 + LINKS_BESIDE_ANCHOR)
    // Signed for the links themselves, and now the docket holds an anchor: the same changes, said in other words.
    expect(hand(group, later)).toBe('changed')
    expect(hand(group, early)).toBe('anchor-forged')
    expect(docketChain(group).eras.at(-1)).toEqual(chain.eras.at(-1))
  })

  it('refuses one by another key, of other links, or with a byte changed', () => {
    const group = worn(CHANGES)
    const before = group.state
    const anchor = signAnchor(group.meshKey, group.chain)
    const [signature] = anchor.signatures
    expect(hand(group, { ...anchor, signatures: [] })).toBe('anchor-forged')
    expect(hand(group, { ...anchor, signatures: signature ? [{ ...signature, signature: new Uint8Array(64) }] : [] })).toBe(
      'anchor-forged',
    )
    expect(hand(group, signAnchor(group.meshKey, { ...group.chain, group: 'other' }))).toBe('anchor-forged')
    const other = generateMeshKey()
    expect(hand(group, signAnchor(other, { ...group.chain, meshId: other.meshId }))).toBe('anchor-forged')
    const [, ...links] = group.chain.links
    const [first, , ...eras] = group.chain.eras
    expect(hand(group, signAnchor(group.meshKey, { ...group.chain, links, eras: first ? [first, ...eras] : [] }))).toBe(
      'anchor-forged',
    )
    expect(group.state).toBe(before)
    const link = group.chain.links.at(-1)
    expect(link && hand(group, link)).toBe('anchor-forged')
  })

  it('is installed from a snapshot, with the anchor here and not there, and the other way round', () => {
    const group = worn(CHANGES)
    const [long, longState] = [group.chain, group.state]
    expect(hand(group, signAnchor(group.meshKey, long))).toBe('changed')
    const short = docketChain(group)
    for (const chain of [
      long,
      short,
      orThrow(verifyChain({ meshId: long.meshId, firstCharter: long.firstCharter, links: long.links.slice(0, 2) })),
    ]) {
      for (const state of [longState, group.state]) {
        const shown = worn(0)
        shown.state = state
        expect(flawOfSnapshot(shown.snapshot(), { chain, decodeCertificate })).toBeUndefined()
      }
    }
    const forged = worn(0)
    const [anchor, ...rest] = group.state.links
    forged.state = {
      ...group.state,
      links: [{ index: (anchor?.index ?? 0) - 1, certificate: anchor?.certificate ?? '' }, ...rest],
    }
    expect(flawOfSnapshot(forged.snapshot(), { chain: short, decodeCertificate })).toContain('names other changes')
  })
})

describe('a group below another', () => {
  it('has its chain shortened by the key of the mesh, not by its own, and is verified from the mesh id alone', () => {
    const of = world()
    const [a, b, c] = of.all as [typeof of.founder, typeof of.founder, typeof of.founder]
    const begun = chainBelow(chainThrough(of, [a, b, c]), [a, b], 'plant', c)
    const long = Array.from({ length: 20 }).reduce<Chain>(
      (chain, _, at) => orThrow(extendChain(chain, linkTo(of, chain, [at % 2 === 0 ? a : c]))),
      begun,
    )
    const anchor = signAnchor(of.meshKey, long)
    const shown = { firstCharter: long.firstCharter, links: [anchor, ...long.links.slice(-LINKS_BESIDE_ANCHOR)] }
    const short = mergeChain(long, shown)
    expect(orThrow(verifyChain({ meshId: long.meshId, ...shown }))).toEqual(short)
    expect(short).toMatchObject({ group: begun.group, path: '/plant', voters: long.voters, index: long.index })
    // Signed for the group below, it begins no chain of the one above.
    const above = { meshId: long.meshId, firstCharter: of.chain.firstCharter, links: [anchor] }
    expect(outcome(verifyChain(above))).toBe('CHAIN_BROKEN')
    const authority = groupAuthority({ firstCharter: long.firstCharter, decodeCertificate })
    const links = long.links.map(encodeCertificate)
    const facts = {
      mesh: long.meshId,
      group: long.group,
      meshPublicKey: Buffer.from(long.meshPublicKey).toString('base64url'),
      links,
    }
    expect(authority.linksAnchored(encodeCertificate(anchor), facts)).toBe(20 - LINKS_BESIDE_ANCHOR)
    expect(authority.linksAnchored(encodeCertificate(anchor), { ...facts, group: 'root' })).toBe(0)
    expect(authority.linksAnchored('none', facts)).toBe(0)
  })
})

describe('papers of before an anchor', () => {
  const of = world()
  const [a, b] = of.all as [typeof of.founder, typeof of.founder]
  const long = chainThrough(of, ...Array.from({ length: 24 }, (_, at) => [at % 2 === 0 ? b : a]))
  const { firstCharter } = long
  const short = mergeChain(long, {
    firstCharter,
    links: [signAnchor(of.meshKey, long), ...long.links.slice(-LINKS_BESIDE_ANCHOR)],
  })
  const was = orThrow(verifyChain({ meshId: long.meshId, firstCharter, links: long.links.slice(0, 3) }))
  const away = generateIdentity()
  const check = {
    meshId: long.meshId,
    nowMs: NOW_MS,
    revocations: [],
    knownChain: short,
    oldestVoterIndex: oldestVouching(short),
  }

  it('of who was away since then are good for being renewed, and for nothing else', async () => {
    const papers = passportOf(was, await credentialFor(was, away, [b]))
    const verdict = await verifyPassport(away.peerId, papers, { ...check, mayBeOver: true })
    expect(orThrow(verdict).chain).toBe(short)
    expect(isInForce(orThrow(verdict).claims, check)).toBe(false)
    expect(outcome(await verifyPassport(away.peerId, papers, check))).toBe('CREDENTIAL_VOTERS_UNKNOWN')
    expect(outcome(await verifyPassport(away.peerId, papers, { ...check, oldestVoterIndex: 0 }))).toBe(
      'CREDENTIAL_VOTERS_UNKNOWN',
    )
  })

  it('signed by voters that the chain never had are refused', async () => {
    const [, , c] = of.all as [typeof a, typeof b, typeof a]
    const astray = chainThrough({ ...of, chain: was }, [c])
    const papers = passportOf(astray, await credentialFor(astray, away, [c]))
    expect(outcome(await verifyPassport(away.peerId, papers, { ...check, mayBeOver: true }))).toBe('CHAIN_FORKED')
    const mixed = passportOf(was, await credentialFor(astray, away, [c]))
    expect(outcome(await verifyPassport(away.peerId, mixed, { ...check, mayBeOver: true }))).toBe('CREDENTIAL_VOTERS_UNKNOWN')
  })

  it('of a group below go on proving it: the chain of its parent ends with the voters that granted it', () => {
    const child = chainBelow(was, [b], 'plant', away)
    expect(orThrow(verifyChain({ meshId: was.meshId, firstCharter: child.firstCharter, links: [] }))).toEqual(child)
    const newer = chainBelow(short, [a], 'hall', away)
    expect(newer.parent?.links).toHaveLength(1 + LINKS_BESIDE_ANCHOR)
    expect(orThrow(verifyChain({ meshId: was.meshId, firstCharter: newer.firstCharter, links: [] }))).toEqual(newer)
  })

  test.for([
    ['the anchor stands for is taken', long.eras[3]?.digest ?? '', 'ok'],
    ['follow it is taken', long.eras[24]?.digest ?? '', 'ok'],
    ['it does not know is not', sha('f'), 'CHAIN_BEHIND'],
  ] as const)('an invitation that names voters which %s', async ([, newestEra, expected]) => {
    const offer = encodeJoinMessage({
      type: 'offer',
      nonceM: new Uint8Array(32),
      passport: encodePassport(passportOf(short, await credentialFor(short, b, [a]))),
    })
    const told = { meshId: long.meshId, group: 'root', newestEra, id: 'ab'.repeat(16), secret: new Uint8Array(32) }
    const rest = { zone: '', role: 'member', uses: 1, expiresAtMs: NOW_MS + 1, addresses: [], inviters: [] }
    const session = joinerSession({ invitation: { ...told, ...rest }, self: away.peerId, name: 'x', addresses: [] })
    session.start()
    expect(await session.answerOffer(b.peerId, offer, NOW_MS).then(() => 'ok', codeOf)).toBe(expected)
  })
})
