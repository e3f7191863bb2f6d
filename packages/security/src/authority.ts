import type { Authority, CertificateFacts, Signer } from '@vsmcp/consensus'
import { anchorOf, eraDigest, verifyAnchor } from './anchor.ts'
import { verifyCharterCertificate } from './certificate.ts'
import { FIRST_ERA_INDEX, KEY_BYTES } from './constants.ts'
import { factsOf, type SignedCharter } from './first-charter.ts'
import { fromBase64url } from './form.ts'
import { digestOf, type Link, type LinkStatement, verifyLink } from './link.ts'
import { keyObjectOf, verify, verifyWith } from './peer-keys.ts'
import { linksAnchored } from './shortening.ts'

export interface AuthorityInit {
  /** Of this mesh: the first link follows it. */
  firstCharter: SignedCharter
  /** Reads a certificate as the docket carries it. May throw for what is none. */
  decodeCertificate: (text: string) => Link
}

/** What the group's rules check proofs with. */
export function groupAuthority({ firstCharter, decodeCertificate }: AuthorityInit): Authority {
  return {
    verifySignature,
    digest: digestOf,
    verifyCertificate: (certificate, facts) => {
      try {
        return says(certificate, facts)
      } catch {
        return false
      }
    },
    linksAnchored: (certificate, { mesh: meshId, group, meshPublicKey, links }) => {
      try {
        const anchor = decodeCertificate(certificate)
        const key = fromBase64url(meshPublicKey) ?? new Uint8Array()
        // First: whoever makes one up costs no look at the links.
        verifyAnchor(anchor, key)
        const { epoch, voters, recoverers } = factsOf(firstCharter.charter, key)
        const first = { epoch, voters, recoverers, index: FIRST_ERA_INDEX, digest: digestOf(firstCharter.charter) }
        return linksAnchored(anchor, { meshId, group, links: links.map(decodeCertificate), first })
      } catch {
        return 0
      }
    },
  }

  function says(certificate: string, { kind, previous, ...facts }: CertificateFacts): boolean {
    const shown = decodeCertificate(certificate)
    const statement = kind === 'link' ? verifyLink(shown) : verifyCharterCertificate(shown)
    if (anchorOf(shown) !== undefined) return false
    const before = previous === undefined ? digestOf(firstCharter.charter) : eraDigest(decodeCertificate(previous))
    return statement.previous === before && isAbout(statement, facts)
  }
}

/** True only for the Ed25519 signature of this signer over just these bytes; never throws. */
export function verifySignature(signer: Signer, bytes: Uint8Array, signature: Uint8Array): boolean {
  if ('peer' in signer) return verify(signer.peer, bytes, signature)
  const raw = fromBase64url(signer.publicKey)
  if (raw?.length !== KEY_BYTES) return false
  try {
    return verifyWith(keyObjectOf(raw), bytes, signature)
  } catch {
    return false
  }
}

function isAbout(statement: LinkStatement, facts: Omit<CertificateFacts, 'kind' | 'previous'>): boolean {
  const { mesh, group, epoch, index, digestBefore, digestNow } = statement
  return (
    mesh === facts.mesh &&
    group === facts.group &&
    epoch === facts.epoch &&
    index === facts.index &&
    digestBefore === facts.digestBefore &&
    digestNow === facts.digestNow &&
    isSame(statement.votersBefore, facts.votersBefore) &&
    isSame(statement.votersNow, facts.votersNow) &&
    isSame(statement.recoverers ?? [], facts.recoverers ?? [])
  )
}

function isSame(a: readonly string[], b: readonly string[]): boolean {
  return a.length === b.length && a.every((item) => b.includes(item))
}
