import {
  type Authority,
  canonicalBytes,
  type CertificateFacts,
  type Signer,
  type StatementScope,
  type VotersStatement,
  votersStatementBytes,
} from '@vsmcp/consensus'
import { base64urlOf, type PeerIdString } from '@vsmcp/kernel'
import { bytesOf } from './bytes.ts'

/** The operator that the first charter names, and its key. */
export const OPERATOR = 'operator'
export const OPERATOR_KEY = 'b3BlcmF0b3I'

/** The scope of all that is signed in a simulated group in its first epoch. */
export const GROUP: StatementScope = { meshId: '00112233445566778899aabbccddeeff', groupId: 'root', epoch: 1 }

/** Two rounds of 32-bit FNV-1a (Fowler, Noll, Vo) with different offsets: no secret, and no collisions by accident. */
export function digestOf(bytes: Uint8Array): string {
  let low = 0x811c9dc5
  let high = 0x9747b28c
  for (const byte of bytes) {
    low = Math.imul(low ^ byte, 0x01000193)
    high = Math.imul(high ^ byte, 0x01000193) ^ (low >>> 15)
  }
  return (low >>> 0).toString(16).padStart(8, '0') + (high >>> 0).toString(16).padStart(8, '0')
}

/**
 * A signature that costs next to nothing and is the same in every run: a digest of who signs and what. Nobody in a simulation
 * computes one in another's name, and that is all that the rules need of it.
 */
export function signatureOf(signer: Signer, bytes: Uint8Array): Uint8Array {
  const name = 'peer' in signer ? `peer ${signer.peer}` : `key ${signer.publicKey}`
  return bytesOf(digestOf(bytesOf(`${name} signs ${digestOf(bytes)}`)))
}

/** A signature as operations and entries carry it. */
export function signatureText(signer: Signer, bytes: Uint8Array): string {
  return base64urlOf(signatureOf(signer, bytes))
}

/** The text of a certificate: signatures of some under what it says. */
export function certificateOf(facts: CertificateFacts, signers: readonly PeerIdString[]): string {
  const says = canonicalBytes(facts)
  return signers.map((peer) => `${peer}-${digestOf(signatureOf({ peer }, says))}`).join('_')
}

/** Those whose signatures under `facts` a certificate holds. */
export function signersOf(certificate: string, facts: CertificateFacts): readonly PeerIdString[] {
  const says = canonicalBytes(facts)
  return certificate.split('_').flatMap((part) => {
    const [peer = '', signature] = part.split('-')
    return signature === digestOf(signatureOf({ peer }, says)) ? [peer] : []
  })
}

export function isMajority(signers: readonly PeerIdString[], of: readonly PeerIdString[]): boolean {
  return 2 * of.filter((peer) => signers.includes(peer)).length > of.length
}

/** The text of an anchor: whoever holds this key vouches for so many of these links. */
export function anchorOf(publicKey: string, links: readonly string[], count: number): string {
  return `anchor-${count}-${digestOf(signatureOf({ publicKey }, canonicalBytes(links.slice(0, count))))}`
}

/** The cryptography of a simulated group. */
export const AUTHORITY: Authority = {
  verifySignature: (signer, bytes, signature) => sameBytes(signature, signatureOf(signer, bytes)),
  digest: digestOf,
  verifyCertificate(certificate, facts) {
    const signers = signersOf(certificate, facts)
    return isMajority(signers, facts.votersBefore) && isMajority(signers, facts.votersNow)
  },
  linksAnchored(anchor, facts) {
    const count = Number(anchor.split('-')[1])
    return anchor === anchorOf(facts.meshPublicKey, facts.links, count) ? count : 0
  },
}

export function sameBytes(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, at) => byte === b[at])
}

/** What a voter endorses in an epoch. */
export function endorsedBytes(epoch: number, statement: VotersStatement): Uint8Array {
  return votersStatementBytes({ ...GROUP, epoch }, statement)
}

export function isEndorsement(epoch: number, voter: PeerIdString, statement: VotersStatement, signature: Uint8Array): boolean {
  return sameBytes(signature, signatureOf({ peer: voter }, endorsedBytes(epoch, statement)))
}
