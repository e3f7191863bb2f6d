import { type Charter, readCharter } from '@vsmcp/consensus'
import type { MeshId, PeerIdString } from '@vsmcp/kernel'
import { type CharterCertificate, verifyCharterCertificate } from './certificate.ts'
import { type Chain, newestEra, type ShownChain, verifyChain } from './chain.ts'
import { FIRST_INDEX } from './constants.ts'
import {
  CharterForkedError,
  CharterMalformedError,
  CharterStaleError,
  CharterTruncatedError,
  CharterUncertifiedError,
} from './errors.ts'
import { decoding, textOf, toBase64url } from './form.ts'
import { decodeLinkStatement, digestOf, type LinkStatement } from './link.ts'
import { mergeChain } from './merge-chain.ts'
import { orThrow, type Verdict, verdictOf } from './verdict.ts'

/** All that a stranger needs to verify a charter alone, offline, from the mesh id. */
export interface CharterBundle extends ShownChain {
  /** Canonical JSON, as digested. */
  readonly charter: Uint8Array
  /** Absent when the newest link, or the mesh key or the group above for the first charter, vouches for it. */
  readonly certificate?: CharterCertificate | undefined
}

export interface BundleCheck {
  readonly meshId: MeshId
  /**
   * The chain known here, of this group or another: a fork of it is refused, also where it is that of a group above, and what ends before
   * it is stale.
   */
  readonly knownChain?: Chain | undefined
  /** The newest charter known here: an earlier one is stale, another one of the same change a fork. */
  readonly knownCharter?: KnownCharter | undefined
}

export interface KnownCharter {
  /** @default that of the charter shown */
  readonly epoch?: number
  readonly index: number
  readonly digest?: string
}

/** What vouches for a charter. */
export type Certification = 'mesh-key' | 'grant' | 'link' | 'certificate'

export interface CertifiedCharter {
  readonly charter: Charter
  readonly chain: Chain
  readonly epoch: number
  /** Log index of its newest change; 1 for the first charter. */
  readonly index: number
  readonly digest: string
  readonly by: Certification
  /** Who signed; empty for the mesh key. */
  readonly signers: readonly PeerIdString[]
}

type Vouched = Omit<CertifiedCharter, 'chain'>

/**
 * Rule 6: verifies a charter alone, along the certified changes of voters. Refuses with what `verifyChain`, `mergeChain` and
 * `verifyCharterCertificate` refuse with (forged, wrongly signed, broken, forked), and with `CharterUncertifiedError` for a charter
 * that was altered, `CharterTruncatedError` for one whose links are missing, `CharterStaleError`, `CharterForkedError` and
 * `CharterMalformedError`.
 */
export function verifyCharterBundle(bundle: CharterBundle, check: BundleCheck): Verdict<CertifiedCharter> {
  return verdictOf(() => {
    const { meshId, knownChain, knownCharter } = check
    const chain = orThrow(verifyChain({ meshId, firstCharter: bundle.firstCharter, links: bundle.links }))
    const ours = knownChain === undefined ? undefined : lineOf(chain).find(({ group }) => group === knownChain.group)
    if (knownChain !== undefined && ours !== undefined) mergeChain(knownChain, ours)
    const vouched = vouchedCharter(bundle.charter, bundle.certificate, chain)
    if (knownChain !== undefined && ours === chain) assertFresh(vouched, knownChain)
    if (knownCharter !== undefined) assertFresh(vouched, knownCharter)
    return { ...vouched, chain }
  })
}

/** A chain, and those of the groups above it, up to the root's. */
function lineOf(chain: Chain): readonly Chain[] {
  return chain.parent === undefined ? [chain] : [chain, ...lineOf(chain.parent)]
}

/** A charter's bytes against a verified chain that ends where the charter stands. Throws as `verifyCharterBundle` refuses. */
export function vouchedCharter(bytes: Uint8Array, certificate: CharterCertificate | undefined, chain: Chain): Vouched {
  const digest = digestOf(bytes)
  const charter = charterOf(bytes)
  const vouched = certificate === undefined ? byChain(digest, charter, chain) : byCertificate(digest, certificate, chain)
  assertOf(charter, vouched.epoch, chain)
  return { ...vouched, charter }
}

/** The newest link certifies the charter it made; the mesh key, or the voters of the group above, the first. */
function byChain(digest: string, { voters }: Charter, chain: Chain): Omit<Vouched, 'charter'> {
  const link = chain.links.at(-1)
  if (link === undefined) {
    const { epoch } = chain
    const { firstCharter } = chain
    if (digest !== digestOf(firstCharter.charter)) throw uncertified('it is not the first charter, which alone was signed')
    const first = { epoch, index: FIRST_INDEX, digest }
    if (!('grant' in firstCharter)) return { ...first, by: 'mesh-key', signers: [] }
    return { ...first, by: 'grant', signers: firstCharter.grant.signatures.map(({ peer }) => peer) }
  }
  const { epoch, index, digestNow } = decodeLinkStatement(link.statement)
  if (digestNow !== digest && voters.join() !== chain.voters.join()) throw truncated(`the charter names other voters`, chain)
  if (digestNow !== digest) throw uncertified(`the change of voters at ${index} made another charter`)
  return { epoch, index, digest, by: 'link', signers: link.signatures.map(({ peer }) => peer) }
}

function byCertificate(digest: string, certificate: CharterCertificate, chain: Chain): Omit<Vouched, 'charter'> {
  const statement = verifyCharterCertificate(certificate)
  const { epoch, index } = statement
  assertFollowsChain(statement, chain)
  if (statement.digestNow !== digest) throw uncertified(`the certificate of ${index} is of another charter`)
  return { epoch, index, digest, by: 'certificate', signers: certificate.signatures.map(({ peer }) => peer) }
}

function assertFollowsChain({ mesh, group, epoch, index, previous, votersNow }: LinkStatement, chain: Chain): void {
  if (mesh !== chain.meshId || group !== chain.group) throw uncertified('its certificate is of another mesh or group')
  const { digest, voters } = newestEra(chain)
  if (previous !== digest) {
    const hasOlder = chain.eras.some((era) => era.digest === previous)
    if (hasOlder) throw uncertified(`its certificate is of before the change of voters at ${chain.index}`)
    throw truncated(`the charter of ${index} follows other voters`, chain)
  }
  if (votersNow.join() !== voters.join()) throw uncertified('its certificate names other voters than the chain')
  if (epoch !== chain.epoch || index <= chain.index) throw uncertified('its certificate is older than the voters of the chain')
}

/** What the certified bytes say must be what the chain says: bytes that were certified and contradict it are nobody's charter. */
function assertOf(charter: Charter, epoch: number, chain: Chain): void {
  const isOfMesh = charter.meshId === chain.meshId && charter.meshPublicKey === toBase64url(chain.meshPublicKey)
  const isOf = isOfMesh && charter.groupId === chain.group && charter.path === chain.path && charter.epoch === epoch
  if (isOf && charter.voters.join() === chain.voters.join()) return
  throw new CharterMalformedError('the charter names another mesh, group, path, epoch or other voters than its chain', {
    hint: 'Trust nothing from whoever showed it.',
  })
}

function assertFresh(vouched: Pick<Vouched, 'epoch' | 'index' | 'digest'>, known: KnownCharter): void {
  const { epoch = vouched.epoch, index, digest } = known
  const order = vouched.epoch - epoch || vouched.index - index
  const place = `epoch ${epoch}, index ${index}`
  if (order < 0) {
    throw new CharterStaleError(
      `the charter is of epoch ${vouched.epoch}, index ${vouched.index}, and one of ${place} is known`,
      {
        hint: 'Somebody shows what was, or has not heard yet: get the newest with `vsmcp charter export` on another member.',
        details: { epoch: vouched.epoch, index: vouched.index, knownEpoch: epoch, knownIndex: index },
      },
    )
  }
  if (order === 0 && digest !== undefined && digest !== vouched.digest) {
    throw new CharterForkedError(`two different charters of ${place} are certified`, {
      hint: 'A majority of the voters signed twice, or a copied data directory voted: stop it, and recover the group.',
      details: { shown: vouched.digest, known: digest },
    })
  }
}

function charterOf(bytes: Uint8Array): Charter {
  return decoding(
    () => readCharter(JSON.parse(textOf(bytes))),
    (reason, cause) => new CharterMalformedError(`this is no charter: ${reason}`, { hint: 'Export it anew.', cause }),
  )
}

function truncated(what: string, { index }: Chain): CharterTruncatedError {
  return new CharterTruncatedError(`${what} than those of the newest change shown with it, at ${index}`, {
    hint: 'Links are missing at the end: get the whole charter from another member.',
    details: { newestShown: index },
  })
}

function uncertified(why: string): CharterUncertifiedError {
  return new CharterUncertifiedError(`nobody vouches for this charter: ${why}`, {
    hint: 'It was altered, or changed after it was signed: trust nothing from whoever showed it.',
  })
}
