import { randomBytes } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import {
  type Chain,
  decodeChain,
  encodeChain,
  extendChain,
  generateMeshKey,
  type Identity,
  type Link,
  mergeChain,
  newestRecovery,
  orThrow,
  signLink,
  signRecovery,
  verifyChain,
  verifyPassport,
  encodePassport,
} from '../src/index.ts'
import {
  chainThrough,
  credentialFor,
  flipped,
  linkTo,
  NOW_MS,
  outcome,
  passportOf,
  rootCharterOf,
  sha,
  thrownBy,
  world,
} from './fixtures.ts'

const of = world()
const [a, b, c, d, e] = of.all as [Identity, Identity, Identity, Identity, Identity]
const base = chainThrough(of, [a, b, c])

const recoveryBy = (voter: Identity, chain: Chain, index = chain.index + 5, key = of.meshKey): Link =>
  signRecovery(key, chain, {
    index,
    digestBefore: sha('b'),
    digestNow: sha('c'),
    voter: voter.peerId,
    atMs: NOW_MS,
    nonce: randomBytes(32),
  })
const recovered = (voter: Identity, chain: Chain): Chain => orThrow(extendChain(chain, recoveryBy(voter, chain)))
const shown = ({ firstCharter, links }: Chain) => ({ firstCharter, links })

describe('a recovery', () => {
  const after = recovered(c, base)

  it('starts the next epoch with one voter, by the mesh key alone, and is verified from the mesh id alone', () => {
    const verified = orThrow(verifyChain({ meshId: of.meshKey.meshId, ...decodeChain(encodeChain(after)) }))
    expect(verified).toMatchObject({ epoch: 2, voters: [c.peerId], index: base.index + 5 })
    expect(newestRecovery(verified)).toMatchObject({ epoch: 2, voter: c.peerId })
    expect(newestRecovery(base)).toBeUndefined()
  })

  it('is followed by ordinary changes of its own voters, and by a further recovery', () => {
    const grown = orThrow(extendChain(after, linkTo(of, after, [c, d, e])))
    expect(grown).toMatchObject({ epoch: 2, voters: [c.peerId, d.peerId, e.peerId].toSorted() })
    expect(recovered(e, grown)).toMatchObject({ epoch: 3, voters: [e.peerId] })
    expect(newestRecovery(recovered(e, grown))?.voter).toBe(e.peerId)
  })

  it('is refused when anybody else signed it, when it was changed, or has a second signature', () => {
    const link = recoveryBy(c, base)
    const told = (change: Link): string => outcome(extendChain(base, change))
    expect(told(link)).toBe('ok')
    const [signature] = link.signatures
    if (signature === undefined) throw new Error('unsigned')
    expect(told({ ...link, signatures: [] })).toBe('RECOVERY_FORGED')
    expect(told({ ...link, signatures: [a, b, c].map((voter) => signLink(voter, link.statement)) })).toBe('RECOVERY_FORGED')
    expect(told({ ...link, signatures: [signature, signature] })).toBe('RECOVERY_FORGED')
    expect(told({ ...link, signatures: [{ ...signature, signature: flipped(signature.signature) }] })).toBe('RECOVERY_FORGED')
    const text = Buffer.from(link.statement).toString()
    const changed = (from: string, to: string): Link => ({ ...link, statement: Buffer.from(text.replace(from, to)) })
    expect(told(changed(`"votersNow":["${c.peerId}"]`, `"votersNow":["${d.peerId}"]`))).toBe('RECOVERY_FORGED')
    expect(told(changed('"epoch":2', '"epoch":3'))).toBe('CHAIN_BROKEN')
    expect(told(changed('"epoch":2', '"epoch":1'))).toBe('CHAIN_BROKEN')
    expect(told(changed(`"mesh":"${of.meshKey.meshId}"`, `"mesh":"${'0'.repeat(32)}"`))).toBe('CHAIN_BROKEN')
  })

  it('cannot be passed off as an ordinary change, nor an ordinary change as one', () => {
    const link = recoveryBy(c, base)
    const bare = Buffer.from(
      Buffer.from(link.statement)
        .toString()
        .replace(/,"recovery":\{.*\}\}$/, '}'),
    )
    expect(outcome(extendChain(base, { ...link, statement: bare }))).toBe('CHAIN_BROKEN')
    const ordinary = linkTo(of, base, [a, b, d])
    const dressed = Buffer.from(
      Buffer.from(ordinary.statement)
        .toString()
        .replace(/\}$/, `,"recovery":{"atMs":1,"nonce":"${randomBytes(32).toString('base64url')}"}}`),
    )
    expect(outcome(extendChain(base, { ...ordinary, statement: dressed }))).toBe('CHAIN_BROKEN')
    // The mesh key signs first charters, too: neither signature is good for the other.
    const { meshPublicKey, signature } = rootCharterOf(base)
    expect(meshPublicKey).toEqual(of.meshKey.publicKey)
    const [recoverySignature] = link.signatures
    const borrowed = { ...link, signatures: [{ peer: recoverySignature?.peer ?? '', signature }] }
    expect(outcome(extendChain(base, borrowed))).toBe('RECOVERY_FORGED')
  })

  it('needs the key of this mesh', () => {
    expect(thrownBy(() => recoveryBy(c, base, base.index + 1, generateMeshKey()))).toBe('RECOVERY_KEY_FOREIGN')
  })
})

describe('chains that part', () => {
  const before = chainThrough(of, [a, b, c])
  const older = orThrow(extendChain(before, linkTo(of, before, [a, b, d])))
  const newer = recovered(c, before)

  it('the older epoch stands down to the newer, whoever shows which, however far it went on', () => {
    expect(mergeChain(older, shown(newer))).toEqual(newer)
    expect(mergeChain(newer, shown(older))).toBe(newer)
    const longer = [
      [a, b, e],
      [a, b, d],
      [a, b, e],
    ].reduce((chain, now) => orThrow(extendChain(chain, linkTo(of, chain, now))), older)
    expect(mergeChain(longer, shown(newer))).toEqual(newer)
    expect(mergeChain(newer, shown(longer))).toBe(newer)
  })

  it('two recoveries of one epoch are rivals, wherever they parted; the next epoch of either ends it', () => {
    const rival = recovered(a, before)
    const late = recovered(d, older)
    for (const other of [rival, late]) {
      expect(thrownBy(() => mergeChain(newer, shown(other)))).toBe('RECOVERY_RIVALS')
      expect(thrownBy(() => mergeChain(other, shown(newer)))).toBe('RECOVERY_RIVALS')
    }
    const again = recovered(c, newer)
    expect(mergeChain(rival, shown(again))).toEqual(again)
    expect(mergeChain(again, shown(rival))).toBe(again)
  })

  it('within an epoch are a fork, also in a later one', () => {
    const fork = orThrow(extendChain(before, linkTo(of, before, [a, b, e])))
    expect(thrownBy(() => mergeChain(older, shown(fork)))).toBe('CHAIN_FORKED')
    const [one, other] = [
      [c, d, e],
      [c, a, b],
    ].map((now) => orThrow(extendChain(newer, linkTo(of, newer, now))))
    if (one === undefined || other === undefined) throw new Error('no chains')
    expect(thrownBy(() => mergeChain(one, shown(other)))).toBe('CHAIN_FORKED')
  })

  it('a newer epoch that is not genuine moves nobody', () => {
    const link = recoveryBy(c, before, before.index + 5)
    const [signature] = link.signatures
    const forged = { ...link, signatures: [{ peer: signature?.peer ?? '', signature: randomBytes(64) }] }
    expect(thrownBy(() => mergeChain(older, { firstCharter: before.firstCharter, links: [...before.links, forged] }))).toBe(
      'RECOVERY_FORGED',
    )
  })

  it('a member of before the recovery is still believed after it, and told of the newer epoch', async () => {
    const credential = await credentialFor(before, e, [a, b])
    const check = { meshId: of.meshKey.meshId, nowMs: NOW_MS, revocations: [] }
    const payload = encodePassport(passportOf(older, credential))
    const heard = orThrow(await verifyPassport(e.peerId, payload, { ...check, knownChain: newer }))
    expect(heard).toMatchObject({ extendsKnown: false, chain: { epoch: 2 } })
    const told = encodePassport(passportOf(newer, credential))
    expect(orThrow(await verifyPassport(e.peerId, told, { ...check, knownChain: older }))).toMatchObject({
      extendsKnown: true,
      chain: { epoch: 2, voters: [c.peerId] },
    })
  })
})
