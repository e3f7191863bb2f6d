import { whichCounts } from '@vsmcp/consensus'
import type { PeerIdString } from '@vsmcp/kernel'
import { type Anchor, anchorOf, eraDigest, pastDigest } from './anchor.ts'
import {
  type Chain,
  chainOf,
  chainUntil,
  changesOf,
  isAfter,
  newestEra,
  type ShownChain,
  type VoterEra,
  withLink,
} from './chain.ts'
import { AnchorForgedError, ChainForkedError, ChainOtherGroupError, RecoveryRivalsError } from './errors.ts'
import { factsOf, type SignedCharter } from './first-charter.ts'
import { assertMayRecover, assertNotMisled } from './recovery-keys.ts'
import { newestRecovery } from './recovery.ts'

/**
 * The later of a known chain and one shown by somebody: the longer when one is the beginning of the other, else, where they part,
 * the one of the higher epoch, before which the other stands down (rule 9). Links known already are compared, not verified again.
 * Throws `ChainOtherGroupError` for the chain of another group, `RecoveryRivalsError` when two recoveries started one epoch, `ChainForkedError` when both are genuine and contradict each
 * other within an epoch, `RecoveryKeyRemovedError` for a recovery by a key that is known to count no more, and what `verifyChain`
 * refuses with for a shown one that is not genuine.
 */
export function mergeChain(known: Chain, shown: ShownChain): Chain {
  if (!sameBytes(known.firstCharter.charter, shown.firstCharter.charter)) {
    assertSameGroup(known, shown.firstCharter)
    chainOf(known.meshId, shown.firstCharter)
    throw new ChainForkedError(`mesh ${known.meshId} shows two first charters`, {
      hint: 'Whoever holds the mesh key signed twice: decide which of the two meshes is the real one, and make the other anew.',
    })
  }
  return beginsAlike(known, shown) ? mergedAlong(known, shown) : mergedAcross(known, shown)
}

/** Whether both hold every link from the first charter on, or stand on the same anchor. */
function beginsAlike({ links: [ours] }: ShownChain, { links: [theirs] }: ShownChain): boolean {
  if (ours === undefined || theirs === undefined || sameBytes(ours.statement, theirs.statement)) return true
  return (anchorOf(ours) ?? anchorOf(theirs)) === undefined
}

function mergedAlong(known: Chain, shown: ShownChain): Chain {
  const shared = Math.min(known.links.length, shown.links.length)
  for (let at = 0; at < shared; at++) {
    const ours = known.links[at]
    const theirs = shown.links[at]
    if (ours === undefined || theirs === undefined || sameBytes(ours.statement, theirs.statement)) continue
    const other = shown.links.slice(at).reduce(withLink, chainUntil(known, at))
    return laterOf(known, other, known.eras[at] ?? newestEra(known))
  }
  return shown.links.slice(shared).reduce(withLink, known)
}

/**
 * One of them is shortened, or both are, and not at the same place. An anchor lists what it stands for, so who was away since before it
 * sees that it was on this chain; what parts before it is judged as ever. The result stands on the anchor of the two that covers more.
 */
function mergedAcross(known: Chain, shown: ShownChain): Chain {
  const isShorter = coveredBy(shown) > coveredBy(known)
  const newest = shown.links.at(-1)
  if (!isShorter && newest !== undefined && isOf(known, eraDigest(newest))) return known
  const other = shown.links.reduce(withLink, chainUntil(known, 0))
  assertAgree(known, other)
  if (isBehind(known, other)) return isShorter ? other : continued(known, other)
  if (isBehind(other, known)) return isShorter ? continued(other, known) : known
  return laterOf(known, other, newestCommon(known, other))
}

/** Whether a chain has got as far as the other's newest change, or the other ended before what its anchor lists begins: the mesh key vouches for that one. */
function isBehind(chain: Chain, other: Chain): boolean {
  if (isOf(other, newestEra(chain).digest)) return true
  const { count = 0, past = [] } = anchorOf(other.links[0]) ?? {}
  return chain.epoch <= other.epoch && changesOf(chain) <= count - past.length
}

/** The one chain, and what the other has beyond its end. */
function continued(chain: Chain, other: Chain): Chain {
  const { digest } = newestEra(chain)
  const at = other.eras.findIndex((era) => era.digest === digest)
  return at === -1 ? chain : other.links.slice(at).reduce(withLink, chain)
}

/** Of two that part, where they last agree being known. Throws as `mergeChain` does. */
function laterOf(known: Chain, other: Chain, common: VoterEra): Chain {
  const counts = whichCounts({ common: common.epoch, known: known.epoch, shown: other.epoch })
  if (counts === 'known') {
    assertNotMisled(known, common, other)
    return known
  }
  assertMayRecover(known, common, other)
  if (counts === 'shown') return other
  if (counts === 'rivals') throw rivals(known, other)
  const after = known.eras.find((era) => isAfter(era, common))
  throw new ChainForkedError(
    `two different changes of voters follow index ${common.index}, both signed by a majority: at ${after?.index} as known here, another one as shown`,
    { hint: 'A majority of the voters signed twice, or a copied data directory voted: stop it, and recover the group.' },
  )
}

/** The newest era that both went through, as far as either says. */
function newestCommon(known: Chain, other: Chain): VoterEra {
  const [isOfKnown, isOfOther] = [ancestryOf(known), ancestryOf(other)]
  const common = [
    ...known.eras.filter(({ digest }) => isOfOther(digest)),
    ...other.eras.filter(({ digest }) => isOfKnown(digest)),
  ]
  return common.reduce((newest, era) => (isAfter(era, newest) ? era : newest))
}

/** An anchor must say of a change that both know just what the change itself says. */
function assertAgree(known: Chain, other: Chain): void {
  const eras = new Map(known.eras.map((era) => [era.digest, era]))
  const differs = other.eras.find((era) => {
    const ours = eras.get(era.digest)
    return ours !== undefined && textOf(ours) !== textOf(era)
  })
  if (differs === undefined) return
  throw new AnchorForgedError(`the anchor of index ${differs.index} names other voters than the links it stands for`, {
    hint: 'Whoever holds the mesh key signed what was not so: trust nothing from whoever showed it.',
    details: { index: differs.index },
  })
}

function textOf({ epoch, index, voters, recoverers }: VoterEra): string {
  return [epoch, index, voters.join(), recoverers.join()].join(' ')
}

/** Whether a change of voters, by the digest of its era, is one of this chain's, or of those that its anchor lists. */
export function isOf(chain: Chain, digest: string): boolean {
  return ancestryOf(chain)(digest)
}

function ancestryOf({ eras, links: [first] }: Chain): (digest: string) => boolean {
  const known = new Set(eras.map(({ digest }) => digest))
  const past = new Set(anchorOf(first)?.past)
  return (digest) => known.has(digest) || past.has(pastDigest(digest))
}

function coveredBy({ links: [first] }: ShownChain): Anchor['count'] {
  return anchorOf(first)?.count ?? 0
}

/** Two groups of one mesh have two chains, and neither is a fork of the other. Nothing is verified: it is refused either way. */
function assertSameGroup(known: Chain, shown: SignedCharter): void {
  if (known.parent === undefined && !('grant' in shown)) return
  const { groupId } = factsOf(shown.charter, known.meshPublicKey)
  if (groupId === known.group) return
  throw new ChainOtherGroupError(`the chain shown is of group ${groupId}, and not of ${known.group}`, {
    hint: 'A member of one group is none of another: ask it for what it has of this one.',
    details: { shown: groupId, expected: known.group },
  })
}

function rivals(known: Chain, other: Chain): RecoveryRivalsError {
  return new RecoveryRivalsError(
    `epoch ${known.epoch} of mesh ${known.meshId} was started twice: with ${recovererOf(known)} as its first voter, and with ${recovererOf(other)}`,
    {
      hint: 'Neither decides now. Choose one: stop it, run `vsmcp recover --force-quorum` on it once more, and the other stands down when they meet.',
      details: { epoch: known.epoch, known: recovererOf(known), shown: recovererOf(other) },
    },
  )
}

/** The voter that the chain's epoch began with. */
function recovererOf(chain: Chain): PeerIdString {
  return newestRecovery(chain)?.voter ?? 'nobody'
}

function sameBytes(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, at) => byte === b[at])
}
