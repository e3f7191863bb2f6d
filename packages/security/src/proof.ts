import { createHmac, hkdfSync, timingSafeEqual } from 'node:crypto'
import type { PeerIdString } from '@vsmcp/kernel'
import { PROOF_BYTES, SECRET_BYTES } from './constants.ts'

/** What a proof is bound to: these two, in this exchange. */
export interface ProofInput {
  readonly joiner: PeerIdString
  readonly member: PeerIdString
  readonly nonceJ: Uint8Array
  readonly nonceM: Uint8Array
}

const VERIFIER_INFO = 'vsmcp invitation verifier 1'
const PROOF_LABEL = 'vsmcp join proof 1'

/** Stands in for the verifier of an invitation that is not known, so that saying no takes as long. */
const NOBODYS_VERIFIER = new Uint8Array(SECRET_BYTES)

/** HKDF-SHA256 of the secret (RFC 5869): what the docket keeps and the proof is keyed with. */
export function verifierOf(secret: Uint8Array): Uint8Array {
  return new Uint8Array(hkdfSync('sha256', secret, new Uint8Array(), VERIFIER_INFO, SECRET_BYTES))
}

/** HMAC-SHA256 over label, both PeerIds and both nonces, each after its length. */
export function makeProof(verifier: Uint8Array, input: ProofInput): Uint8Array {
  const hmac = createHmac('sha256', verifier)
  for (const part of [PROOF_LABEL, input.joiner, input.member, input.nonceJ, input.nonceM]) {
    const bytes = Buffer.from(part)
    const length = Buffer.alloc(4)
    length.writeUInt32BE(bytes.length)
    hmac.update(length).update(bytes)
  }
  return new Uint8Array(hmac.digest())
}

/** Constant time; without a verifier (unknown invitation) it does the same work and says no. */
export function verifyProof(verifier: Uint8Array | undefined, input: ProofInput, proof: Uint8Array): boolean {
  const expected = makeProof(verifier ?? NOBODYS_VERIFIER, input)
  const given = Buffer.alloc(PROOF_BYTES)
  given.set(proof.subarray(0, PROOF_BYTES))
  const equal = timingSafeEqual(expected, given)
  return equal && proof.length === PROOF_BYTES && verifier !== undefined
}
