import { whichCounts } from '@vsmcp/consensus'
import { GROUP_DEPTH_MAX, LINKS_FOR_RECOVERY_AT, LINKS_KEPT_FREE_AT } from '@vsmcp/consensus'
import type { GroupId, MeshId, PeerIdString } from '@vsmcp/kernel'
import { z } from 'zod'
import { FIRST_ERA_INDEX, LINKS_MAX, PASSPORT_BYTES_MAX } from './constants.ts'
import {
  ChainBrokenError,
  ChainForkedError,
  ChainOtherGroupError,
  CharterMalformedError,
  ChainFullError,
  LinkMalformedError,
  RecoveryRivalsError,
} from './errors.ts'
import { linksField, signedCharterField } from './fields.ts'
import { type CharterFacts, factsOf, type SignedCharter, verifyFirstCharter } from './first-charter.ts'
import { decoding, pack, unpack } from './form.ts'
import { verifyGrantedCharter } from './granted-charter.ts'
import { decodeLinkStatement, digestOf, encodeLinkStatement, type Link, type LinkStatement, verifyLink } from './link.ts'
import { assertMayRecover } from './recovery-keys.ts'
import { recoveryOf, verifyRecovery } from './recovery.ts'
import { type Verdict, verdictOf } from './verdict.ts'

/** A voter set, the recovery keys beside it, and since when both stand. */
export interface VoterEra {
  readonly epoch: number
  /** Log index of the change that brought it; 0 for the first. */
  readonly index: number
  /** Ascending. */
  readonly voters: readonly PeerIdString[]
  /** base64url of the public keys that may start the next epoch, beside the mesh key; ascending. */
  readonly recoverers: readonly string[]
  /** Digest of the link's statement, or of the first charter. */
  readonly digest: string
}

/** A verified chain; only `verifyChain` and `extendChain` make one. */
export interface Chain {
  readonly meshId: MeshId
  /** Raw Ed25519 public key of the mesh: that of the root's first charter, for all groups below, too. */
  readonly meshPublicKey: Uint8Array
  readonly group: GroupId
  /** The one the group was founded with. */
  readonly path: string
  /** The chain of the group above, as far as the voters that granted this group; undefined for the root. */
  readonly parent: Chain | undefined
  readonly firstCharter: SignedCharter
  readonly links: readonly Link[]
  /** One per voter set, the first charter's first; never empty. */
  readonly eras: readonly VoterEra[]
  /** Of the newest era. */
  readonly voters: readonly PeerIdString[]
  readonly recoverers: readonly string[]
  readonly epoch: number
  readonly index: number
}

/** What of a chain is stored and shown. */
export type ShownChain = Pick<Chain, 'firstCharter' | 'links'>

/** What a change of voters adds to what the chain says already. */
export interface VoterChange {
  readonly epoch: number
  readonly index: number
  readonly digestBefore: string
  readonly digestNow: string
  readonly votersNow: readonly PeerIdString[]
  readonly recoverers?: readonly string[]
}

const chainSchema = z.object({ firstCharter: signedCharterField, links: linksField })

/** Offline: from the mesh id alone to the voters of now. */
export function verifyChain(input: { meshId: MeshId } & ShownChain): Verdict<Chain> {
  return verdictOf(() => input.links.reduce(withLink, chainOf(input.meshId, input.firstCharter)))
}

/** Adds one link, verified. */
export function extendChain(chain: Chain, link: Link): Verdict<Chain> {
  return verdictOf(() => withLink(chain, link))
}

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
  const shared = Math.min(known.links.length, shown.links.length)
  for (let at = 0; at < shared; at++) {
    const ours = known.links[at]
    const theirs = shown.links[at]
    if (ours === undefined || theirs === undefined || sameBytes(ours.statement, theirs.statement)) continue
    const common = chainUntil(known, at)
    const other = shown.links.slice(at).reduce(withLink, common)
    const counts = whichCounts({ common: common.epoch, known: known.epoch, shown: other.epoch })
    if (counts === 'known') return known
    assertMayRecover(known, common, other)
    if (counts === 'shown') return other
    if (counts === 'rivals') throw rivals(known, other)
    throw new ChainForkedError(
      `two different changes of voters follow index ${known.eras[at]?.index}, both signed by a majority: at ${known.eras[at + 1]?.index} as known here, another one as shown`,
      { hint: 'A majority of the voters signed twice, or a copied data directory voted: stop it, and recover the group.' },
    )
  }
  return shown.links.slice(shared).reduce(withLink, known)
}

/** The statement every voter signs for the next change, the same bytes at each of them: what is not given comes from the chain. */
export function nextLinkStatement(chain: Chain, change: VoterChange): Uint8Array {
  assertRoom(chain)
  const statement: LinkStatement = {
    mesh: chain.meshId,
    group: chain.group,
    epoch: change.epoch,
    index: change.index,
    previous: newestEra(chain).digest,
    digestBefore: change.digestBefore,
    digestNow: change.digestNow,
    votersBefore: chain.voters,
    votersNow: change.votersNow,
    ...(change.recoverers === undefined ? {} : { recoverers: change.recoverers }),
  }
  assertFollows(chain, statement, false)
  return encodeLinkStatement(statement)
}

/** Whether the voters stay as they are: what room is left is for a group that must get back to three, and for recoveries. */
export function mustKeepVoters({ links, voters }: Pick<Chain, 'links' | 'voters'>): boolean {
  return links.length >= (voters.length < FAILOVER_VOTERS_MIN ? LINKS_FOR_RECOVERY_AT : LINKS_KEPT_FREE_AT)
}

/** With fewer a group does not survive the failure of one. */
const FAILOVER_VOTERS_MIN = 3

/** First charter and links, for storing and sending. */
export function encodeChain(chain: ShownChain): Uint8Array {
  const { firstCharter, links } = chain
  return decoding(
    () => pack(chainSchema, { firstCharter, links: copyOf(links) }, PASSPORT_BYTES_MAX),
    (reason, cause) => new LinkMalformedError(`this chain of voters cannot be stored: ${reason}`, { cause }),
  )
}

/** Throws `LinkMalformedError`. What it gives is not verified yet: see `verifyChain`. */
export function decodeChain(bytes: Uint8Array): ShownChain {
  return decoding(
    () => unpack(chainSchema, bytes, PASSPORT_BYTES_MAX),
    (reason, cause) =>
      new LinkMalformedError(`this is no chain of voters: ${reason}`, { hint: 'It is damaged, or of another version.', cause }),
  )
}

/** The form that schemas encode, which take no readonly arrays. */
export function copyOf(links: readonly Link[]): { statement: Uint8Array; signatures: Link['signatures'][number][] }[] {
  return links.map(({ statement, signatures }) => ({ statement, signatures: [...signatures] }))
}

function chainOf(meshId: MeshId, firstCharter: SignedCharter, levels = GROUP_DEPTH_MAX): Chain {
  const { meshPublicKey, parent, facts } = vouchedBegin(meshId, firstCharter, levels)
  const { groupId: group, path, epoch, voters, recoverers } = facts
  const era: VoterEra = { epoch, index: FIRST_ERA_INDEX, voters, recoverers, digest: digestOf(firstCharter.charter) }
  const begins = { meshId, meshPublicKey, group, path, parent, firstCharter }
  return { ...begins, links: [], eras: [era], voters, recoverers, epoch, index: era.index }
}

/** Up to the mesh key, group by group. */
function vouchedBegin(
  meshId: MeshId,
  first: SignedCharter,
  levels: number,
): Pick<Chain, 'meshPublicKey' | 'parent'> & { facts: CharterFacts } {
  if (!('grant' in first)) {
    return { meshPublicKey: first.meshPublicKey, parent: undefined, facts: verifyFirstCharter(meshId, first) }
  }
  if (levels === 0) {
    throw new CharterMalformedError(`this is no first charter: it is more than ${GROUP_DEPTH_MAX} levels below the root`)
  }
  const parent = first.parent.links.reduce(withLink, chainOf(meshId, first.parent.firstCharter, levels - 1))
  return { meshPublicKey: parent.meshPublicKey, parent, facts: verifyGrantedCharter(first, parent) }
}

function withLink(chain: Chain, link: Link): Chain {
  assertRoom(chain)
  const read = decodeLinkStatement(link.statement)
  const isRecovery = recoveryOf(link.statement) !== undefined
  assertFollows(chain, read, isRecovery)
  const statement = isRecovery ? verifyRecovery(link, chain.meshPublicKey, chain.recoverers) : verifyLink(link)
  const { epoch, index, votersNow: voters, recoverers = [] } = statement
  const era: VoterEra = { epoch, index, voters, recoverers, digest: digestOf(link.statement) }
  return { ...chain, links: [...chain.links, link], eras: [...chain.eras, era], voters, recoverers, epoch, index }
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

/** The chain as it was after so many links. */
function chainUntil(chain: Chain, count: number): Chain {
  const { epoch, index, voters, recoverers } = chain.eras[count] ?? newestEra(chain)
  const [links, eras] = [chain.links.slice(0, count), chain.eras.slice(0, count + 1)]
  return { ...chain, links, eras, epoch, index, voters, recoverers }
}

export function newestEra(chain: Chain): VoterEra {
  const era = chain.eras.at(-1)
  if (era === undefined) throw new ChainBrokenError('a chain without a first charter')
  return era
}

function assertRoom(chain: Chain): void {
  if (chain.links.length < LINKS_MAX) return
  throw new ChainFullError(`the chain of mesh ${chain.meshId} has its ${LINKS_MAX} changes of voters`, {
    hint: 'The voters of now stay, and no epoch can begin: make a new mesh. `status` says from three quarters on how many links there are.',
  })
}

function assertFollows(chain: Chain, statement: LinkStatement, isRecovery: boolean): void {
  const reason = whyNotAfter(chain, statement, isRecovery)
  if (reason === undefined) return
  throw new ChainBrokenError(
    `the change of voters at index ${statement.index} does not follow the one at ${chain.index}: ${reason}`,
    {
      hint: 'Links are missing, or in the wrong order, or not of this group: get the whole chain from another member.',
      details: { index: statement.index, after: chain.index },
    },
  )
}

function whyNotAfter(chain: Chain, statement: LinkStatement, isRecovery: boolean): string | undefined {
  if (statement.mesh !== chain.meshId) return `it is of mesh ${statement.mesh}`
  if (statement.group !== chain.group) return `it is of group ${statement.group}`
  if (statement.index <= chain.index) return 'the index does not grow'
  if (statement.epoch < chain.epoch) return 'the epoch is an earlier one'
  const epoch = isRecovery ? chain.epoch + 1 : chain.epoch
  if (statement.epoch !== epoch) return `the epoch is ${statement.epoch}, and only a recovery goes on to the next one`
  if (statement.previous !== newestEra(chain).digest) return 'it names another one before it'
  const before = chain.voters
  if (statement.votersBefore.length !== before.length || statement.votersBefore.some((voter, at) => voter !== before[at])) {
    return 'it names other voters before it'
  }
  return undefined
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
function recovererOf({ eras, epoch }: Chain): PeerIdString {
  return eras.find((era) => era.epoch === epoch)?.voters[0] ?? 'nobody'
}

function sameBytes(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, at) => byte === b[at])
}
