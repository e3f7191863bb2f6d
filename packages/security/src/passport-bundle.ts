import type { GroupId } from '@vsmcp/kernel'
import { claimsOf } from './credential.ts'
import { decodePassport, encodePassport, papersOf } from './passport.ts'

/** One of the passports that a peer shows. */
export interface ShownPassport {
  /** As its credential says; nothing is verified yet. */
  readonly group: GroupId
  readonly passport: Uint8Array
}

/**
 * The passport of a node's home group, and with it its papers of further seats: of more than fit the first. Throws
 * `PassportMalformedError`.
 */
export function bundleOf(home: Uint8Array, others: readonly Uint8Array[]): Uint8Array {
  if (others.length === 0) return home
  return encodePassport({
    ...decodePassport(home),
    others: others.map((bytes) => {
      const { credential, firstCharter, links } = decodePassport(bytes)
      return { credential, firstCharter, links }
    }),
  })
}

/** What a peer shows, the passport of its home group first. Throws `PassportMalformedError` or `CredentialMalformedError`. */
export function passportsIn(bundle: Uint8Array): readonly ShownPassport[] {
  const { others, ...whole } = decodePassport(bundle)
  if (others === undefined) return [{ group: claimsOf(whole.credential).group, passport: bundle }]
  return papersOf({ ...whole, others }).map((papers) => ({
    group: claimsOf(papers.credential).group,
    passport: encodePassport({ ...whole, ...papers }),
  }))
}
