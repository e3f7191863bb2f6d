import type { GroupId, MeshId, PeerIdString } from '@vsmcp/kernel'
import { z } from 'zod'
import { anchoredEra } from './anchor.ts'
import { type Chain, copyOf, verifyChain } from './chain.ts'
import { ADDRESSES_MAX, PASSPORT_BYTES_MAX, PASSPORT_OTHERS_MAX, VERSION_LENGTH_MAX } from './constants.ts'
import { claimsOf, type Credential, type CredentialClaims, credentialSchema } from './credential.ts'
import { PassportForeignError, PassportMalformedError, PassportOtherGroupError } from './errors.ts'
import { addressesField, counterField, linksField, nameField, signedCharterField } from './fields.ts'
import type { SignedCharter } from './first-charter.ts'
import { decoding, OversizeError, pack, unpack } from './form.ts'
import type { Link } from './link.ts'
import { isOf, mergeChain } from './merge-chain.ts'
import { orThrow, type Verdict, verdictOfAsync } from './verdict.ts'
import { type CredentialCheck, type Revocation, verifyCredential } from './verify-credential.ts'

/** Which start of a node this is: see `Passport.life`. */
export interface Life {
  /** From 1, one higher at each start. */
  readonly number: number
  /** base64url, made anew with each number. */
  readonly nonce: string
}

/** That a node is a member of one group, and who vouches for it. */
export interface Papers {
  readonly credential: Credential
  readonly firstCharter: SignedCharter
  readonly links: readonly Link[]
}

/** What a node shows at a hello. */
export interface Passport extends Papers {
  /** Wire versions spoken, and the feature level. */
  readonly wire: { readonly min: number; readonly max: number; readonly level: number }
  readonly name: string
  /** Multiaddrs under which it can be dialed, the best first: of more than 16 the first are shown. */
  readonly addresses: readonly string[]
  /** Version of the program, for people. */
  readonly version: string
  /** By it members tell a node from a copy or an old state of its disk. Absent from releases that had none. */
  readonly life?: Life
  /**
   * Papers of its seats in further groups of the mesh, each group once: of more than 8, or than fit into one hello, the first are
   * shown. Releases below feature level 4 show none, and read none.
   */
  readonly others?: readonly Papers[]
}

export interface VerifiedPassport {
  readonly claims: CredentialClaims
  /** As shown, but that the papers verified come first. */
  readonly passport: Passport
  /** The longer of the chain shown and the chain known. */
  readonly chain: Chain
  /** True when the peer knew changes of voters that we did not: keep `chain`. */
  readonly extendsKnown: boolean
}

/** What the verifier goes by. */
export interface PassportCheck {
  readonly meshId: MeshId
  /** Verify the papers of this group. @default those that come first, whatever their group */
  readonly group?: GroupId | undefined
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

const papersFields = { credential: credentialSchema, firstCharter: signedCharterField, links: linksField }

const papersSchema = z.object(papersFields)

const passportSchema = z.object({
  ...papersFields,
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
  others: z.array(papersSchema).max(PASSPORT_OTHERS_MAX).exactOptional(),
})

/** Throws `PassportMalformedError` for what would be refused at the other end. */
export function encodePassport(passport: Passport): Uint8Array {
  return decoding(
    () => {
      const { others = [], ...first } = passport
      return packedAsFits(first, others.slice(0, PASSPORT_OTHERS_MAX))
    },
    (reason, cause) => new PassportMalformedError(`this cannot be shown at a hello: ${reason}`, { cause }),
  )
}

function packedAsFits(passport: Omit<Passport, 'others'>, others: readonly Papers[]): Uint8Array {
  try {
    return packed(passport, others)
  } catch (error) {
    if (!(error instanceof OversizeError) || others.length === 0) throw error
    return packedAsFits(passport, others.slice(0, -1))
  }
}

function packed(passport: Omit<Passport, 'others'>, others: readonly Papers[]): Uint8Array {
  const shown = {
    ...passport,
    ...copied(passport),
    addresses: passport.addresses.slice(0, ADDRESSES_MAX),
    ...(others.length === 0 ? {} : { others: others.map(copied) }),
  }
  return pack(passportSchema, shown, PASSPORT_BYTES_MAX)
}

function copied({ credential: { payload, signatures }, firstCharter, links }: Papers): z.output<typeof papersSchema> {
  return { credential: { payload, signatures: [...signatures] }, firstCharter, links: copyOf(links) }
}

/** Groups of which a passport shows papers, those that come first first; nothing is verified yet. Throws `CredentialMalformedError`. */
export function groupsShown(passport: Passport): readonly GroupId[] {
  return papersOf(passport).map(({ credential }) => claimsOf(credential).group)
}

/** Those that come first, and those of further seats. */
export function papersOf({ credential, firstCharter, links, others = [] }: Passport): readonly Papers[] {
  return [{ credential, firstCharter, links }, ...others]
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
    const { meshId, knownChain, group, ...rest } = check
    const whole = shown instanceof Uint8Array ? decodePassport(shown) : shown
    const passport = group === undefined ? whole : forGroup(whole, group, peer)
    const { sub } = claimsOf(passport.credential)
    if (sub !== peer) {
      throw new PassportForeignError(`${peer} showed the credential of ${sub}`, {
        hint: 'A credential belongs to one identity: a node needs its own invitation.',
        details: { peer, sub },
      })
    }
    const chain = knownChain === undefined ? orThrow(verifyChain({ meshId, ...passport })) : mergeChain(knownChain, passport)
    const { credential } = passport
    const claims = orThrow(await verifyCredential({ credential, ...rest, ...signersOf(passport, chain, rest.oldestVoterIndex) }))
    return { claims, passport, chain, extendsKnown: knownChain !== undefined && chain !== knownChain }
  })
}

/**
 * The chain that names who signed the credential. An anchor may have taken them away; then the chain shown with it tells, if the one that
 * counts is known to go on from there. They vouch for nobody any more: it is good for being renewed.
 */
function signersOf(passport: Passport, chain: Chain, oldestVoterIndex = 0): Pick<CredentialCheck, 'chain' | 'oldestVoterIndex'> {
  const { voterIndex } = claimsOf(passport.credential)
  const anchored = anchoredEra(chain)
  if (anchored === undefined || voterIndex >= anchored.index) return { chain, oldestVoterIndex }
  const shown = orThrow(verifyChain({ meshId: chain.meshId, ...passport }))
  const isBefore = shown.eras.some(({ index, digest }) => index === voterIndex && isOf(chain, digest))
  return { chain: isBefore ? shown : chain, oldestVoterIndex: Math.max(oldestVoterIndex, anchored.index) }
}

/** The passport with the papers of this group first. */
function forGroup(passport: Passport, group: GroupId, peer: PeerIdString): Passport {
  const shown = groupsShown(passport)
  const papers = papersOf(passport)[shown.indexOf(group)]
  if (papers === undefined) {
    throw new PassportOtherGroupError(`${peer} showed papers of ${shown.length} groups, and none of ${group}`, {
      hint: 'It is a member of other groups of this mesh, or has not shown this one yet.',
      details: { peer, group },
    })
  }
  return { ...passport, ...papers }
}
