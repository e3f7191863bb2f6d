import { randomBytes } from 'node:crypto'
import { canonicalBytes, LINKS_FOR_RECOVERY_AT, operatorsVersionOf, RECOVERERS_MAX } from '@vsmcp/consensus'
import { describe, expect, it } from 'vitest'
import {
  type Chain,
  decodeChain,
  decodeLinkStatement,
  encodeChain,
  extendChain,
  generateOperatorKey,
  type Identity,
  type Link,
  mergeChain,
  type MeshKey,
  type OperatorKey,
  orThrow,
  signAsOperator,
  signFirstCharter,
  signRecovery,
  verifyChain,
  verifyCharterBundle,
} from '../src/index.ts'
import { charterBytes, linkTo, outcome, sha, thrownBy, world } from './fixtures.ts'
import { RealGroup } from './group-fixture.ts'

const of = world()
const [a, b, c, d] = of.all as [Identity, Identity, Identity, Identity]
const [maria, nils] = [generateOperatorKey(), generateOperatorKey()]
const naming = (...keys: OperatorKey[]): { recoverers: string[] } => ({ recoverers: keys.map((key) => key.publicKeyText) })
const shown = ({ firstCharter, links }: Chain) => ({ firstCharter, links })
const extended = (chain: Chain, link: Link): Chain => orThrow(extendChain(chain, link))
/** The same voters, other recovery keys. */
const named = (chain: Chain, ...keys: OperatorKey[]): Chain => {
  const voters = of.all.filter(({ peerId }) => chain.voters.includes(peerId))
  return extended(chain, linkTo(of, chain, voters, keys.length === 0 ? {} : naming(...keys)))
}
const recovery = (key: MeshKey | OperatorKey, chain: Chain, voter = c, keys: readonly OperatorKey[] = [maria]): Link =>
  signRecovery(key, chain, {
    index: chain.index + 5,
    digestBefore: sha('b'),
    digestNow: sha('c'),
    voter: voter.peerId,
    ...naming(...keys),
    atMs: 1,
    nonce: randomBytes(32),
  })
/** As `recovery`, by a key that the chain does not name. */
const stolen = (key: OperatorKey, chain: Chain, voter = c): Link => recovery(key, { ...chain, ...naming(key) }, voter, [key])

const voters = extended(of.chain, linkTo(of, of.chain, [a, b, c]))
const before = named(voters, maria)

describe('a recovery key', () => {
  it('that the voters named last starts the next epoch, verified from the mesh id alone; its charter may name others', () => {
    const after = extended(before, recovery(maria, before, c, [maria, nils]))
    const verified = orThrow(verifyChain({ meshId: of.meshKey.meshId, ...decodeChain(encodeChain(after)) }))
    expect(verified).toMatchObject({
      epoch: 2,
      voters: [c.peerId],
      recoverers: [maria, nils].map((key) => key.publicKeyText).toSorted(),
    })
    expect(extended(after, recovery(nils, after)).epoch).toBe(3)
  })

  it('named by the first charter counts from the beginning, at the feature level that knows it', () => {
    const operators = [
      { name: 'maria', publicKey: maria.publicKeyText, recovery: true },
      { name: 'n', publicKey: nils.publicKeyText },
    ]
    const chainOf = (featureLevel: number): Chain => {
      const firstCharter = signFirstCharter(of.meshKey, charterBytes(of.meshKey, [a.peerId], { featureLevel, operators }))
      return orThrow(verifyChain({ meshId: of.meshKey.meshId, firstCharter, links: [] }))
    }
    const chain = chainOf(3)
    expect(chain.recoverers).toEqual([maria.publicKeyText])
    expect(outcome(extendChain(chain, recovery(maria, chain)))).toBe('ok')
    expect(outcome(extendChain(chain, stolen(nils, chain)))).toBe('RECOVERY_FORGED')
    expect(chainOf(2).recoverers).toEqual([])
  })

  it('that was never named, or not any more, signs nothing, and is refused with its signature', () => {
    for (const [key, chain] of [
      [nils, before],
      [maria, voters],
      [maria, named(before)],
      [maria, named(before, nils)],
    ] as const) {
      expect(thrownBy(() => recovery(key, chain))).toBe('RECOVERY_KEY_FOREIGN')
      expect(outcome(extendChain(chain, stolen(key, chain)))).toBe('RECOVERY_FORGED')
    }
  })

  it('signs a recovery and nothing else: no change of voters, and not for two', () => {
    const link = linkTo(of, before, [a, b, d], naming(maria))
    const signature = { peer: recovery(maria, before).signatures[0]?.peer ?? '', signature: maria.sign(link.statement) }
    expect(outcome(extendChain(before, { ...link, signatures: [signature] }))).toBe('LINK_FORGED')
    const [own] = recovery(maria, before).signatures
    expect(outcome(extendChain(before, { ...recovery(maria, before), signatures: own === undefined ? [] : [own, own] }))).toBe(
      'RECOVERY_FORGED',
    )
  })
})

describe('a removed recovery key', () => {
  const removed = named(before, nils)
  const longAgo = extended(before, stolen(maria, before))

  it('takes over nobody who knows of its removal, however its recovery is dated and however far it went on', () => {
    expect(thrownBy(() => mergeChain(removed, shown(longAgo)))).toBe('RECOVERY_KEY_REMOVED')
    const further = [maria, maria, nils].reduce((chain, key) => extended(chain, recovery(key, chain, d, [maria, nils])), longAgo)
    expect(further.epoch).toBe(5)
    expect(thrownBy(() => mergeChain(removed, shown(further)))).toBe('RECOVERY_KEY_REMOVED')
    const grown = extended(longAgo, linkTo(of, longAgo, [c, d, a]))
    expect(thrownBy(() => mergeChain(removed, shown(grown)))).toBe('RECOVERY_KEY_REMOVED')
  })

  it('stops nobody by a rival of an epoch that began without it, nor one that it lost its power in', () => {
    const later = extended(removed, recovery(of.meshKey, removed, a, [nils]))
    expect(thrownBy(() => mergeChain(later, shown(longAgo)))).toBe('RECOVERY_KEY_REMOVED')
    const againLater = named(later, maria, nils)
    expect(thrownBy(() => mergeChain(againLater, shown(longAgo)))).toBe('RECOVERY_KEY_REMOVED')
    const since = named(extended(before, recovery(of.meshKey, before, a, [maria])))
    expect(thrownBy(() => mergeChain(since, shown(longAgo)))).toBe('RECOVERY_KEY_REMOVED')
  })

  it('leaves the mesh key above it: one epoch further by that one takes all', () => {
    const blessed = extended(longAgo, recovery(of.meshKey, longAgo))
    expect(mergeChain(removed, shown(blessed))).toEqual(blessed)
  })
})

describe('a recovery key that still counts', () => {
  it('brings over those who knew more, and is the rival of any other recovery of its epoch', () => {
    const ahead = named(before, maria, nils)
    const after = extended(before, recovery(maria, before))
    expect(mergeChain(ahead, shown(after))).toEqual(after)
    expect(mergeChain(after, shown(ahead))).toBe(after)
    const rival = extended(before, recovery(of.meshKey, before, a))
    expect(thrownBy(() => mergeChain(rival, shown(after)))).toBe('RECOVERY_RIVALS')
    expect(thrownBy(() => mergeChain(after, shown(rival)))).toBe('RECOVERY_RIVALS')
  })
})

describe('operators marked for recovery in a group', () => {
  const add = (group: RealGroup, name: string, key: OperatorKey, mayRecover: boolean) => {
    const { charter } = group.state
    const added = { name, publicKey: key.publicKeyText, recovery: mayRecover, expects: operatorsVersionOf(charter) }
    return group.ask(
      signAsOperator(group.operator, 'olga', charter, { op: 'operator:add', ...added, reason: 'r', signedAtMs: 1 }),
    )
  }
  const remove = (group: RealGroup, name: string) => {
    const { charter } = group.state
    const asked = { op: 'operator:remove', name, expects: operatorsVersionOf(charter), reason: 'r', signedAtMs: 1 }
    return group.ask(signAsOperator(group.operator, 'olga', charter, asked))
  }

  it('are named by the chain as soon as the change is certified, and until that of their removal is', () => {
    const group = new RealGroup(1)
    expect(add(group, 'maria', maria, true)).toMatchObject({ ok: true })
    expect(group.chain.recoverers).toEqual([])
    group.keepLink()
    expect(group.chain.recoverers).toEqual([maria.publicKeyText])
    expect(add(group, 'nils', nils, false)).toMatchObject({ ok: true })
    expect(group.state.pendingChanges).toEqual([])
    group.keepCertificate()
    expect(outcome(extendChain(group.chain, recovery(maria, group.chain)))).toBe('ok')
    expect(outcome(extendChain(group.chain, stolen(nils, group.chain)))).toBe('RECOVERY_FORGED')
    expect(remove(group, 'maria')).toMatchObject({ ok: true })
    group.keepLink()
    expect(group.chain.recoverers).toEqual([])
    expect(
      verifyCharterBundle(
        { ...shown(group.chain), charter: canonicalBytes(group.state.charter) },
        { meshId: group.meshKey.meshId },
      ),
    ).toMatchObject({
      ok: true,
      value: { by: 'link' },
    })
  })

  it('are not named by a link that says otherwise than the charter', () => {
    const group = new RealGroup(1)
    add(group, 'maria', maria, true)
    const honest = decodeLinkStatement(group.link().statement)
    expect(honest.recoverers).toEqual([maria.publicKeyText])
    const [pending] = group.state.pendingChanges
    group.state = {
      ...group.state,
      pendingChanges: pending === undefined ? [] : [{ ...pending, recoverers: [nils.publicKeyText] }],
    }
    const forged = group.link()
    group.state = { ...group.state, pendingChanges: pending === undefined ? [] : [pending] }
    expect(() => group.keepLink(forged)).toThrow(/does not say/)
  })

  it('change no more once the chain has room for recoveries only', () => {
    const group = new RealGroup(1)
    const links = Array.from({ length: LINKS_FOR_RECOVERY_AT }, (_, at) => ({ index: at + 2, certificate: 'A' }))
    group.state = { ...group.state, links }
    expect(add(group, 'maria', maria, true)).toMatchObject({ ok: false, code: 'links-full' })
    expect(add(group, 'maria', maria, false)).toMatchObject({ ok: true })
  })

  it('are bounded, and a key that nobody can sign with is none', () => {
    const group = new RealGroup(1)
    for (let n = 0; n < RECOVERERS_MAX; n++) expect(add(group, `r${n}`, generateOperatorKey(), true)).toMatchObject({ ok: true })
    expect(add(group, 'one-more', maria, true)).toMatchObject({ ok: false, code: 'operators-full' })
    expect(add(group, 'one-more', maria, false)).toMatchObject({ ok: true })
    while (group.state.pendingChanges.length > 0) group.keepLink()
    expect(group.chain.recoverers).toHaveLength(RECOVERERS_MAX)
    const other = new RealGroup(1)
    expect(add(other, 'odd', { ...maria, publicKeyText: 'AAAA' }, true)).toMatchObject({ ok: true })
    expect(other.state.pendingChanges).toEqual([])
  })
})
