import type { CharterMark, GroupState } from '@vsmcp/consensus'
import { CERTIFICATE_LABEL, VOTERS_MAX } from './constants.ts'
import { CertificateForgedError, CertificateMalformedError, CertificateSignaturesError, LinkMalformedError } from './errors.ts'
import type { Chain } from './chain.ts'
import type { Identity } from './identity.ts'
import { decodeLinkStatement, digestOf, encodeLinkStatement, type LinkSignature, type LinkStatement } from './link.ts'
import { majorityOf, signaturesOf, wrongSigner } from './majority.ts'
import { withLabel } from './peer-keys.ts'

/**
 * The certificate of the newest charter, when no change of voters was the last to change it: a statement of the same fields as a
 * link's, with the voters the same before and after, and `previous` the digest of the newest link (or first charter). Signed by a
 * majority of the voters.
 */
export interface CharterCertificate {
  readonly statement: Uint8Array
  readonly signatures: readonly LinkSignature[]
}

/** The same bytes at every voter, from what the group's log says. Sign it only for what is committed. */
export function charterStatement(
  { meshId, group, voters, previous }: Pick<Chain, 'meshId' | 'group' | 'voters'> & { previous: string },
  { index, epoch, digestBefore, digestNow }: CharterMark,
): Uint8Array {
  return encodeLinkStatement({
    mesh: meshId,
    group,
    epoch,
    index,
    previous,
    digestBefore,
    digestNow,
    votersBefore: voters,
    votersNow: voters,
  })
}

/**
 * What voters sign next for the charter of this state: nothing while a change of voters waits for its link, nor when the newest
 * change has its certificate (or link).
 */
export function nextCharterStatement(
  state: Pick<GroupState, 'charterMark' | 'pendingChanges'>,
  chain: Chain,
): { mark: CharterMark; statement: Uint8Array } | undefined {
  const mark = state.charterMark
  if (mark === undefined || mark.certificate !== undefined || state.pendingChanges.length > 0) return undefined
  // A chain that has not heard of the newest link yet would name another one before it.
  if (mark.index <= chain.index) return undefined
  const previous = chain.eras.at(-1)?.digest
  return previous === undefined ? undefined : { mark, statement: charterStatement({ ...chain, previous }, mark) }
}

export function signCharter(identity: Identity, statement: Uint8Array): LinkSignature {
  return { peer: identity.peerId, signature: identity.sign(withLabel(CERTIFICATE_LABEL, statement)) }
}

/** Drops wrong, foreign and needless signatures. Throws `CertificateSignaturesError` when what is left is no majority, `CertificateMalformedError`. */
export function combineCharter(statement: Uint8Array, signatures: readonly LinkSignature[]): CharterCertificate {
  const { votersNow, index } = statementOf(statement)
  const kept = signaturesOf(votersNow, withLabel(CERTIFICATE_LABEL, statement), signatures)
  assertMajority(kept.length, majorityOf(votersNow.length), index)
  return { statement, signatures: kept }
}

/**
 * Checks a certificate by itself, not what it follows from. Throws `CertificateForgedError` for any signature that is wrong, foreign
 * or there twice, `CertificateSignaturesError` when they are too few, `CertificateMalformedError` for a bad statement.
 */
export function verifyCharterCertificate({ statement, signatures }: CharterCertificate): LinkStatement {
  const read = statementOf(statement)
  const { votersNow, index } = read
  if (signatures.length > VOTERS_MAX) throw new CertificateMalformedError(`a certificate with ${signatures.length} signatures`)
  const peer = wrongSigner(votersNow, withLabel(CERTIFICATE_LABEL, statement), signatures)
  if (peer !== undefined) {
    throw new CertificateForgedError(`the certificate of the charter of ${index} has a signature that is not ${peer}'s to give`, {
      hint: 'Trust nothing from whoever showed it.',
      details: { index, peer },
    })
  }
  assertMajority(signatures.length, majorityOf(votersNow.length), index)
  return read
}

function statementOf(statement: Uint8Array): LinkStatement {
  try {
    const read = decodeLinkStatement(statement)
    if (read.votersBefore.join() === read.votersNow.join()) return read
    throw new CertificateMalformedError(`a certificate of the charter of ${read.index} that changes the voters`)
  } catch (cause) {
    if (!(cause instanceof LinkMalformedError)) throw cause
    throw new CertificateMalformedError('this certifies no charter', { cause })
  }
}

function assertMajority(signed: number, needed: number, index: number): void {
  if (signed >= needed) return
  throw new CertificateSignaturesError(`the charter of ${index} is certified by ${signed} of the ${needed} voters needed`, {
    hint: 'A majority of the voters must sign: see which are down with `vsmcp status`.',
    details: { index, signed, needed },
  })
}

/** Digest of a charter's bytes as carried: hex SHA-256. */
export const charterDigest = digestOf
