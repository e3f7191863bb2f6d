import { Packr, RESERVE_START_SPACE, Unpackr } from 'msgpackr'
import { DEADLINE_MAX_MS, ERROR_TEXT_LENGTH_MAX, HEADER_LENGTH_MAX, METHOD_LENGTH_MAX, PREFIX_LENGTH } from './constants.ts'
import { MalformedFrameError } from './errors.ts'

/*
 * A frame, wire version 1:
 *
 *   u32  length of all that follows, big endian, at most FRAME_LENGTH_MAX
 *   u16  length of the header, big endian
 *        header: a msgpack array [kind, …]
 *        payload: the rest, raw, so that it is never copied through an encoder
 */

export const REQUEST = 0 // [0, id, method, deadlineMs] + payload
export const ANSWER = 1 // [1, id, sequence] + payload
export const FAILURE = 2 // [2, id, sequence, code, message, hint | null]: the handler threw
export const PROGRESS = 3 // [3, id, sequence] + payload
export const CANCEL = 4 // [4, id]
export const REFUSAL = 5 // [5, id, reason]: surely not executed
export const NOTICE = 6 // [6, method] + payload

/** Why a request was not executed. */
export type RefusalReason = 'busy' | 'no-handler' | 'stopping'
const REFUSAL_REASONS: ReadonlySet<unknown> = new Set<RefusalReason>(['busy', 'no-handler', 'stopping'])

/** Where decoded frames go. Ids and sequence numbers are whole and positive; what they refer to is the sink's business. */
export interface FrameSink {
  onRequest(id: number, method: string, deadlineMs: number, payload: Uint8Array): void
  onAnswer(id: number, sequence: number, payload: Uint8Array): void
  onFailure(id: number, sequence: number, failure: Failure): void
  onProgress(id: number, sequence: number, payload: Uint8Array): void
  onCancel(id: number): void
  onRefusal(id: number, reason: RefusalReason): void
  onNotice(method: string, payload: Uint8Array): void
}

/** What a handler threw, as it crosses the wire. */
export interface Failure {
  readonly code: string
  readonly message: string
  readonly hint: string | undefined
}

const packr = new Packr({ useRecords: false, variableMapSize: true })
const unpackr = new Unpackr({ useRecords: false, int64AsType: 'number' })

/** A frame ready to be written: prefix and header, then the payload as the caller gave it. */
export class OutgoingFrame {
  readonly head: Uint8Array
  payload: Uint8Array | undefined
  readonly byteLength: number
  /** Set when its call was over before any of it was written. */
  dropped = false
  /** Set as soon as its first byte was handed to libp2p. */
  handed = false

  constructor(header: readonly unknown[], payload?: Uint8Array) {
    const head = packr.pack(header, RESERVE_START_SPACE | PREFIX_LENGTH)
    const payloadLength = payload?.byteLength ?? 0
    const length = head.byteLength - 4 + payloadLength
    const headerLength = head.byteLength - PREFIX_LENGTH
    head[0] = length >>> 24
    head[1] = length >>> 16
    head[2] = length >>> 8
    head[3] = length
    head[4] = headerLength >>> 8
    head[5] = headerLength
    this.head = head
    this.payload = payload
    this.byteLength = head.byteLength + payloadLength
  }
}

/** A failure cut to what a header carries. */
export function encodableFailure(failure: Failure): [code: string, message: string, hint: string | null] {
  const { code, message, hint } = failure
  return [code.slice(0, METHOD_LENGTH_MAX), cut(message), hint === undefined ? null : cut(hint)]
}

/** No half of a surrogate pair is left at the end. */
function cut(whole: string): string {
  if (whole.length <= ERROR_TEXT_LENGTH_MAX) return whole
  return `${whole.slice(0, ERROR_TEXT_LENGTH_MAX - 1).replace(/[\uD800-\uDBFF]$/, '')}…`
}

/** Payloads up to this many bytes are copied out, so that one kept by its handler does not hold a whole receive buffer. */
const COPY_LENGTH_MAX = 16 * 1024

/**
 * Decodes one whole frame (without its length) and hands it to the sink.
 * @param shared whether the bytes are part of a buffer that holds other frames
 */
export function decodeFrame(bytes: Uint8Array, shared: boolean, sink: FrameSink): void {
  if (bytes.byteLength < 2) throw malformed('it ends within its prefix')
  const headerLength = ((bytes[0] ?? 0) << 8) | (bytes[1] ?? 0)
  const payloadStart = 2 + headerLength
  if (headerLength > HEADER_LENGTH_MAX) throw malformed(`its header of ${headerLength} bytes is over ${HEADER_LENGTH_MAX}`)
  if (payloadStart > bytes.byteLength) throw malformed('its header is longer than the frame')
  const header = decodeHeader(bytes.subarray(2, payloadStart))
  dispatch(header, payloadOf(bytes, payloadStart, shared), sink)
}

/** Always a plain `Uint8Array`: a `Buffer` slices and compares differently. */
function payloadOf(bytes: Uint8Array, start: number, shared: boolean): Uint8Array {
  const length = bytes.byteLength - start
  if (!shared || length > COPY_LENGTH_MAX) return new Uint8Array(bytes.buffer, bytes.byteOffset + start, length)
  const payload = new Uint8Array(length)
  payload.set(bytes.subarray(start))
  return payload
}

function decodeHeader(bytes: Uint8Array): readonly unknown[] {
  let header: unknown
  try {
    header = unpackr.unpack(bytes)
  } catch (error) {
    throw malformed('its header is not msgpack', error)
  }
  if (!Array.isArray(header)) throw malformed('its header is not an array')
  return header
}

function dispatch(header: readonly unknown[], payload: Uint8Array, sink: FrameSink): void {
  switch (header[0]) {
    case REQUEST:
      return sink.onRequest(identifier(header[1]), method(header[2]), deadline(header[3]), fields(header, 4, payload))
    case ANSWER:
      return sink.onAnswer(identifier(header[1]), sequence(header[2]), fields(header, 3, payload))
    case FAILURE: {
      const failure = { code: text(header[3], METHOD_LENGTH_MAX), message: text(header[4]), hint: optionalText(header[5]) }
      return sink.onFailure(identifier(header[1]), sequence(header[2]), bare(header, 6, payload, failure))
    }
    case PROGRESS:
      return sink.onProgress(identifier(header[1]), sequence(header[2]), fields(header, 3, payload))
    case CANCEL:
      return sink.onCancel(bare(header, 2, payload, identifier(header[1])))
    case REFUSAL:
      return sink.onRefusal(identifier(header[1]), bare(header, 3, payload, refusal(header[2])))
    case NOTICE:
      return sink.onNotice(method(header[1]), fields(header, 2, payload))
    default:
      throw malformed('its kind is unknown')
  }
}

/** Later versions append fields; this version's senders do not, so what is longer is garbage. */
function fields(header: readonly unknown[], length: number, payload: Uint8Array): Uint8Array {
  if (header.length !== length) throw malformed(`its header has ${header.length} fields instead of ${length}`)
  return payload
}

function bare<T>(header: readonly unknown[], length: number, payload: Uint8Array, value: T): T {
  if (fields(header, length, payload).byteLength > 0) throw malformed('it carries a payload where none belongs')
  return value
}

function identifier(value: unknown): number {
  if (Number.isSafeInteger(value) && typeof value === 'number' && value >= 1) return value
  throw malformed('its request id is not a positive whole number')
}

function sequence(value: unknown): number {
  if (Number.isSafeInteger(value) && typeof value === 'number' && value >= 0) return value
  throw malformed('its sequence number is not a whole number')
}

function deadline(value: unknown): number {
  if (typeof value === 'number' && value > 0 && value <= DEADLINE_MAX_MS) return value
  throw malformed('its deadline is out of range')
}

function method(value: unknown): string {
  if (typeof value === 'string' && value.length >= 1 && value.length <= METHOD_LENGTH_MAX) return value
  throw malformed('its method is not a short string')
}

function text(value: unknown, lengthMax = ERROR_TEXT_LENGTH_MAX): string {
  if (typeof value === 'string' && value.length <= lengthMax) return value
  throw malformed('its text is not a string within bounds')
}

function optionalText(value: unknown): string | undefined {
  return value === null ? undefined : text(value)
}

function refusal(value: unknown): RefusalReason {
  if (REFUSAL_REASONS.has(value)) return value as RefusalReason
  throw malformed('its refusal is unknown')
}

function malformed(what: string, cause?: unknown): MalformedFrameError {
  return new MalformedFrameError(`a frame cannot be read: ${what}`, { cause })
}
