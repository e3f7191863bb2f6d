import { constants, deflateRawSync, inflateRawSync } from 'node:zlib'
import { messageOf } from '@vsmcp/kernel'
import { z } from 'zod'
import { INFLATED_BYTES_MAX } from './constants.ts'

/** First byte of everything packed here; another one is a form of a later version. */
const FORM = 1

const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

/** Strict UTF-8, a byte order mark included. Throws `TypeError`. */
export function textOf(bytes: Uint8Array): string {
  return decoder.decode(bytes)
}

export function bytesOf(text: string): Uint8Array {
  return new Uint8Array(Buffer.from(text, 'utf8'))
}

export function toBase64url(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('base64url')
}

/** Only the one spelling that `toBase64url` gives. @returns undefined for any other text */
export function fromBase64url(text: string): Uint8Array | undefined {
  const bytes = Buffer.from(text, 'base64url')
  return bytes.toString('base64url') === text ? new Uint8Array(bytes) : undefined
}

const bytesSchema = z.custom<Uint8Array>((value) => value instanceof Uint8Array, 'not bytes')

/** Bytes as base64url within JSON. */
export const base64urlCodec = z.codec(z.string(), bytesSchema, {
  decode: (text, context) => fromBase64url(text) ?? issue(context, text, 'not base64url'),
  encode: toBase64url,
})

/** Bytes that are UTF-8 text (signed JSON) as that text within JSON: shorter than base64url, and deflates well. */
export const utf8Codec = z.codec(z.string(), bytesSchema, {
  decode: bytesOf,
  encode: textOf,
})

function issue(context: z.core.ParsePayload, input: unknown, message: string): never {
  context.issues.push({ code: 'custom', input, message })
  return z.NEVER
}

/** What was packed would be refused at the other end for its size. */
export class OversizeError extends Error {
  constructor(length: number, max: number) {
    super(`${length} bytes, ${max} are allowed`)
  }
}

/**
 * Form byte and deflated JSON (RFC 1951): chains repeat the same PeerIds and deflate to a third. Throws `OversizeError`, and what
 * `schema` throws.
 */
export function pack<S extends z.ZodType>(schema: S, value: z.output<S>, bytesMax: number): Uint8Array {
  const text = Buffer.from(JSON.stringify(z.encode(schema, value)), 'utf8')
  if (text.length > INFLATED_BYTES_MAX) throw new OversizeError(text.length, INFLATED_BYTES_MAX)
  const deflated = deflateRawSync(text, { level: constants.Z_BEST_COMPRESSION })
  if (deflated.length >= bytesMax) throw new OversizeError(deflated.length + 1, bytesMax)
  return new Uint8Array(Buffer.concat([Uint8Array.of(FORM), deflated]))
}

/**
 * The way back from `pack`. Throws an `Error` whose message says what is wrong: too large, another form, no deflated JSON, or
 * which field does not fit.
 */
export function unpack<S extends z.ZodType>(schema: S, bytes: Uint8Array, bytesMax: number): z.output<S> {
  if (bytes.length > bytesMax) throw new OversizeError(bytes.length, bytesMax)
  if (bytes.length === 0) throw new Error('it is empty')
  if (bytes[0] !== FORM) throw new Error(`it has form ${bytes[0]}, and only form ${FORM} is known here`)
  return decodeWith(schema, JSON.parse(textOf(inflateRawSync(bytes.subarray(1), { maxOutputLength: INFLATED_BYTES_MAX }))))
}

/** Throws an `Error` that names the first field that does not fit. */
export function decodeWith<S extends z.ZodType>(schema: S, value: unknown): z.output<S> {
  const result = schema.safeParse(value)
  if (result.success) return result.data
  const first = result.error.issues[0]
  const where = first === undefined || first.path.length === 0 ? 'it' : first.path.map(String).join('.')
  throw new Error(`${where}: ${first?.message ?? 'malformed'}`)
}

/** Runs `decode`; whatever it throws becomes the error that `wrap` makes of the reason. */
export function decoding<T>(decode: () => T, wrap: (reason: string, cause: unknown) => Error): T {
  try {
    return decode()
  } catch (error) {
    throw wrap(messageOf(error), error)
  }
}
