import type { GroupId } from '@vsmcp/kernel'
import { decodeCredentialPayload, decodePassport } from '@vsmcp/security'

/** One of the passports that a peer shows. */
export interface ShownPassport {
  /** As its credential says; nothing is verified yet. */
  readonly group: GroupId
  readonly passport: Uint8Array
}

/** The passport of the home group, and those of further seats with it. */
export function bundleOf(home: Uint8Array, _others: readonly Uint8Array[]): Uint8Array {
  return home
}

/** What a peer shows, the passport of its home group first. Throws `PassportMalformedError`. */
export function passportsIn(bundle: Uint8Array): ShownPassport[] {
  const { credential } = decodePassport(bundle)
  return [{ group: decodeCredentialPayload(Buffer.from(credential.payload, 'base64url')).group, passport: bundle }]
}
