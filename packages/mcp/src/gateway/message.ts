import { isUtf8 } from 'node:buffer'
import { BATCH_LENGTH_MAX, JSON_DEPTH_MAX } from './constants.ts'
import { hasDuplicateKeys, isTooDeep, type Member, memberText, onOneLine, scanObject } from './json-text.ts'
import { INVALID_REQUEST, PARSE_ERROR, type RpcError, rpcError } from './rpc.ts'

export type JsonObject = Readonly<Record<string, unknown>>

export function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

export interface RequestMessage {
  readonly kind: 'request'
  readonly id: string | number
  /** The id as the client wrote it: what is echoed. */
  readonly idJson: string
  readonly method: string
  /** `{}` when the client sent none. */
  readonly params: JsonObject
  /** On one line. */
  readonly paramsJson: string
  /** `params._meta`, when it is an object. */
  readonly meta: JsonObject | undefined
  /** The whole message, decoded. */
  readonly value: JsonObject
}

export interface NotificationMessage {
  readonly kind: 'notification'
  readonly method: string
  readonly params: JsonObject
  readonly meta: JsonObject | undefined
  readonly value: JsonObject
}

/** To a request of ours; none is made in this revision of the gateway. */
export interface ResponseMessage {
  readonly kind: 'response'
  readonly value: JsonObject
}

/** No JSON-RPC message; `idJson` when one could be read. */
export interface InvalidMessage {
  readonly kind: 'invalid'
  readonly idJson: string | null
  readonly error: RpcError
}

export type Message = RequestMessage | NotificationMessage | ResponseMessage | InvalidMessage

export interface Batch {
  readonly kind: 'batch'
  readonly messages: readonly Message[]
}

/** Longer texts are checked for depth before they are decoded, UTF-16 units. */
const SCAN_FIRST_LENGTH = 64 * 1024

const EMPTY: JsonObject = Object.freeze({})

function invalid(code: number, message: string, idJson: string | null = null): InvalidMessage {
  return { kind: 'invalid', idJson, error: rpcError(code, message, undefined, 400) }
}

function isId(value: unknown): value is string | number {
  return typeof value === 'string' || (typeof value === 'number' && Number.isInteger(value))
}

function toMessage(
  text: string,
  members: readonly Member[],
  paramMembers: readonly Member[] | undefined,
  value: JsonObject,
): Message {
  const { id, method, params } = value
  const idJson = isId(id) ? (memberText(text, members, 'id') ?? null) : null
  if (value['jsonrpc'] !== '2.0') return invalid(INVALID_REQUEST, 'Invalid Request: "jsonrpc" must be "2.0"', idJson)
  if (hasDuplicateKeys(members) || (paramMembers !== undefined && hasDuplicateKeys(paramMembers))) {
    return invalid(INVALID_REQUEST, 'Invalid Request: a member appears twice', idJson)
  }
  if (method === undefined && id !== undefined && ('result' in value || 'error' in value)) return { kind: 'response', value }
  if (typeof method !== 'string') return invalid(INVALID_REQUEST, 'Invalid Request: "method" must be a string', idJson)
  if (params !== undefined && !isObject(params)) {
    return invalid(INVALID_REQUEST, 'Invalid Request: "params" must be an object', idJson)
  }
  const given = params ?? EMPTY
  const meta = isObject(given['_meta']) ? given['_meta'] : undefined
  if (!('id' in value)) return { kind: 'notification', method, params: given, meta, value }
  if (!isId(id) || idJson === null) return invalid(INVALID_REQUEST, 'Invalid Request: "id" must be a string or an integer')
  const paramsJson = onOneLine(memberText(text, members, 'params') ?? '{}')
  return { kind: 'request', id, idJson, method, params: given, paramsJson, meta, value }
}

/** One message that is known to be valid JSON. */
function oneMessage(text: string, value: unknown): Message {
  if (!isObject(value)) return invalid(INVALID_REQUEST, 'Invalid Request: not a JSON-RPC message')
  const scanned = scanObject(text, JSON_DEPTH_MAX, 'params')
  if (scanned === 'too-deep') return invalid(INVALID_REQUEST, `Invalid Request: nested deeper than ${JSON_DEPTH_MAX} levels`)
  if (scanned === 'not-object') return invalid(INVALID_REQUEST, 'Invalid Request: not a JSON-RPC message')
  return toMessage(text, scanned.members, scanned.nested, value)
}

function parseBatch(values: readonly unknown[]): Batch | InvalidMessage {
  if (values.length === 0) return invalid(INVALID_REQUEST, 'Invalid Request: empty batch')
  if (values.length > BATCH_LENGTH_MAX) {
    return invalid(INVALID_REQUEST, `Invalid Request: a batch may hold ${BATCH_LENGTH_MAX} messages`)
  }
  // Batches are of one old revision and off the hot path: encoding each element again is cheap enough.
  return { kind: 'batch', messages: values.map((value) => oneMessage(JSON.stringify(value) ?? '', value)) }
}

/** Reads what a client sent. Never throws, whatever it is. */
export function parseMessage(text: string): Message | Batch {
  // Before decoding: the decoder keeps state for every open level (16 MiB of "[" would take hundreds of MiB), and the encoder,
  // which batches need, is recursive. A short single message is judged by the scan that it goes through anyway.
  const mustLookFirst = text.length > SCAN_FIRST_LENGTH || !text.startsWith('{')
  if (mustLookFirst && isTooDeep(text, JSON_DEPTH_MAX))
    return invalid(INVALID_REQUEST, `Invalid Request: nested deeper than ${JSON_DEPTH_MAX} levels`)
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    return invalid(PARSE_ERROR, 'Parse error: not valid JSON')
  }
  return Array.isArray(value) ? parseBatch(value) : oneMessage(text, value)
}

/** As `parseMessage`, for bytes, which must be UTF-8. */
export function parseBytes(bytes: Buffer): Message | Batch {
  return isUtf8(bytes) ? parseMessage(bytes.toString()) : invalid(PARSE_ERROR, 'Parse error: not valid UTF-8')
}
