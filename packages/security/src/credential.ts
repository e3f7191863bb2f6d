import type { GroupId, MeshId, PeerIdString } from '@vsmcp/kernel'
import { flattenedVerify } from 'jose'
import { z } from 'zod'
import {
  CREDENTIAL_HEADER_LENGTH_MAX,
  CREDENTIAL_LIFE_MS,
  CREDENTIAL_PAYLOAD_LENGTH_MAX,
  CREDENTIAL_TYPE,
  VOTERS_MAX,
} from './constants.ts'
import { CredentialMalformedError, CredentialSignaturesError } from './errors.ts'
import { counterField, groupField, meshIdField, nameField, peerField, roleField, zoneField } from './fields.ts'
import { bytesOf, decodeWith, decoding, fromBase64url, textOf, toBase64url } from './form.ts'
import type { Identity } from './identity.ts'
import { majorityOf } from './majority.ts'
import { publicKeyOf } from './peer-keys.ts'

export interface CredentialClaims {
  readonly mesh: MeshId
  readonly group: GroupId
  readonly sub: PeerIdString
  readonly name: string
  /** Empty: no zone. */
  readonly zone: string
  readonly role: string
  /** Seconds since the Unix epoch (RFC 7519 §2, NumericDate). */
  readonly iat: number
  readonly exp: number
  readonly jti: string
  /** `index` of the era whose voters sign. */
  readonly voterIndex: number
}

/** JWS General JSON Serialization (RFC 7515 §7.2.1), EdDSA, `kid` = PeerId of the voter. */
export interface Credential {
  readonly payload: string
  readonly signatures: readonly { readonly protected: string; readonly signature: string }[]
}

/** JWS Flattened JSON Serialization (RFC 7515 §7.2.2): one voter's part. */
export interface CredentialPart {
  readonly payload: string
  readonly protected: string
  readonly signature: string
}

/** Claims with times as the rest of the program has them. */
export type CredentialRequest = Omit<CredentialClaims, 'iat' | 'exp'> & {
  readonly issuedAtMs: number
  /** @default 90 days */
  readonly lifeMs?: number
}

const claimsSchema = z
  .object({
    mesh: meshIdField,
    group: groupField,
    sub: peerField,
    name: nameField,
    zone: zoneField,
    role: roleField,
    iat: counterField,
    exp: counterField,
    jti: z.string().regex(/^[A-Za-z0-9_-]{1,64}$/, 'not an id'),
    voterIndex: counterField,
  })
  .refine(({ iat, exp }) => exp > iat, { message: 'ends before it begins', path: ['exp'] })

const base64urlField = z.string().regex(/^[A-Za-z0-9_-]+$/, 'not base64url')
const headerField = base64urlField.max(CREDENTIAL_HEADER_LENGTH_MAX)
const payloadField = base64urlField.max(CREDENTIAL_PAYLOAD_LENGTH_MAX)
/** 64 bytes. */
const signatureTextField = base64urlField.length(86)

export const credentialSchema = z.object({
  payload: payloadField,
  signatures: z
    .array(z.object({ protected: headerField, signature: signatureTextField }))
    .min(1)
    .max(VOTERS_MAX),
})

const headerSchema = z.strictObject({ alg: z.literal('EdDSA'), typ: z.literal(CREDENTIAL_TYPE), kid: peerField })

/** The bytes every voter signs, the same for the same request. Throws `CredentialMalformedError` for claims out of bounds. */
export function credentialPayload(request: CredentialRequest): Uint8Array {
  const { mesh, group, sub, name, zone, role, jti, voterIndex, issuedAtMs, lifeMs = CREDENTIAL_LIFE_MS } = request
  const iat = Math.floor(issuedAtMs / 1_000)
  const exp = Math.floor((issuedAtMs + lifeMs) / 1_000)
  const bytes = bytesOf(JSON.stringify({ mesh, group, sub, name, zone, role, iat, exp, jti, voterIndex }))
  decodeCredentialPayload(bytes)
  return bytes
}

/** Throws `CredentialMalformedError`. Claims of a later version are left out here, and stay in the bytes. */
export function decodeCredentialPayload(payload: Uint8Array): CredentialClaims {
  return decoding(() => decodeWith(claimsSchema, JSON.parse(textOf(payload))), malformed)
}

/** Claims of a credential that nobody has verified yet. Throws `CredentialMalformedError`. */
export function claimsOf(credential: Credential): CredentialClaims {
  const payload = fromBase64url(credential.payload)
  if (payload === undefined) throw malformed('its payload is not base64url')
  return decodeCredentialPayload(payload)
}

/** Checks the form of what came from anywhere; not its signatures. Throws `CredentialMalformedError`. */
export function decodeCredential(value: unknown): Credential {
  return decoding(() => decodeWith(credentialSchema, value), malformed)
}

/** Signs what the group has decided to vouch for; a voter checks the claims before (`decodeCredentialPayload`). */
export async function signCredential(identity: Identity, payload: Uint8Array): Promise<CredentialPart> {
  const header = toBase64url(bytesOf(JSON.stringify({ alg: 'EdDSA', typ: CREDENTIAL_TYPE, kid: identity.peerId })))
  const body = toBase64url(payload)
  // The JWS signing input (RFC 7515 §5.1, step 5).
  return { payload: body, protected: header, signature: toBase64url(identity.sign(bytesOf(`${header}.${body}`))) }
}

/**
 * Drops wrong and foreign parts. Throws `CredentialSignaturesError` when what is left is not a majority of `voters`,
 * `CredentialMalformedError` for a bad payload.
 */
export async function combineCredential(
  payload: Uint8Array,
  parts: readonly CredentialPart[],
  voters: readonly PeerIdString[],
): Promise<Credential> {
  decodeCredentialPayload(payload)
  const body = toBase64url(payload)
  const signatures = new Map<PeerIdString, Credential['signatures'][number]>()
  for (const part of parts) {
    const signer = signerOf(part)
    if (part.payload !== body || signer === undefined || !voters.includes(signer) || signatures.has(signer)) continue
    if (await isPartOf(signer, part)) signatures.set(signer, { protected: part.protected, signature: part.signature })
  }
  assertMajority(signatures.size, voters.length)
  return { payload: body, signatures: [...signatures.values()] }
}

/** `kid` of a part whose header is just ours. @returns undefined for any other header */
export function signerOf(part: Pick<CredentialPart, 'protected'>): PeerIdString | undefined {
  try {
    const bytes = fromBase64url(part.protected)
    return bytes === undefined ? undefined : decodeWith(headerSchema, JSON.parse(textOf(bytes))).kid
  } catch {
    return undefined
  }
}

/** Whether a part is signed by this peer. */
export async function isPartOf(signer: PeerIdString, part: CredentialPart): Promise<boolean> {
  const key = publicKeyOf(signer)
  if (key === undefined || fromBase64url(part.signature) === undefined) return false
  try {
    await flattenedVerify(part, key.key, { algorithms: ['EdDSA'] })
    return true
  } catch {
    return false
  }
}

export function assertMajority(signed: number, voters: number): void {
  const needed = majorityOf(voters)
  if (signed >= needed) return
  throw new CredentialSignaturesError(`the credential is signed by ${signed} of the ${needed} voters needed`, {
    hint: 'A majority of the voters must sign: see which are down with `vsmcp status`.',
    details: { signed, needed },
  })
}

function malformed(reason: string, cause?: unknown): CredentialMalformedError {
  return new CredentialMalformedError(`this is no credential: ${reason}`, {
    hint: 'It is damaged, or of another version: join again.',
    cause,
  })
}
