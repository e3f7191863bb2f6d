import { randomBytes } from 'node:crypto'
import { LINKS_BESIDE_ANCHOR } from '@vsmcp/consensus'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { anchorOf, anchorStatement, signedAnchor } from '../src/anchor.ts'
import { ANCHOR_PAST_MAX } from '../src/constants.ts'
import {
  type Chain,
  changesOf,
  combineLink,
  decodeChain,
  decodeLinkStatement,
  encodeChain,
  extendChain,
  generateMeshKey,
  generateOperatorKey,
  type Identity,
  isAnchored,
  type Link,
  LINKS_MAX,
  mergeChain,
  newestRecovery,
  nextLinkStatement,
  orThrow,
  signAnchor,
  signLink,
  signRecovery,
  verifyChain,
  VOUCHING_ERAS_MAX,
} from '../src/index.ts'
import { bytesOf, textOf } from '../src/form.ts'
import { chainThrough, changeTo, codeOf, flipped, linkTo, outcome, sha, thrownBy, world } from './fixtures.ts'

const of = world()
const [a, b, c, d] = of.all as [Identity, Identity, Identity, Identity]
const maria = generateOperatorKey()
const { meshId } = of.meshKey
const { firstCharter } = of.chain
const shown = ({ links }: { links: readonly Link[] }) => ({ firstCharter, links })
const verify = (links: readonly Link[]): string => outcome(verifyChain({ meshId, firstCharter, links }))

/** Two sets of one voter in turn: many changes, cheap to sign. */
function through(chain: Chain, count: number, change: Parameters<typeof linkTo>[3] = {}): Chain {
  return Array.from({ length: count }).reduce<Chain>((before) => {
    const [voter] = before.voters
    return orThrow(extendChain(before, linkTo(of, before, [voter === a.peerId ? b : a], change)))
  }, chain)
}

const LONG = 24
const long = through(of.chain, LONG)
const anchor = signAnchor(of.meshKey, long)
const covered = LONG - LINKS_BESIDE_ANCHOR
/** As whoever heard of the anchor holds it. */
const short = mergeChain(long, shown({ links: [anchor, ...long.links.slice(covered)] }))
/** The chain as it was after so many changes. */
const was = (count: number): Chain => orThrow(verifyChain({ meshId, firstCharter, links: long.links.slice(0, count) }))
const recovered = (key: Parameters<typeof signRecovery>[0], chain: Chain, recoverers: string[] = []): Chain =>
  orThrow(
    extendChain(
      chain,
      signRecovery(key, chain, {
        index: chain.index + 5,
        digestBefore: sha('b'),
        digestNow: sha('c'),
        voter: d.peerId,
        recoverers,
        atMs: 7,
        nonce: randomBytes(32),
      }),
    ),
  )

describe('a chain that begins with an anchor', () => {
  it('leads from the mesh id alone to the same voters, over fewer links, and goes on as the long one does', () => {
    expect(short.links).toHaveLength(1 + LINKS_BESIDE_ANCHOR)
    const verified = orThrow(verifyChain({ meshId, ...decodeChain(encodeChain(short)) }))
    expect(verified).toEqual(short)
    const { voters, recoverers, epoch, index } = long
    expect(verified).toMatchObject({ voters, recoverers, epoch, index })
    expect(verified.eras.slice(1)).toEqual(long.eras.slice(covered))
    expect(changesOf(verified)).toBe(LONG)
    const next = linkTo(of, long, [a, b, c])
    expect(orThrow(extendChain(short, next)).eras.at(-1)).toEqual(orThrow(extendChain(long, next)).eras.at(-1))
  })

  it('keeps beside it all voter sets that vouch for members', () => {
    expect(LINKS_BESIDE_ANCHOR).toBeGreaterThanOrEqual(VOUCHING_ERAS_MAX)
  })

  it('is shortened again, and counts on', () => {
    const more = through(short, LONG)
    const again = mergeChain(more, shown({ links: [signAnchor(of.meshKey, more), ...more.links.slice(-LINKS_BESIDE_ANCHOR)] }))
    expect(again.links).toHaveLength(1 + LINKS_BESIDE_ANCHOR)
    expect(changesOf(again)).toBe(2 * LONG)
    expect(again.eras.at(-1)).toEqual(more.eras.at(-1))
    expect(anchorOf(again.links[0])?.past).toHaveLength(2 * LONG - LINKS_BESIDE_ANCHOR)
    for (const older of [was(3), long, short, more]) {
      expect(mergeChain(older, shown(again))).toEqual(again)
      expect(mergeChain(again, shown(older))).toBe(again)
    }
  })

  it('is refused when the anchor is signed by another key, or by voters, or any of its bytes was changed', () => {
    const rest = long.links.slice(covered)
    const byOther = signedAnchor(generateMeshKey(), anchor.statement)
    expect(verify([byOther, ...rest])).toBe('ANCHOR_FORGED')
    expect(verify([{ ...anchor, signatures: byOther.signatures.map((each) => ({ ...each, peer: a.peerId })) }, ...rest])).toBe(
      'ANCHOR_FORGED',
    )
    expect(verify([{ ...anchor, signatures: [a, b].map((who) => signLink(who, anchor.statement)) }, ...rest])).toBe(
      'ANCHOR_FORGED',
    )
    expect(verify([{ ...anchor, signatures: [] }, ...rest])).toBe('ANCHOR_FORGED')
    fc.assert(
      fc.property(fc.nat(anchor.statement.length - 1), fc.integer({ min: 1, max: 255 }), (at, mask) => {
        const verdict = verify([{ ...anchor, statement: flipped(anchor.statement, at, mask) }, ...rest])
        expect(['ANCHOR_FORGED', 'LINK_FORGED', 'LINK_MALFORMED', 'LINK_SIGNATURES', 'CHAIN_BROKEN']).toContain(verdict)
      }),
    )
  })

  it('is refused when what is signed does not fit together', () => {
    const said = JSON.parse(textOf(anchor.statement)) as { anchor: { past: string; count: number } }
    const signed = (change: object): string =>
      verify([signedAnchor(of.meshKey, bytesOf(JSON.stringify({ ...said, anchor: { ...said.anchor, ...change } })))])
    expect(signed({})).toBe('ok')
    expect(signed({ digest: sha('d') })).toBe('ANCHOR_FORGED')
    expect(signed({ count: covered - 1 })).toBe('ANCHOR_FORGED')
    expect(signed({ past: said.anchor.past.slice(0, -1) })).toBe('LINK_MALFORMED')
    expect(signed({ past: 'A'.repeat(16 * (ANCHOR_PAST_MAX + 1)) })).toBe('LINK_MALFORMED')
    expect(signed({ past: '' })).toBe('LINK_MALFORMED')
  })

  it('is refused with links missing behind the anchor, or with the anchor anywhere but at the beginning', () => {
    const rest = long.links.slice(covered)
    expect(verify([anchor, ...rest.slice(1)])).toBe('CHAIN_BROKEN')
    expect(verify([anchor, ...long.links])).toBe('CHAIN_BROKEN')
    expect(verify([...long.links.slice(0, covered), anchor, ...rest])).toBe('CHAIN_BROKEN')
    expect(verify([anchor, anchor, ...rest])).toBe('CHAIN_BROKEN')
    expect(verify(rest)).toBe('CHAIN_BROKEN')
  })

  it('cut at its end is an earlier, valid chain: it does not take the place of a later one', () => {
    const cut = [anchor, ...long.links.slice(covered, covered + 3)]
    expect(verify(cut)).toBe('ok')
    expect(mergeChain(short, shown({ links: cut }))).toBe(short)
    // Who holds all links goes on from the anchor, and loses none of those behind it.
    expect(mergeChain(long, shown({ links: cut }))).toEqual(short)
  })

  it('of another group of the mesh, or of another mesh, is refused', () => {
    const foreign = world(2)
    const theirs = chainThrough(foreign, ...Array.from({ length: LONG }, (_, at) => [foreign.all[at % 2] ?? foreign.founder]))
    expect(verify([signAnchor(foreign.meshKey, theirs)])).toBe('CHAIN_BROKEN')
    const other = signedAnchor(of.meshKey, anchorStatement({ chain: { ...long, group: 'other' }, links: 4, recovery: undefined }))
    expect(verify([other])).toBe('CHAIN_BROKEN')
  })
})

describe('an anchor is signed', () => {
  it('by the key of the mesh, for a chain that has links to spare', () => {
    expect(thrownBy(() => signAnchor(generateMeshKey(), long))).toBe('ANCHOR_KEY_FOREIGN')
    expect(thrownBy(() => signAnchor(of.meshKey, was(LINKS_BESIDE_ANCHOR + 1)))).toBe('ANCHOR_NEEDLESS')
    expect(thrownBy(() => signAnchor(of.meshKey, short))).toBe('ANCHOR_NEEDLESS')
    expect(signAnchor(of.meshKey, was(LINKS_BESIDE_ANCHOR + 2)).statement.length).toBeGreaterThan(0)
  })

  it('with what it lists bounded: a chain that was shortened for years does not grow', () => {
    const eras = Array.from({ length: LINKS_MAX + 1 }, (_, at) => ({ ...long.eras[1], digest: sha((at % 10).toString()) }))
    const links = Array.from({ length: LINKS_MAX }, () => long.links[1])
    const chain = { meshId, group: long.group, eras, links } as unknown as Chain
    const past = (bytes: Uint8Array): number => anchorOf({ statement: bytes })?.past.length ?? 0
    let statement = anchorStatement({ chain, links: 200, recovery: undefined })
    for (let round = 0; round < 4; round++) {
      const [, ...rest] = links
      const begun = { ...chain, links: [{ statement, signatures: [] }, ...rest] } as unknown as Chain
      statement = anchorStatement({ chain: begun, links: 200, recovery: undefined })
    }
    expect(past(statement)).toBe(ANCHOR_PAST_MAX)
    expect(anchorOf({ statement })?.count).toBe(200 + 4 * 199)
    expect(decodeLinkStatement(statement).index).toBe(long.eras[1]?.index)
  })
})

describe('two chains of which one is shortened', () => {
  it('become the later one, on the anchor, whatever each knows of it', () => {
    fc.assert(
      fc.property(fc.nat(LONG), fc.nat(LONG), fc.boolean(), fc.boolean(), (one, two, isOneShort, isTwoShort) => {
        const at = (count: number, isShort: boolean): Chain =>
          isShort && count >= covered
            ? mergeChain(of.chain, shown({ links: [anchor, ...long.links.slice(covered, count)] }))
            : was(count)
        const [known, other] = [at(one, isOneShort), at(two, isTwoShort)]
        const merged = mergeChain(known, shown(other))
        expect(merged.index).toBe(Math.max(known.index, other.index))
        expect(isAnchored(merged)).toBe(isAnchored(known) || isAnchored(other))
        expect(merged).toEqual(orThrow(verifyChain({ meshId, ...shown(merged) })))
      }),
      { seed: 7, numRuns: 30 },
    )
  })

  it('bring back who was away since long before the anchor', () => {
    for (const count of [0, 1, covered - 1, covered, covered + 1, LONG])
      expect(mergeChain(was(count), shown(short))).toEqual(short)
  })

  it('bring back who was away for more changes than an anchor lists', () => {
    const onAnchor = (chain: Chain): Chain =>
      mergeChain(chain, shown({ links: [signAnchor(of.meshKey, chain), ...chain.links.slice(-LINKS_BESIDE_ANCHOR)] }))
    const rounds = Math.ceil(ANCHOR_PAST_MAX / 200) + 1
    const old = Array.from({ length: rounds }).reduce<Chain>((chain) => onAnchor(through(chain, 200)), short)
    expect(anchorOf(old.links[0])?.past).toHaveLength(ANCHOR_PAST_MAX)
    for (const count of [1, covered, LONG]) {
      expect(mergeChain(was(count), shown(old))).toEqual(old)
      expect(mergeChain(old, shown(was(count)))).toBe(old)
    }
    expect(mergeChain(short, shown(old))).toEqual(old)
    expect(mergeChain(was(3), shown(recovered(of.meshKey, old))).epoch).toBe(2)
    expect(mergeChain(old, shown(recovered(of.meshKey, was(3)))).epoch).toBe(2)
  })

  it('of which one was led astray by voters of before the anchor are refused as a fork, and nothing is forgotten', () => {
    for (const count of [0, 1, covered - 1, covered, covered + 2]) {
      const astray = orThrow(extendChain(was(count), linkTo(of, was(count), [c, d], { index: was(count).index + 3 })))
      for (const one of [astray, through(astray, 0), orThrow(extendChain(astray, linkTo(of, astray, [d])))]) {
        expect(thrownBy(() => mergeChain(one, shown(short)))).toBe('CHAIN_FORKED')
        expect(thrownBy(() => mergeChain(short, shown(one)))).toBe('CHAIN_FORKED')
      }
    }
  })

  it('contradict each other when the mesh key signed what the links do not say', () => {
    const said = JSON.parse(textOf(anchor.statement)) as object
    const false_ = signedAnchor(of.meshKey, bytesOf(JSON.stringify({ ...said, votersNow: [c.peerId] })))
    expect(verify([false_])).toBe('ok')
    expect(thrownBy(() => mergeChain(long, shown({ links: [false_] })))).toBe('ANCHOR_FORGED')
    // The links of then name the voters before themselves, so it leads nowhere with them.
    expect(verify([false_, ...long.links.slice(covered)])).toBe('CHAIN_BROKEN')
  })
})

describe('nodes that each know their own part of what happened', () => {
  /** A history: how many changes one after the other, by which two voters, where it left another one, and how it goes on there. */
  interface Step {
    readonly of: number
    readonly at: number
    readonly how: 'goes on' | 'is recovered' | 'is led astray' | 'is anchored'
  }
  const steps = fc.array(
    fc.record({
      of: fc.nat(20),
      at: fc.nat(30),
      how: fc.constantFrom<Step['how'][]>('goes on', 'is recovered', 'is led astray', 'is anchored', 'is anchored'),
    }),
    { minLength: 2, maxLength: 4 },
  )
  const cut = (chain: Chain, at: number): Chain =>
    orThrow(verifyChain({ meshId, firstCharter, links: chain.links.slice(0, Math.max(1, at % (chain.links.length + 1))) }))
  const stepped = (chain: Chain, { at, how }: Step): Chain => {
    if (how === 'goes on') return through(chain, 1 + (at % 4))
    if (how === 'is recovered') return through(recovered(of.meshKey, cut(chain, at)), 1)
    if (how === 'is led astray') return through(cut(chain, at), 1, { digestNow: sha((at % 10).toString()) })
    if (chain.links.length < LINKS_BESIDE_ANCHOR + 2) return chain
    return mergeChain(chain, shown({ links: [signAnchor(of.meshKey, chain), ...chain.links.slice(-LINKS_BESIDE_ANCHOR)] }))
  }
  const shownTo = (known: Chain, other: Chain): Chain | string => {
    try {
      return mergeChain(known, shown(other))
    } catch (error) {
      return codeOf(error)
    }
  }

  it('come to the same, whoever shows whom, or both refuse; and nobody goes back to an earlier epoch or index', () => {
    fc.assert(
      fc.property(steps, (history) => {
        const chains = history.reduce<Chain[]>(
          (all, step) => [...all, stepped(all[step.of % all.length] ?? long, step)],
          [long, short],
        )
        const pairs = chains.flatMap((one, at) => chains.slice(at + 1).map((two) => [one, two] as const))
        for (const [one, two] of pairs) {
          const [merged, other] = [shownTo(one, two), shownTo(two, one)]
          if (typeof merged === 'string' || typeof other === 'string') {
            expect(merged).toBe(other)
            expect(['CHAIN_FORKED', 'RECOVERY_RIVALS']).toContain(merged)
            continue
          }
          expect(other.eras.at(-1)).toEqual(merged.eras.at(-1))
          expect(merged.epoch).toBe(Math.max(one.epoch, two.epoch))
          if (one.epoch === two.epoch) expect(merged.index).toBe(Math.max(one.index, two.index))
          if (merged !== one && merged !== two) expect(orThrow(verifyChain({ meshId, ...shown(merged) }))).toEqual(merged)
        }
      }),
      { seed: 19, numRuns: 8 },
    )
  })
})

describe('an anchor and recoveries', () => {
  it('of a later epoch that the mesh key began, before or behind where they part, goes as ever', () => {
    const later = recovered(of.meshKey, short)
    expect(mergeChain(long, shown(later))).toEqual(later)
    expect(mergeChain(later, shown(long))).toBe(later)
    const earlier = recovered(of.meshKey, was(3))
    expect(mergeChain(short, shown(earlier))).toEqual(earlier)
    expect(mergeChain(earlier, shown(short))).toBe(earlier)
  })

  it('still names who began its epoch when the recovery is among what it stands for', () => {
    const second = through(recovered(of.meshKey, was(3)), LONG)
    const anchored = mergeChain(
      second,
      shown({ links: [signAnchor(of.meshKey, second), ...second.links.slice(-LINKS_BESIDE_ANCHOR)] }),
    )
    expect(isAnchored(anchored)).toBe(true)
    expect(newestRecovery(anchored)).toEqual(newestRecovery(second))
    expect(newestRecovery(anchored)).toMatchObject({ epoch: 2, voter: d.peerId, atMs: 7 })
    // Whoever is in the epoch before stands down, and who began the same one anew is its rival.
    expect(mergeChain(long, shown(anchored))).toEqual(anchored)
    expect(thrownBy(() => mergeChain(anchored, shown(recovered(of.meshKey, was(5)))))).toBe('RECOVERY_RIVALS')
  })

  it('refuses a recovery key that was removed before it, however the recovery is dated', () => {
    const naming = { recoverers: [maria.publicKeyText] }
    const named = through(of.chain, 2, naming)
    const removed = through(named, LONG)
    const anchored = mergeChain(
      removed,
      shown({ links: [signAnchor(of.meshKey, removed), ...removed.links.slice(-LINKS_BESIDE_ANCHOR)] }),
    )
    expect(anchored.recoverers).toEqual([])
    const stolen = recovered(maria, named, naming.recoverers)
    expect(thrownBy(() => mergeChain(anchored, shown(stolen)))).toBe('RECOVERY_KEY_REMOVED')
    expect(thrownBy(() => mergeChain(removed, shown(stolen)))).toBe('RECOVERY_KEY_REMOVED')
    // Who followed the thief is told by the anchor, and takes the group for one that is behind where there is none.
    expect(thrownBy(() => mergeChain(stolen, shown(anchored)))).toBe('RECOVERY_KEY_REMOVED')
    expect(mergeChain(stolen, shown(removed))).toBe(stolen)
    // An epoch that the mesh key begins brings it back, or makes the other right.
    const twice = recovered(of.meshKey, recovered(of.meshKey, anchored))
    expect(mergeChain(stolen, shown(twice))).toEqual(twice)
    const confirmed = recovered(of.meshKey, stolen)
    expect(mergeChain(confirmed, shown(anchored))).toBe(confirmed)
    expect(mergeChain(anchored, shown(confirmed))).toEqual(confirmed)
  })

  it('lets a recovery key start an epoch that the anchor names', () => {
    const named = through(of.chain, LONG, { recoverers: [maria.publicKeyText] })
    const anchored = mergeChain(
      named,
      shown({ links: [signAnchor(of.meshKey, named), ...named.links.slice(-LINKS_BESIDE_ANCHOR)] }),
    )
    const next = recovered(maria, anchored, [maria.publicKeyText])
    expect(mergeChain(anchored, shown(next))).toEqual(next)
    expect(mergeChain(named, shown(next))).toEqual(next)
    const early = recovered(maria, orThrow(verifyChain({ meshId, firstCharter, links: named.links.slice(0, 3) })), [
      maria.publicKeyText,
    ])
    expect(mergeChain(early, shown(anchored))).toBe(early)
    expect(mergeChain(anchored, shown(early))).toEqual(early)
  })
})

describe('a link that voters sign', () => {
  it('is no anchor, whatever fields they put into it', () => {
    const next = decodeLinkStatement(nextLinkStatement(of.chain, changeTo(of.chain, [a, b])))
    for (const extra of [{ anchor: {} }, { anchor: null }, { recovery: {} }]) {
      const statement = bytesOf(JSON.stringify({ ...next, ...extra }))
      const link = combineLink(
        statement,
        [a, b].map((who) => signLink(who, statement)),
      )
      expect(verify([link])).toBe('LINK_MALFORMED')
    }
  })
})
