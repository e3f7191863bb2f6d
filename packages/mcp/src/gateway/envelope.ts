import {
  classifyInboundRequest,
  CLIENT_CAPABILITIES_META_KEY,
  CLIENT_INFO_META_KEY,
  LOG_LEVEL_META_KEY,
  PROTOCOL_VERSION_META_KEY,
} from '@modelcontextprotocol/server'
import { LEGACY_VERSIONS, MODERN_VERSION } from './constants.ts'
import { isObject, type JsonObject, type NotificationMessage, type RequestMessage } from './message.ts'
import { HEADER_MISMATCH, INVALID_REQUEST, type RpcError, rpcError, UNSUPPORTED_VERSION } from './rpc.ts'

export type LogLevel = 'debug' | 'info' | 'notice' | 'warning' | 'error' | 'critical' | 'alert' | 'emergency'

const LOG_LEVELS: ReadonlySet<unknown> = new Set<LogLevel>([
  'debug',
  'info',
  'notice',
  'warning',
  'error',
  'critical',
  'alert',
  'emergency',
])

export function isLogLevel(value: unknown): value is LogLevel {
  return LOG_LEVELS.has(value)
}

/** The headers in which the modern era mirrors parts of the body; `undefined` off HTTP. */
export interface MirrorHeaders {
  readonly version: string | undefined
  readonly method: string | undefined
  readonly name: string | undefined
}

export type Classified = { era: 'modern' } | { era: 'legacy' } | { era: 'refused'; error: RpcError }

/** Where a method's target stands in its params; the modern era mirrors it in `Mcp-Name` (2026-07-28, "Standard Request Headers"). */
const NAME_SOURCE: Readonly<Record<string, string>> = {
  'tools/call': 'name',
  'prompts/get': 'name',
  'resources/read': 'uri',
}

/** The members of an envelope that the answer depends on are well formed. */
function isSoundEnvelope(meta: JsonObject): boolean {
  const capabilities = meta[CLIENT_CAPABILITIES_META_KEY]
  if (!isObject(capabilities)) return false
  for (const key in capabilities) if (!isObject(capabilities[key])) return false
  const info = meta[CLIENT_INFO_META_KEY]
  if (info !== undefined && !(isObject(info) && typeof info['name'] === 'string' && typeof info['version'] === 'string'))
    return false
  const token = meta['progressToken']
  if (token !== undefined && typeof token !== 'string' && !Number.isInteger(token)) return false
  const level = meta[LOG_LEVEL_META_KEY]
  return level === undefined || isLogLevel(level)
}

function isModern(version: string | undefined): boolean {
  return version !== undefined && version >= MODERN_VERSION
}

function unsupported(requested: string): RpcError {
  const supported = [MODERN_VERSION, ...LEGACY_VERSIONS]
  return rpcError(UNSUPPORTED_VERSION, `Unsupported protocol version: ${requested}`, { supported, requested }, 400)
}

/**
 * Which era a message belongs to. What is plainly one or the other is decided here, at the cost of a few comparisons; the rest
 * goes to the SDK's own classifier, so that refusals are those of the reference implementation. A request that carries the
 * modern envelope is modern whatever the headers say; they must then agree with it.
 * @param headers `undefined` on a pipe, which has none
 */
export function classify(message: RequestMessage | NotificationMessage, headers: MirrorHeaders | undefined): Classified {
  const { meta, method } = message
  const claim = meta?.[PROTOCOL_VERSION_META_KEY]
  if (claim === undefined && !isModern(headers?.version)) return { era: 'legacy' }
  const agrees = headers === undefined || (headers.version === claim && headers.method === method)
  if (message.kind === 'request' && claim === MODERN_VERSION && agrees && meta !== undefined && isSoundEnvelope(meta)) {
    return { era: 'modern' }
  }
  const outcome = classifyInboundRequest({
    httpMethod: 'POST',
    body: message.value,
    ...(headers?.version === undefined ? {} : { protocolVersionHeader: headers.version }),
    ...(headers?.method === undefined ? {} : { mcpMethodHeader: headers.method }),
    ...(headers?.name === undefined ? {} : { mcpNameHeader: headers.name }),
  })
  if (outcome.kind === 'legacy') return { era: 'legacy' }
  if (outcome.kind === 'reject')
    return { era: 'refused', error: rpcError(outcome.code, outcome.message, outcome.data, outcome.httpStatus) }
  const revision = outcome.classification.revision
  return revision === MODERN_VERSION ? { era: 'modern' } : { era: 'refused', error: unsupported(revision ?? 'unknown') }
}

function mismatch(header: string, body: string): RpcError {
  const data = { mismatch: { header, body } }
  return rpcError(HEADER_MISMATCH, `Bad Request: the request headers and body disagree: ${body}`, data, 400)
}

const SENTINEL = /^=\?base64\?(?<payload>.*)\?=$/s
const BASE64 = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/

/** A mirrored value as it was before it was made fit for a header (2026-07-28, "Value Encoding"); `undefined` for a broken one. */
export function decodeMirrored(value: string): string | undefined {
  const payload = SENTINEL.exec(value)?.groups?.['payload']
  if (payload === undefined) return value
  if (!BASE64.test(payload)) return undefined
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(Buffer.from(payload, 'base64'))
  } catch {
    return undefined
  }
}

/** The required headers of a modern request that `classify` does not look at. */
export function checkMirrorHeaders(message: RequestMessage, headers: MirrorHeaders): RpcError | undefined {
  const { method, params } = message
  if (headers.version === undefined) return mismatch('(missing)', 'the required MCP-Protocol-Version header is absent')
  if (headers.method === undefined)
    return mismatch('(missing)', `the body names method ${method} but the required Mcp-Method header is absent`)
  const field = NAME_SOURCE[method]
  if (field === undefined) return undefined
  const inBody = params[field]
  if (typeof inBody !== 'string') return undefined
  const header = headers.name
  if (header === inBody) return undefined
  if (header === undefined)
    return mismatch('(missing)', `the body carries params.${field} but the required Mcp-Name header is absent`)
  const decoded = decodeMirrored(header.trim())
  if (decoded === undefined) return mismatch(header, 'the Mcp-Name header carries an invalid Base64 sentinel value')
  if (decoded === inBody) return undefined
  return mismatch(header, `the body carries params.${field}="${inBody}" but the Mcp-Name header names "${decoded}"`)
}

/** For what belongs to neither era. */
export const NOT_INITIALIZED: RpcError = rpcError(
  INVALID_REQUEST,
  'Invalid Request: send `initialize` first, or the _meta envelope of protocol revision 2026-07-28 with each request',
  undefined,
  400,
)
