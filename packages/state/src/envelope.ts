import { z } from 'zod'
import { CLOCK_SKEW_MS, KEY_LENGTH_MAX, LIFE_MAX_MS, RECORD_BYTES_MAX, VALUE_DEPTH_MAX } from './constants.ts'
import type { JsonValue, SharedRecord } from './index.ts'

/**
 * A record as it is carried: one byte of version, one of the signature's length, the signature, the payload as JSON text.
 * The signature covers the topic and the payload's bytes as they are; nothing is ever re-encoded, so fields that this
 * release does not know pass through it unharmed.
 */
export interface Envelope {
  readonly id: RecordId
  readonly record: SharedRecord
  readonly removed: boolean
  /** The writer renews it while it runs. */
  readonly renewed: boolean
  readonly bytes: Uint8Array
}

/** `collection/writer/key`: one place in the document per writer, so that nobody's write displaces somebody else's. */
export type RecordId = string

const VERSION = 1
const HEADER_BYTES = 2
const COLLECTION = /^[a-z][a-z0-9-]{0,31}$/
const WRITER = /^[1-9A-HJ-NP-Za-km-z]{1,128}$/

const count = z.int().min(0)
const payloadSchema = z.looseObject({
  collection: z.string().regex(COLLECTION),
  key: z.string().refine(isKey),
  writer: z.string().regex(WRITER),
  epoch: count,
  seq: count,
  issuedAtMs: count,
  expiresAtMs: count,
  removed: z.literal(true).optional(),
  renewed: z.literal(true).optional(),
  value: z
    .unknown()
    .optional()
    .refine((value) => depthWithin(value, VALUE_DEPTH_MAX)),
})

export type Payload = z.input<typeof payloadSchema>

const encoder = new TextEncoder()
const decoder = new TextDecoder('utf-8', { fatal: true })

export function isCollection(name: string): boolean {
  return COLLECTION.test(name)
}

export function isKey(key: string): boolean {
  return key.length > 0 && key.length <= KEY_LENGTH_MAX && key.isWellFormed()
}

export function recordId(collection: string, writer: string, key: string): RecordId {
  return `${collection}/${writer}/${key}`
}

export function encodePayload(payload: Payload): Uint8Array {
  return encoder.encode(JSON.stringify(payload))
}

/** What the signature is made over: never the payload alone, so that it counts for this group's document only. */
export function signedBytes(topic: string, payload: Uint8Array): Uint8Array {
  return concat(encoder.encode(`vsmcp-state-record:${VERSION}\n${topic}\n`), payload)
}

export function encodeEnvelope(payload: Uint8Array, signature: Uint8Array): Uint8Array {
  return concat(Uint8Array.of(VERSION, signature.length), signature, payload)
}

/** An envelope not yet verified, or why it is none: `malformed` for ever, `unknown` to this release (a newer one wrote it). */
export type Opened = { envelope: Envelope; signature: Uint8Array; payload: Uint8Array } | 'malformed' | 'unknown'

/** Never throws, whatever the bytes. */
export function openEnvelope(id: RecordId, bytes: Uint8Array): Opened {
  const [version = 0, length = 0] = bytes
  if (version > VERSION && bytes.length <= RECORD_BYTES_MAX) return 'unknown'
  const payload = bytes.subarray(HEADER_BYTES + length)
  if (version !== VERSION || length === 0 || payload.length === 0 || bytes.length > RECORD_BYTES_MAX) return 'malformed'
  const fields = parsePayload(payload)
  if (fields === undefined || recordId(fields.collection, fields.writer, fields.key) !== id) return 'malformed'
  const { collection, key, writer, epoch, seq, issuedAtMs, expiresAtMs } = fields
  if (expiresAtMs > issuedAtMs + LIFE_MAX_MS + CLOCK_SKEW_MS) return 'malformed'
  const record = { collection, key, writer, epoch, seq, issuedAtMs, expiresAtMs, value: (fields.value ?? null) as JsonValue }
  const { removed = false, renewed = false } = fields
  const signature = bytes.subarray(HEADER_BYTES, HEADER_BYTES + length)
  return { envelope: { id, record: Object.freeze(record), removed, renewed, bytes }, signature, payload }
}

/** Later wins; two of one writer with the same count (its data directory was copied) are put in an order all agree on. */
export function isLater(a: Envelope, b: Envelope): boolean {
  if (a.record.epoch !== b.record.epoch) return a.record.epoch > b.record.epoch
  if (a.record.seq !== b.record.seq) return a.record.seq > b.record.seq
  return Buffer.compare(a.bytes, b.bytes) > 0
}

export function depthWithin(value: unknown, depthMax: number): boolean {
  let level: unknown[] = [value]
  for (let depth = 0; level.length > 0; depth++) {
    if (depth > depthMax) return false
    level = level.flatMap((one) => (typeof one === 'object' && one !== null ? Object.values(one) : []))
  }
  return true
}

function parsePayload(bytes: Uint8Array): z.output<typeof payloadSchema> | undefined {
  try {
    return payloadSchema.safeParse(JSON.parse(decoder.decode(bytes))).data
  } catch {
    return undefined
  }
}

function concat(...parts: readonly Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0))
  let at = 0
  for (const part of parts) {
    whole.set(part, at)
    at += part.length
  }
  return whole
}
