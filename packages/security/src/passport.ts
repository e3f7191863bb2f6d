import type { MeshId, PeerIdString } from '@vsmcp/kernel'
import { z } from 'zod'
import { type Chain, copyOf, mergeChain, verifyChain } from './chain.ts'
import { ADDRESSES_MAX, PASSPORT_BYTES_MAX, VERSION_LENGTH_MAX } from './constants.ts'
import { claimsOf, type Credential, type CredentialClaims, credentialSchema } from './credential.ts'
import { PassportForeignError, PassportMalformedError } from './errors.ts'
import { addressesField, counterField, linksField, nameField, signedCharterField } from './fields.ts'
import type { SignedCharter } from './first-charter.ts'
import { decoding, pack, unpack } from './form.ts'
import type { Link } from './link.ts'
import { orThrow, type Verdict, verdictOfAsync } from './verdict.ts'
import { type Revocation, verifyCredential } from './verify-credential.ts'

/** Which start of a node this is: see `Passport.life`. */
export interface Life {
  /** From 1, one higher at each start. */
  readonly number: number
  /** base64url, made anew with each number. */
  readonly nonce: string
}

/** What a node shows at a hello. */
export interface Passport {
  readonly credential: Credential
  readonly firstCharter: SignedCharter
  readonly links: readonly Link[]
  /** Wire versions spoken, and the feature level. */
  readonly wire: { readonly min: number; readonly max: number; readonly level: number }
  readonly name: string
  /** Multiaddrs under which it can be dialed, the best first: of more than 16 the first are shown. */
  readonly addresses: readonly string[]
  /** Version of the program, for people. */
  readonly version: string
  /** By it members tell a node from a copy or an old state of its disk. Absent from releases that had none. */
  readonly life?: Life
}

export interface VerifiedPassport {
  readonly claims: CredentialClaims
  readonly passport: Passport
  /** The longer of the chain shown and the chain known. */
  readonly chain: Chain
  /** True when the peer knew changes of voters that we did not: keep `chain`. */
  readonly extendsKnown: boolean
}

/** What the verifier goes by. */
export interface PassportCheck {
  readonly meshId: MeshId
  /** Wall clock, milliseconds since the Unix epoch. */
  readonly nowMs: number
  readonly revocations: readonly Revocation[]
  /** The verifier's own; a joiner has none yet. */
  readonly knownChain?: Chain | undefined
  /** Eras before this index vouch for nobody any more. @default 0 */
  readonly oldestVoterIndex?: number
  /** Accept a genuine credential that is over: see `CredentialCheck`. @default false */
  readonly mayBeOver?: boolean
}

const passportSchema = z.object({
  credential: credentialSchema,
  firstCharter: signedCharterField,
  links: linksField,
  wire: z
    .object({ min: counterField, max: counterField, level: counterField })
    .refine(({ min, max }) => min <= max, { message: 'a range that ends before it begins' }),
  name: nameField,
  addresses: addressesField,
  version: z
    .string()
    .regex(/^[\x21-\x7e]+$/, 'not a version')
    .max(VERSION_LENGTH_MAX),
  life: z.object({ number: z.int().positive(), nonce: z.string().regex(/^[\w-]{16,64}$/, 'not a nonce') }).exactOptional(),
})

/** Throws `PassportMalformedError` for what would be refused at the other end. */
export function encodePassport(passport: Passport): Uint8Array {
  return decoding(
    () => {
      const { credential, links, addresses } = passport
      const bytes = pack(passportSchema, {
        ...passport,
        credential: { payload: credential.payload, signatures: [...credential.signatures] },
        links: copyOf(links),
        addresses: addresses.slice(0, ADDRESSES_MAX),
      })
      if (bytes.length > PASSPORT_BYTES_MAX) throw new Error(`${bytes.length} bytes, ${PASSPORT_BYTES_MAX} are allowed`)
      return bytes
    },
    (reason, cause) => new PassportMalformedError(`this cannot be shown at a hello: ${reason}`, { cause }),
  )
}

/** Form and bounds only; nothing in it is verified. Fields of a later version are left out. Throws `PassportMalformedError`. */
export function decodePassport(bytes: Uint8Array): Passport {
  return decoding(
    () => unpack(passportSchema, bytes, PASSPORT_BYTES_MAX),
    (reason, cause) =>
      new PassportMalformedError(`the peer showed no passport: ${reason}`, {
        hint: 'It is no VSMCP node, or of a version that cannot talk to this one.',
        cause,
      }),
  )
}

/**
 * Whether the peer that the connection authenticated is a member: its credential must be its own, and its chain and ours one
 * and the same as far as both reach.
 * @param shown as it came, or as `decodePassport` read it
 */
export async function verifyPassport(
  peer: PeerIdString,
  shown: Uint8Array | Passport,
  check: PassportCheck,
): Promise<Verdict<VerifiedPassport>> {
  return verdictOfAsync(async () => {
    const { meshId, knownChain, ...rest } = check
    const passport = shown instanceof Uint8Array ? decodePassport(shown) : shown
    const { sub } = claimsOf(passport.credential)
    if (sub !== peer) {
      throw new PassportForeignError(`${peer} showed the credential of ${sub}`, {
        hint: 'A credential belongs to one identity: a node needs its own invitation.',
        details: { peer, sub },
      })
    }
    const chain = knownChain === undefined ? orThrow(verifyChain({ meshId, ...passport })) : mergeChain(knownChain, passport)
    const claims = orThrow(await verifyCredential({ credential: passport.credential, chain, ...rest }))
    return { claims, passport, chain, extendsKnown: knownChain !== undefined && chain !== knownChain }
  })
}
