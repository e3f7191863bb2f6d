import { randomBytes } from 'node:crypto'
import { canonicalBytes, GROUP_DEPTH_MAX, GROUPS_LEVEL, LINKS_MAX } from '@vsmcp/consensus'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  type Chain,
  charterDigest,
  combineGroupGrant,
  decodeChain,
  decodeGroupGrant,
  encodeChain,
  encodePassport,
  extendChain,
  flawOfChild,
  generateMeshKey,
  generateOperatorKey,
  type GrantedCharter,
  groupIdOf,
  groupToGrant,
  type Identity,
  mergeChain,
  nextLinkStatement,
  orThrow,
  PASSPORT_BYTES_MAX,
  type SignedCharter,
  signGroupGrant,
  signLink,
  signRecovery,
  verifyChain,
  verifyCharterBundle,
} from '../src/index.ts'
import { GRANTED_BYTES_MAX } from '../src/constants.ts'
import { encodeGroupGrant } from '../src/granted-charter.ts'
import {
  chainBelow,
  chainThrough,
  changeTo,
  charterOf,
  childCharterOf,
  credentialFor,
  docketOf,
  flipped,
  grantedBy,
  linkTo,
  outcome,
  passportOf,
  sha,
  thrownBy,
  type World,
  world,
} from './fixtures.ts'

const of = world(12)
const [a, b, c, d, e, f] = of.all as [Identity, Identity, Identity, Identity, Identity, Identity]
const root = chainThrough(of, [a, b, c])
const voters = [a, b, c]
const child = childCharterOf(root, 'plant-7', d)
const granted = grantedBy(root, child, voters)
const { meshId } = of.meshKey

const verified = (firstCharter: SignedCharter): string => outcome(verifyChain({ meshId, firstCharter, links: [] }))
const chainOf = (firstCharter: SignedCharter, links = [] as Chain['links']): Chain =>
  orThrow(verifyChain({ meshId, firstCharter, links }))
const below = chainOf(granted)

/** The grant of bytes that no honest voter would sign, signed all the same. */
function forced(parent: Chain, charter: Uint8Array, change: object = {}, signers: readonly Identity[] = voters): GrantedCharter {
  const { groupId: group } = JSON.parse(Buffer.from(charter).toString()) as { groupId: string }
  const digest = charterDigest(charter)
  const said = { mesh: meshId, parent: parent.group, group, charter: digest, voterIndex: parent.index, ...change }
  const statement = encodeGroupGrant(said)
  const signatures = signers.map((signer) => signGroupGrant(signer, statement))
  const { firstCharter, links } = parent
  return { charter, parent: { firstCharter, links }, grant: { statement, signatures } }
}

/** Bytes of a charter under the id that follows from it. */
function bytesOf(charter: object): Uint8Array {
  const { groupId: _, ...rest } = charter as { groupId?: string }
  return canonicalBytes({ ...rest, groupId: groupIdOf(rest) })
}

describe('the first charter of a group below another', () => {
  it('is verified by the mesh id alone, along the chain of the group above', () => {
    expect(below).toMatchObject({ meshId, group: child.groupId, path: '/plant-7', voters: [d.peerId], epoch: 1, index: 0 })
    expect(below.parent).toEqual(root)
    expect(below.meshPublicKey).toEqual(of.meshKey.publicKey)
  })

  it('begins a chain of its own, that is stored, extended, merged and shown as any other', () => {
    const now = chainThrough({ ...of, chain: below }, [d, e, f], [e, f, a])
    expect(decodeChain(encodeChain(now))).toEqual({ firstCharter: now.firstCharter, links: now.links })
    expect(orThrow(verifyChain({ meshId, ...decodeChain(encodeChain(now)) }))).toEqual(now)
    expect(mergeChain(below, now)).toEqual(now)
    expect(mergeChain(now, below)).toBe(now)
    const other = orThrow(extendChain(below, linkTo(of, below, [d, a, b])))
    expect(thrownBy(() => mergeChain(now, other))).toBe('CHAIN_FORKED')
  })

  it('may be granted by voters of long ago: what the voters above became since does not matter', () => {
    const later = chainThrough(of, [a, b, c], [b, c, d], [d, e, f])
    expect(verified(grantedBy(later, childCharterOf(later, 'late', a), [d, e]))).toBe('ok')
    expect(verified(granted)).toBe('ok')
    expect(flawOfChild(below, docketOf(later, child))).toBeUndefined()
  })

  it('granted once more, by other voters above, is the same', () => {
    const later = chainThrough(of, [a, b, c], [b, c, d])
    const again = chainOf(grantedBy(later, child, [b, c, d]))
    expect(mergeChain(below, again)).toBe(below)
  })

  it(`is nested up to ${GROUP_DEPTH_MAX} levels, and no deeper`, () => {
    let chain = root
    let signers: readonly Identity[] = voters
    for (let level = 1; level <= GROUP_DEPTH_MAX; level++) {
      const founder = of.all[level] ?? a
      chain = chainBelow(chain, signers, `l${level}`, founder)
      signers = [founder]
    }
    expect(chain.path).toBe('/l1/l2/l3/l4/l5/l6/l7/l8')
    expect(orThrow(verifyChain({ meshId, ...decodeChain(encodeChain(chain)) }))).toEqual(chain)
    const deeper = forced(chain, bytesOf({ ...charterOf(chain), path: `${chain.path}/l9` }), {}, signers)
    expect(verified(deeper)).toBe('CHARTER_MALFORMED')
    expect(thrownBy(() => encodeChain({ firstCharter: deeper, links: [] }))).toBe('LINK_MALFORMED')
  })

  it('has an id that follows from all of it, so that one id never stands for two', () => {
    const twin = childCharterOf(root, 'plant-7', d)
    expect(twin.groupId).not.toBe(child.groupId)
    const { groupId } = child
    const claimed = canonicalBytes({ ...twin.charter, groupId })
    expect(verified(forced(root, claimed))).toBe('CHARTER_MALFORMED')
    expect(thrownBy(() => mergeChain(below, { firstCharter: grantedBy(root, twin, voters), links: [] }))).toBe(
      'CHAIN_OTHER_GROUP',
    )
    expect(thrownBy(() => mergeChain(root, below))).toBe('CHAIN_OTHER_GROUP')
    expect(thrownBy(() => mergeChain(below, root))).toBe('CHAIN_OTHER_GROUP')
  })
})

describe('a grant', () => {
  it('needs a majority of one era of the voters above, each once', () => {
    const { statement } = granted.grant
    const sign = (...signers: Identity[]) => signers.map((signer) => signGroupGrant(signer, statement))
    const combined = (...signers: Identity[]): string =>
      thrownBy(() => combineGroupGrant(root, child.bytes, statement, sign(...signers)))
    expect([combined(a, b), combined(b, c), combined(c, a, b)]).toEqual(['ok', 'ok', 'ok'])
    expect([combined(a), combined(a, a), combined(a, d, e)]).toEqual(Array(3).fill('GROUP_GRANT_SIGNATURES'))
    const shown = (...signers: Identity[]): string => verified({ ...granted, grant: { statement, signatures: sign(...signers) } })
    expect([shown(a, b), shown(a, b, c), shown(), shown(a)]).toEqual([
      'ok',
      'ok',
      'GROUP_GRANT_SIGNATURES',
      'GROUP_GRANT_SIGNATURES',
    ])
    expect([shown(a, a), shown(a, d), shown(a, b, d), shown(a, b, c, a)]).toEqual(Array(4).fill('GROUP_GRANT_FORGED'))
  })

  it('is one signature for that purpose only', () => {
    const { statement } = granted.grant
    const signatures = voters.map((voter) => signLink(voter, statement))
    expect(verified({ ...granted, grant: { statement, signatures } })).toBe('GROUP_GRANT_FORGED')
  })

  it('of which any byte was changed is refused', () => {
    const bytes = Buffer.from(granted.grant.statement)
    for (let at = 0; at < bytes.length; at++) {
      const statement = flipped(bytes, at, 0x01)
      expect(verified({ ...granted, grant: { ...granted.grant, statement } })).toMatch(/^GROUP_GRANT_/)
    }
    expect(verified({ ...granted, charter: flipped(granted.charter, 30) })).toMatch(/^(CHARTER|GROUP_GRANT)_/)
  })

  it.each([
    ['mesh', { mesh: generateMeshKey().meshId }],
    ['parent', { parent: 'other' }],
    ['group', { group: 'other' }],
    ['charter', { charter: sha('a') }],
    ['era, an older one', { voterIndex: 0 }],
    ['era, one to come', { voterIndex: 20 }],
  ])('of another %s is refused', (_what, change) => {
    expect(verified(forced(root, child.bytes, change))).toBe('GROUP_GRANT_DIFFERS')
  })

  it('is shown with the chain above as far as those who signed: neither cut short nor longer', () => {
    const { parent } = granted
    const later = chainThrough(of, [a, b, c], [b, c, d])
    expect(verified({ ...granted, parent: { ...parent, links: [] } })).toBe('GROUP_GRANT_DIFFERS')
    expect(verified({ ...granted, parent: { firstCharter: later.firstCharter, links: later.links } })).toBe('GROUP_GRANT_DIFFERS')
  })

  it('of voters above who are none is refused', () => {
    const stranger: World = world(2)
    const foreign = chainThrough({ ...of, chain: stranger.chain, all: [...of.all, ...stranger.all] }, [a, b, c])
    expect(verified(forced(foreign, child.bytes))).toBe('CHARTER_OTHER_MESH')
    const { firstCharter } = root
    const [link] = root.links
    if (link === undefined || 'grant' in firstCharter) throw new Error('no link')
    const bent = { ...granted, parent: { firstCharter, links: [{ ...link, signatures: [] }] } }
    expect(verified(bent)).toBe('LINK_SIGNATURES')
    expect(
      verified({
        ...granted,
        parent: { firstCharter: { ...firstCharter, signature: flipped(firstCharter.signature) }, links: root.links },
      }),
    ).toBe('CHARTER_FORGED')
  })

  it('throws nothing but its own error, whatever the bytes', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (noise) => {
        expect(thrownBy(() => decodeGroupGrant(noise))).toBe('GROUP_GRANT_MALFORMED')
      }),
      { seed: 5, numRuns: 200 },
    )
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        expect(thrownBy(() => decodeGroupGrant(new TextEncoder().encode(JSON.stringify(value))))).toBe('GROUP_GRANT_MALFORMED')
      }),
      { seed: 6, numRuns: 200 },
    )
  })
})

describe('a first charter that a majority above granted against its own rules is refused all the same', () => {
  const { charter } = child
  it.each<[string, object]>([
    ['with the path of another parent', { path: '/eu/plant-7' }],
    ['with the path of the root', { path: '/' }],
    ['two levels down', { path: '/plant-7/line-1' }],
    ['with a name that is none', { path: '/Plant 7' }],
    ['that climbs', { path: '/../plant-7' }],
    ['that begins with two voters', { voters: [d.peerId, e.peerId] }],
    ['that begins with nobody', { voters: [] }],
    ['of a later epoch', { epoch: 2 }],
    ['of another mesh', { meshId: generateMeshKey().meshId }],
    ['with another key of the mesh', { meshPublicKey: Buffer.from(generateMeshKey().publicKey).toString('base64url') }],
    ['too long', { later: 'x'.repeat(16 * 1_024) }],
    ['that no docket could begin with', { policies: [] }],
  ])('%s', (_what, change) => {
    expect(verified(forced(root, bytesOf({ ...charter, ...change })))).toMatch(/^CHARTER_(MALFORMED|OTHER_MESH)$/)
  })

  it('under the id of the group above, or of the root', () => {
    for (const groupId of [root.group, 'g'.repeat(40)]) {
      expect(verified(forced(root, canonicalBytes({ ...charter, groupId })))).toBe('CHARTER_MALFORMED')
    }
  })

  it('not in its one spelling', () => {
    expect(verified(forced(root, Buffer.concat([child.bytes, Buffer.from(' ')])))).toBe('CHARTER_MALFORMED')
    const turned = Buffer.from(JSON.stringify(Object.fromEntries(Object.entries(charter).toReversed())))
    expect(verified(forced(root, turned))).toBe('CHARTER_MALFORMED')
  })

  it('without end: an ancestry that leads back to itself', () => {
    const loop = { ...granted, parent: { firstCharter: granted as SignedCharter, links: [] } }
    loop.parent.firstCharter = loop
    expect(verified(loop)).toBe('CHARTER_MALFORMED')
    const self = { ...granted, parent: { firstCharter: granted, links: [] } }
    expect(verified(self)).toBe('CHARTER_MALFORMED')
  })
})

describe('what the voters above sign', () => {
  it('is only what their docket lists, with just this charter, name and founder', () => {
    const asked = (docket = docketOf(root, child), bytes = child.bytes): string =>
      thrownBy(() => groupToGrant(root, docket, bytes))
    expect(asked()).toBe('ok')
    const record = docketOf(root, child).groups.get(child.groupId)
    if (record === undefined) throw new Error('not listed')
    const listed = (change: object) => {
      const docket = docketOf(root, child)
      return { ...docket, groups: docket.groups.with(child.groupId, { ...record, ...change }) }
    }
    expect(asked(docketOf(root))).toBe('GROUP_NOT_LISTED')
    expect(asked(listed({ charterDigest: sha('a') }))).toBe('GROUP_NOT_LISTED')
    expect(asked(listed({ founder: e.peerId }))).toBe('GROUP_NOT_LISTED')
    expect(asked(listed({ name: 'plant-8' }))).toBe('GROUP_NOT_LISTED')
    expect(asked(listed({ name: '7' }))).toBe('GROUP_NOT_LISTED')
    expect(asked(docketOf(root, child), bytesOf({ ...child.charter, path: '/eu/plant-7' }))).toBe('CHARTER_MALFORMED')
    expect(asked(docketOf(root, child), Buffer.from('{}'))).toBe('CHARTER_MALFORMED')
  })

  it('is not believed by members above once the docket lists the group no more', () => {
    expect(flawOfChild(below, docketOf(root, child))).toBeUndefined()
    expect(flawOfChild(below, docketOf(root))).toMatch(/does not list/)
    expect(flawOfChild(root, docketOf(root, child))).toMatch(/none of those below/)
    expect(flawOfChild(chainBelow(below, [d], 'line', e), docketOf(root, child))).toMatch(/does not list/)
  })
})

describe('a charter shown with all that vouches for it', () => {
  it('is verified alone, offline, from the mesh id, that of a group below, too', () => {
    const bundle = { firstCharter: granted, links: [], charter: child.bytes }
    const value = orThrow(verifyCharterBundle(bundle, { meshId }))
    expect(value).toMatchObject({ by: 'grant', index: 1, digest: child.digest, charter: { path: '/plant-7' } })
    expect(value.signers).toEqual(granted.grant.signatures.map(({ peer }) => peer))
    expect(outcome(verifyCharterBundle({ ...bundle, charter: bytesOf({ ...child.charter, x: 1 }) }, { meshId }))).toBe(
      'CHARTER_UNCERTIFIED',
    )
    expect(outcome(verifyCharterBundle(bundle, { meshId: generateMeshKey().meshId }))).toBe('CHARTER_OTHER_MESH')
  })

  it('is held against what is known of the groups above it', () => {
    const bundle = { firstCharter: granted, links: [], charter: child.bytes }
    const known = (knownChain: Chain): string => outcome(verifyCharterBundle(bundle, { meshId, knownChain }))
    expect([known(root), known(of.chain), known(below)]).toEqual(['ok', 'ok', 'ok'])
    expect(known(chainThrough(of, [a, b, d]))).toBe('CHAIN_FORKED')
    expect(known(chainBelow(root, voters, 'other', e))).toBe('ok')
    expect(known(chainThrough({ ...of, chain: below }, [d, e, f]))).toBe('CHARTER_STALE')
  })
})

describe('a lost group below another', () => {
  const change = {
    index: 50,
    digestBefore: sha('a'),
    digestNow: sha('b'),
    voter: e.peerId,
    atMs: 1,
    nonce: new Uint8Array(32),
  }

  it('is recovered by the mesh key', () => {
    const link = signRecovery(of.meshKey, below, change)
    expect(orThrow(extendChain(below, link))).toMatchObject({ epoch: 2, voters: [e.peerId] })
    expect(thrownBy(() => signRecovery(generateMeshKey(), below, change))).toBe('RECOVERY_KEY_FOREIGN')
  })

  it('is recovered by a key that its own charter names, and not by one that only the group above names', () => {
    const own = generateOperatorKey()
    const operators = [{ name: 'olga', publicKey: own.publicKeyText, recovery: true }]
    const parentCharter = { ...charterOf(root), featureLevel: GROUPS_LEVEL }
    const withKey = chainOf(grantedBy(root, childCharterOf(root, 'own', d, { parentCharter, operators }), voters))
    expect(orThrow(extendChain(withKey, signRecovery(own, withKey, change)))).toMatchObject({ epoch: 2 })
    expect(thrownBy(() => signRecovery(own, below, change))).toBe('RECOVERY_KEY_FOREIGN')
  })
})

describe('all that is shown', () => {
  const everybody = of.all.slice(0, 7)
  const recoverers = Array.from({ length: 8 }, () => generateOperatorKey().publicKeyText)
  const grown = (from: Chain, isGrown: (chain: Chain) => boolean): Chain => {
    let chain = from
    // Looked at now and then: to encode a long chain takes longer than to add a link.
    while (chain.links.length % 16 > 0 || !isGrown(chain)) {
      const now = chain.links.length % 2 === 0 ? everybody : everybody.slice(0, 5)
      chain = orThrow(extendChain(chain, linkTo(of, chain, now, { recoverers })))
    }
    return chain
  }

  it('fits into a passport: no group is granted whose ancestry, as large as may be, leaves no room for a full chain of its own', async () => {
    const room = GRANTED_BYTES_MAX - 16 * 1_024
    const above = grown(of.chain, (chain) => encodeChain(chain).length > room / 2)
    const large = grown(chainBelow(above, everybody, 'eu', a), (chain) => encodeChain(chain).length > room - 8 * 1_024)
    const policies = { noise: randomBytes(11 * 1_024).toString('base64url') }
    const plant = chainOf(grantedBy(large, childCharterOf(large, 'plant', d, { policies }), everybody))
    expect(encodeChain(plant).length).toBeLessThan(GRANTED_BYTES_MAX)
    const full = grown(plant, ({ links }) => links.length === LINKS_MAX)
    expect(thrownBy(() => nextLinkStatement(full, changeTo(full, [a])))).toBe('CHAIN_FULL')
    const credential = await credentialFor(full, a, everybody)
    const passport = encodePassport(passportOf(full, credential))
    expect(passport.length).toBeLessThan(PASSPORT_BYTES_MAX)
    const larger = grown(large, (chain) => encodeChain(chain).length > room)
    expect(thrownBy(() => grantedBy(larger, childCharterOf(larger, 'plant', d), everybody))).toBe('ANCESTRY_TOO_LARGE')
  })
})
