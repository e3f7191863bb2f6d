import { GROUP_DEPTH_MAX, LINKS_FOR_RECOVERY_AT, LINKS_KEPT_FREE_AT } from '@vsmcp/consensus'
import type { GroupId, MeshId, PeerIdString } from '@vsmcp/kernel'
import { z } from 'zod'
import { anchorOf, eraOf, verifyAnchor } from './anchor.ts'
import { FIRST_ERA_INDEX, LINKS_MAX, PASSPORT_BYTES_MAX } from './constants.ts'
import { ChainBrokenError, CharterMalformedError, ChainFullError, LinkMalformedError } from './errors.ts'
import { linksField, signedCharterField } from './fields.ts'
import { type CharterFacts, type SignedCharter, verifyFirstCharter } from './first-charter.ts'
import { decoding, pack, unpack } from './form.ts'
import { verifyGrantedCharter } from './granted-charter.ts'
import { decodeLinkStatement, digestOf, encodeLinkStatement, type Link, type LinkStatement, verifyLink } from './link.ts'
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
  /** Digest of the link's statement, or of the first charter; an anchor's is that of the newest link it stands for. */
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
  /** The first charter's, and one per link: of voter sets that an anchor stands for only the newest. Never empty. */
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
  assertFollows(chain, statement, {})
  return encodeLinkStatement(statement)
}

/** How many changes of voters and recovery keys there were since the first charter, those that an anchor stands for included. */
export function changesOf({ links }: ShownChain): number {
  const anchor = anchorOf(links[0])
  return anchor === undefined ? links.length : anchor.count + links.length - 1
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

export function chainOf(meshId: MeshId, firstCharter: SignedCharter, levels = GROUP_DEPTH_MAX): Chain {
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

/** Adds one link, verified: of the voters, of a recovery, or an anchor, with which a shortened chain begins. Throws as `verifyChain` refuses. */
export function withLink(chain: Chain, link: Link): Chain {
  assertRoom(chain)
  const read = decodeLinkStatement(link.statement)
  const isAnchor = anchorOf(link) !== undefined
  const kind: LinkKind = { isAnchor, isRecovery: !isAnchor && recoveryOf(link.statement) !== undefined }
  assertFollows(chain, read, kind)
  assertGenuine(chain, link, kind)
  const era = eraOf(link)
  const { epoch, index, voters, recoverers } = era
  return { ...chain, links: [...chain.links, link], eras: [...chain.eras, era], voters, recoverers, epoch, index }
}

function assertGenuine(chain: Chain, link: Link, { isRecovery = false, isAnchor = false }: LinkKind): void {
  if (isAnchor) verifyAnchor(link, chain.meshPublicKey)
  else if (isRecovery) verifyRecovery(link, chain.meshPublicKey, chain.recoverers)
  else verifyLink(link)
}

/** The chain as it was after so many links. */
export function chainUntil(chain: Chain, count: number): Chain {
  const { epoch, index, voters, recoverers } = chain.eras[count] ?? newestEra(chain)
  const [links, eras] = [chain.links.slice(0, count), chain.eras.slice(0, count + 1)]
  return { ...chain, links, eras, epoch, index, voters, recoverers }
}

/** Whether one stands in the log behind the other. */
export function isAfter(era: Pick<VoterEra, 'epoch' | 'index'>, other: Pick<VoterEra, 'epoch' | 'index'>): boolean {
  return (era.epoch - other.epoch || era.index - other.index) > 0
}

export function newestEra(chain: Chain): VoterEra {
  const era = chain.eras.at(-1)
  if (era === undefined) throw new ChainBrokenError('a chain without a first charter')
  return era
}

function assertRoom(chain: Chain): void {
  if (chain.links.length < LINKS_MAX) return
  throw new ChainFullError(`the chain of mesh ${chain.meshId} has its ${LINKS_MAX} changes of voters`, {
    hint: 'The voters of now stay, and no epoch can begin. Shorten the chain with the mesh key: `vsmcp key anchor`.',
  })
}

interface LinkKind {
  readonly isRecovery?: boolean
  readonly isAnchor?: boolean
}

function assertFollows(chain: Chain, statement: LinkStatement, kind: LinkKind): void {
  const reason = whyNotAfter(chain, statement, kind)
  if (reason === undefined) return
  throw new ChainBrokenError(
    `the change of voters at index ${statement.index} does not follow the one at ${chain.index}: ${reason}`,
    {
      hint: 'Links are missing, or in the wrong order, or not of this group: get the whole chain from another member.',
      details: { index: statement.index, after: chain.index },
    },
  )
}

function whyNotAfter(
  chain: Chain,
  statement: LinkStatement,
  { isRecovery = false, isAnchor = false }: LinkKind,
): string | undefined {
  if (isAnchor && chain.links.length > 0) return 'an anchor stands at the beginning only'
  if (statement.mesh !== chain.meshId) return `it is of mesh ${statement.mesh}`
  if (statement.group !== chain.group) return `it is of group ${statement.group}`
  if (statement.index <= chain.index) return 'the index does not grow'
  if (statement.epoch < chain.epoch) return 'the epoch is an earlier one'
  const epoch = isRecovery ? chain.epoch + 1 : chain.epoch
  if (!isAnchor && statement.epoch !== epoch)
    return `the epoch is ${statement.epoch}, and only a recovery goes on to the next one`
  if (statement.previous !== newestEra(chain).digest) return 'it names another one before it'
  const before = chain.voters
  if (statement.votersBefore.length !== before.length || statement.votersBefore.some((voter, at) => voter !== before[at])) {
    return 'it names other voters before it'
  }
  return undefined
}
