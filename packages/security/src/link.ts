import { createHash } from 'node:crypto'
import type { GroupId, MeshId, PeerIdString } from '@vsmcp/kernel'
import { z } from 'zod'
import { ANCHOR_BYTES_MAX, LINK_LABEL, STATEMENT_BYTES_MAX, VOTERS_MAX } from './constants.ts'
import { LinkForgedError, LinkMalformedError, LinkSignaturesError } from './errors.ts'
import { counterField, digestField, groupField, meshIdField, recoverersField, votersField } from './fields.ts'
import { bytesOf, decodeWith, decoding, textOf } from './form.ts'
import type { Identity } from './identity.ts'
import { majorityOf } from './majority.ts'
import { verify, withLabel } from './peer-keys.ts'

/** What a change of voters or recovery keys certifies. Digests are hex SHA-256 over bytes as carried. */
export interface LinkStatement {
  readonly mesh: MeshId
  readonly group: GroupId
  readonly epoch: number
  /** Log index of the change. */
  readonly index: number
  /** Digest of the statement of the link before, or of the first charter: nothing can be cut out of the middle. */
  readonly previous: string
  /** Digest of the charter before and after the change. */
  readonly digestBefore: string
  readonly digestNow: string
  /** Ascending. */
  readonly votersBefore: readonly PeerIdString[]
  readonly votersNow: readonly PeerIdString[]
  /** base64url of the public keys that may recover the group from here on (rule 9), ascending; absent when there are none. */
  readonly recoverers?: readonly string[]
}

export interface LinkSignature {
  readonly peer: PeerIdString
  readonly signature: Uint8Array
}

/** A statement as carried and the signatures of a majority of the voters before and of a majority of those now. */
export interface Link {
  readonly statement: Uint8Array
  readonly signatures: readonly LinkSignature[]
}

const statementSchema = z.object({
  mesh: meshIdField,
  group: groupField,
  epoch: counterField,
  index: counterField,
  previous: digestField,
  digestBefore: digestField,
  digestNow: digestField,
  votersBefore: votersField,
  votersNow: votersField,
  recoverers: recoverersField.exactOptional(),
  /** Only the mesh key signs such a one: see `anchor.ts`. */
  anchor: z.unknown().optional(),
})

/** Hex SHA-256. */
export function digestOf(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex')
}

/** The same statement gives the same bytes at every voter. Throws `LinkMalformedError` for one out of bounds. */
export function encodeLinkStatement(statement: LinkStatement): Uint8Array {
  const bytes = bytesOf(JSON.stringify(inOrder(statement)))
  decodeLinkStatement(bytes)
  return bytes
}

/** A statement's fields in the one order in which they are signed. */
export function inOrder(statement: LinkStatement): LinkStatement {
  const { mesh, group, epoch, index, previous, digestBefore, digestNow, recoverers = [] } = statement
  const votersBefore = statement.votersBefore.toSorted()
  const votersNow = statement.votersNow.toSorted()
  const voters = { mesh, group, epoch, index, previous, digestBefore, digestNow, votersBefore, votersNow }
  return recoverers.length === 0 ? voters : { ...voters, recoverers: recoverers.toSorted() }
}

/** Throws `LinkMalformedError`. Fields of a later version are left out here, and stay in the bytes. */
export function decodeLinkStatement(statement: Uint8Array): LinkStatement {
  return decoding(
    () => {
      const { length } = statement
      if (length > ANCHOR_BYTES_MAX) throw new Error(`${length} bytes, ${ANCHOR_BYTES_MAX} are allowed`)
      const { anchor, ...read } = decodeWith(statementSchema, JSON.parse(textOf(statement)))
      if (length > STATEMENT_BYTES_MAX && anchor === undefined) {
        throw new Error(`${length} bytes, ${STATEMENT_BYTES_MAX} are allowed`)
      }
      return read
    },
    (reason, cause) => new LinkMalformedError(`this certifies no change of voters: ${reason}`, { cause }),
  )
}

/** Signs a statement; sign only what is committed. */
export function signLink(identity: Identity, statement: Uint8Array): LinkSignature {
  return { peer: identity.peerId, signature: identity.sign(withLabel(LINK_LABEL, statement)) }
}

/**
 * Drops wrong, foreign and needless signatures. Throws `LinkSignaturesError` when what is left is no majority of both voter
 * sets, `LinkMalformedError` for a bad statement.
 */
export function combineLink(statement: Uint8Array, signatures: readonly LinkSignature[]): Link {
  const { votersBefore, votersNow } = decodeLinkStatement(statement)
  const before = new Tally(votersBefore)
  const now = new Tally(votersNow)
  const weight = ({ peer }: LinkSignature): number => Number(votersBefore.includes(peer)) + Number(votersNow.includes(peer))
  const kept: LinkSignature[] = []
  for (const signature of signatures.toSorted((a, b) => weight(b) - weight(a) || (a.peer < b.peer ? -1 : 1))) {
    if (!before.wants(signature.peer) && !now.wants(signature.peer)) continue
    if (!isSignatureOf(signature, statement)) continue
    before.count(signature.peer)
    now.count(signature.peer)
    kept.push(signature)
  }
  assertMajorities(statement, before, now)
  return { statement, signatures: kept }
}

/**
 * Checks the signatures of a link by themselves, not what it follows from. Throws `LinkForgedError` for any that is wrong,
 * foreign or there twice, `LinkSignaturesError` when they are too few, `LinkMalformedError` for a bad statement.
 */
export function verifyLink(link: Link): LinkStatement {
  const statement = decodeLinkStatement(link.statement)
  const before = new Tally(statement.votersBefore)
  const now = new Tally(statement.votersNow)
  if (link.signatures.length > 2 * VOTERS_MAX) throw new LinkMalformedError(`a link with ${link.signatures.length} signatures`)
  for (const signature of link.signatures) {
    const { peer } = signature
    const counted = [before.count(peer), now.count(peer)].includes(true)
    if (!counted || !isSignatureOf(signature, link.statement)) {
      throw new LinkForgedError(
        `the change of voters at index ${statement.index} has a signature that is not ${peer}'s to give`,
        {
          hint: 'Trust nothing from whoever showed it.',
          details: { index: statement.index, peer },
        },
      )
    }
  }
  assertMajorities(link.statement, before, now)
  return statement
}

function isSignatureOf({ peer, signature }: LinkSignature, statement: Uint8Array): boolean {
  return verify(peer, withLabel(LINK_LABEL, statement), signature)
}

function assertMajorities(statement: Uint8Array, before: Tally, now: Tally): void {
  if (before.reached && now.reached) return
  const { index } = decodeLinkStatement(statement)
  throw new LinkSignaturesError(
    `the change of voters at index ${index} is signed by ${before.had} of ${before.needed} needed of the voters before, ` +
      `and by ${now.had} of ${now.needed} of those now`,
    { hint: 'A majority of both must sign: see which voters are down with `vsmcp status`.', details: { index } },
  )
}

/** Who of a voter set has signed. */
class Tally {
  readonly needed: number
  readonly #open: Set<PeerIdString>
  #had = 0

  constructor(voters: readonly PeerIdString[]) {
    this.needed = majorityOf(voters.length)
    this.#open = new Set(voters)
  }

  get had(): number {
    return this.#had
  }

  get reached(): boolean {
    return this.#had >= this.needed
  }

  /** Whether this voter's signature still counts for something. */
  wants(peer: PeerIdString): boolean {
    return !this.reached && this.#open.has(peer)
  }

  /** @returns false for who has no vote, or was counted before */
  count(peer: PeerIdString): boolean {
    if (!this.#open.delete(peer)) return false
    this.#had++
    return true
  }
}
