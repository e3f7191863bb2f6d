import { createHash } from 'node:crypto'
import type { PeerIdString } from '@vsmcp/kernel'
import { z } from 'zod'
import { CompactReader, CompactWriter } from './compact-bytes.ts'
import {
  INVITATION_ID_BYTES,
  INVITATION_USES_MAX,
  KEY_BYTES,
  MESH_ID_BYTES,
  SECRET_BYTES,
  TOKEN_ADDRESSES_MAX,
  TOKEN_INVITERS_MAX,
  TOKEN_LENGTH_MAX,
} from './constants.ts'
import { TokenCutShortError, TokenMalformedError, TokenMistypedError } from './errors.ts'
import { addressField, digestField, groupField, meshIdField, peerField, roleField, zoneField } from './fields.ts'
import { decodeWith, decoding, fromBase64url, toBase64url } from './form.ts'
import type { Invitation } from './invitation.ts'
import { peerIdOf, publicKeyOf } from './peer-keys.ts'

/** What every token begins with; the digit is the version of the form. */
const PREFIX = 'vsmcp1_'
const ANY_PREFIX = /^vsmcp\d+_/
/** Bytes of the length at the front, which tells a cut token from a mistyped one. */
const LENGTH_BYTES = 2
/** Bytes of SHA-256 at the end: one mistake in 4 billion goes unseen, and is caught by the proof. */
const CHECKSUM_BYTES = 4

const hexField = (bytes: number) => z.string().regex(new RegExp(`^[0-9a-f]{${2 * bytes}}$`))

const invitationSchema = z.object({
  meshId: meshIdField,
  newestEra: digestField,
  id: hexField(INVITATION_ID_BYTES),
  secret: z.custom<Uint8Array>((value) => value instanceof Uint8Array && value.length === SECRET_BYTES, 'not 32 bytes'),
  group: groupField,
  zone: zoneField,
  role: roleField,
  uses: z.int().min(1).max(INVITATION_USES_MAX),
  expiresAtMs: z
    .int()
    .nonnegative()
    .max(2 ** 48 - 1),
  addresses: z.array(addressField).min(1).max(TOKEN_ADDRESSES_MAX),
  inviters: z.array(peerField).min(1).max(TOKEN_INVITERS_MAX),
})

/** Throws `TokenMalformedError` for an invitation out of bounds. */
export function encodeToken(invitation: Invitation): string {
  return decoding(
    () => {
      const body = bodyOf(decodeWith(invitationSchema, invitation))
      const counted = new CompactWriter().uint(body.length, LENGTH_BYTES).raw(body).bytes()
      return PREFIX + toBase64url(new CompactWriter().raw(counted).raw(checksumOf(counted)).bytes())
    },
    (reason, cause) => new TokenMalformedError(`this cannot be made an invitation token: ${reason}`, { cause }),
  )
}

/**
 * Throws `TokenMalformedError` (no token at all, or of a later version), `TokenCutShortError` or `TokenMistypedError`. White space
 * in it, as mail programs add, is ignored.
 */
export function decodeToken(token: string): Invitation {
  const bytes = uncheckedBytes(token.replaceAll(/\s+/g, ''))
  const reader = new CompactReader(bytes)
  const expected = LENGTH_BYTES + reader.uint(LENGTH_BYTES) + CHECKSUM_BYTES
  if (bytes.length < expected) {
    throw cutShort(`about ${Math.ceil(((expected - bytes.length) * 4) / 3)} characters are missing at its end`)
  }
  const counted = bytes.subarray(0, expected - CHECKSUM_BYTES)
  const sum = bytes.subarray(counted.length, expected)
  if (bytes.length > expected || !Buffer.from(sum).equals(checksumOf(counted))) {
    throw new TokenMistypedError('the invitation token is not as it was made: its checksum is wrong', {
      hint: 'Copy it again as a whole, without typing it by hand.',
    })
  }
  return decoding(
    () => decodeWith(invitationSchema, readBody(new CompactReader(counted.subarray(LENGTH_BYTES)))),
    (reason, cause) => new TokenMalformedError(`the invitation token cannot be read: ${reason}`, { hint: ASK_AGAIN, cause }),
  )
}

const ASK_AGAIN = 'Ask for a new token: `vsmcp invite` on a member.'

/** The token's bytes, whole or not. */
function uncheckedBytes(text: string): Uint8Array {
  if (!text.startsWith(PREFIX)) {
    if (text.length > 0 && PREFIX.startsWith(text)) throw cutShort(`only "${text}" is there`)
    throw ANY_PREFIX.test(text)
      ? new TokenMalformedError(
          `the invitation token has a form this version does not know (${text.slice(0, text.indexOf('_'))})`,
          {
            hint: 'Update this program, or have the invitation made by a node of this version.',
          },
        )
      : new TokenMalformedError(`this is no invitation token: it does not begin with ${PREFIX}`, {
          hint: `${ASK_AGAIN} Copy all of it.`,
        })
  }
  if (text.length > TOKEN_LENGTH_MAX) {
    throw new TokenMalformedError(
      `this is no invitation token: ${text.length} characters, at most ${TOKEN_LENGTH_MAX} can be one`,
      {
        hint: 'Copy the token alone.',
      },
    )
  }
  const body = text.slice(PREFIX.length)
  const wrong = /[^A-Za-z0-9_-]/u.exec(body)
  if (wrong !== null) {
    throw new TokenMistypedError(
      `character ${PREFIX.length + wrong.index + 1} of the invitation token cannot be part of it: ${JSON.stringify(wrong[0])}`,
      { hint: 'Copy it again as a whole; it has only letters, digits, "-" and "_".' },
    )
  }
  // A last character that carries nothing, or bits that belong to what is missing: the length tells the rest.
  const whole = fromBase64url(body) ?? new Uint8Array(Buffer.from(body, 'base64url'))
  if (whole.length < LENGTH_BYTES) throw cutShort('almost all of it is missing')
  return whole
}

function cutShort(what: string): TokenCutShortError {
  return new TokenCutShortError(`the invitation token is cut short: ${what}`, { hint: 'Copy all of it, to its very end.' })
}

function bodyOf(invitation: Invitation): Uint8Array {
  const { meshId, newestEra, id, secret, group, zone, role, uses, expiresAtMs, addresses, inviters } = invitation
  const writer = new CompactWriter()
    .raw(Buffer.from(meshId, 'hex'))
    .raw(Buffer.from(newestEra, 'hex'))
    .raw(Buffer.from(id, 'hex'))
    .raw(secret)
    .text(group)
    .text(zone)
    .text(role)
    .uint(uses, 2)
    .uint(expiresAtMs, 6)
    .uint(inviters.length, 1)
  for (const inviter of inviters) writer.raw(rawKeyOf(inviter))
  writer.uint(addresses.length, 1)
  for (const address of addresses) {
    // An address that ends in an inviter's PeerId names it by its place: 52 characters less.
    const place = inviters.findIndex((inviter) => address.endsWith(peerSuffix(inviter)))
    const suffix = peerSuffix(inviters[place])
    writer.uint(place + 1, 1).text(address.slice(0, address.length - suffix.length))
  }
  return writer.bytes()
}

function readBody(reader: CompactReader): unknown {
  const hex = (length: number): string => Buffer.from(reader.raw(length)).toString('hex')
  const head = {
    meshId: hex(MESH_ID_BYTES),
    newestEra: hex(32),
    id: hex(INVITATION_ID_BYTES),
    secret: reader.raw(SECRET_BYTES),
    group: reader.text(),
    zone: reader.text(),
    role: reader.text(),
    uses: reader.uint(2),
    expiresAtMs: reader.uint(6),
  }
  const inviters = reader.list(() => peerIdOf(reader.raw(KEY_BYTES)))
  const addresses = reader.list(() => {
    const place = reader.uint(1)
    return reader.text() + peerSuffix(inviters[place - 1])
  })
  if (reader.left > 0) throw new RangeError(`${reader.left} bytes too many`)
  return { ...head, inviters, addresses }
}

function peerSuffix(inviter: PeerIdString | undefined): string {
  return inviter === undefined ? '' : `/p2p/${inviter}`
}

function rawKeyOf(inviter: PeerIdString): Uint8Array {
  const key = publicKeyOf(inviter)
  if (key === undefined) throw new Error(`${inviter} is no PeerId`)
  return key.raw
}

function checksumOf(bytes: Uint8Array): Uint8Array {
  return createHash('sha256').update(bytes).digest().subarray(0, CHECKSUM_BYTES)
}
