import { toErrorShape, VsmcpError } from '@vsmcp/kernel'
import type { Era } from '../contract.ts'

export const PARSE_ERROR = -32700
export const INVALID_REQUEST = -32600
export const METHOD_NOT_FOUND = -32601
export const INVALID_PARAMS = -32602
export const INTERNAL_ERROR = -32603
/** Legacy: resource not found. No modern answer may carry it. */
export const RESOURCE_NOT_FOUND = -32002
/** Legacy 2025-11-25: the client must open a URL first. No modern answer may carry it. */
export const URL_ELICITATION_REQUIRED = -32042
export const HEADER_MISMATCH = -32020
export const MISSING_CAPABILITY = -32021
export const UNSUPPORTED_VERSION = -32022
/** What the SDKs send where only the HTTP status has a meaning. */
export const TRANSPORT_ERROR = -32000
export const SESSION_NOT_FOUND = -32001

export interface RpcError {
  readonly code: number
  readonly message: string
  /** JSON text. */
  readonly dataJson?: string
  /**
   * HTTP status when this is the first thing the client hears. A refusal by the protocol itself has one of its own; what a
   * request comes to is an answer: 200.
   */
  readonly httpStatus?: number
}

export function rpcError(code: number, message: string, data?: unknown, httpStatus?: number): RpcError {
  return {
    code,
    message,
    ...(data === undefined ? {} : { dataJson: JSON.stringify(data) }),
    ...(httpStatus === undefined ? {} : { httpStatus }),
  }
}

export function resultText(idJson: string, resultJson: string): string {
  return `{"jsonrpc":"2.0","id":${idJson},"result":${resultJson}}`
}

export function errorText(idJson: string | null, error: RpcError): string {
  const data = error.dataJson === undefined ? '' : `,"data":${error.dataJson}`
  return `{"jsonrpc":"2.0","id":${idJson},"error":{"code":${error.code},"message":${JSON.stringify(error.message)}${data}}}`
}

export function notificationText(method: string, paramsJson?: string): string {
  const params = paramsJson === undefined ? '' : `,"params":${paramsJson}`
  return `{"jsonrpc":"2.0","method":${JSON.stringify(method)}${params}}`
}

const CODES: Readonly<Record<string, number>> = {
  VSMCP_INVALID_ARGUMENT: INVALID_PARAMS,
}

/** Said first, so that a person or a model sees at once whether calling again is safe. */
const PREFIXES: Readonly<Record<string, string>> = {
  VSMCP_NOT_SENT: 'not sent',
  VSMCP_BUSY: 'not sent',
  VSMCP_OUTCOME_UNKNOWN: 'sent, outcome unknown',
}

const HINTS: Readonly<Record<string, string>> = {
  VSMCP_NOT_SENT: 'It surely was not executed: calling again is safe.',
  VSMCP_BUSY: 'It was not executed: call again in a moment.',
  VSMCP_OUTCOME_UNKNOWN: 'It may have been executed: look before calling again.',
  VSMCP_TIMEOUT: 'It may have been executed: look before calling again, or ask for more time.',
}

function isTargetUnknown(error: unknown): boolean {
  return error instanceof VsmcpError && error.code.endsWith('_TARGET_UNKNOWN')
}

/**
 * What a client is told when a request failed inside the mesh: JSON-RPC `code`, and in `data` our own `code` and `hint`.
 * A resource that does not exist has the form each era prescribes: modern clients know it by `data` being the URI alone.
 */
export function fromThrown(error: unknown, era: Era, resourceUri?: string): RpcError {
  const shape = toErrorShape(error)
  if (isTargetUnknown(error)) {
    if (resourceUri === undefined) return rpcError(INVALID_PARAMS, shape.message, { code: shape.code, hint: shape.hint })
    if (era === 'modern') return rpcError(INVALID_PARAMS, shape.message, { uri: resourceUri })
    return rpcError(RESOURCE_NOT_FOUND, shape.message, { uri: resourceUri, code: shape.code, hint: shape.hint })
  }
  const prefix = PREFIXES[shape.code]
  const said = prefix === undefined || shape.message.startsWith(prefix) ? shape.message : `${prefix}: ${shape.message}`
  // What is not ours may hold paths or secrets of the node: the log has it, the client gets the fact.
  const message = shape.code === 'VSMCP_INTERNAL' ? 'the node failed to handle the request' : said
  return rpcError(CODES[shape.code] ?? INTERNAL_ERROR, message, { code: shape.code, hint: shape.hint ?? HINTS[shape.code] })
}

/** A server's own error as the client's era allows it: codes of the other era, or of the protocol between mesh and server, do not pass. */
export function fromServer(error: { code: number; message: string; dataJson?: string }, era: Era): RpcError {
  const { code, message, dataJson } = error
  const data = dataJson === undefined ? {} : { dataJson }
  if (era === 'modern') {
    if (code === RESOURCE_NOT_FOUND) return { code: INVALID_PARAMS, message, ...data }
    if (code === MISSING_CAPABILITY) return { code, message, ...data, httpStatus: 400 }
    if (code === URL_ELICITATION_REQUIRED) {
      return rpcError(INTERNAL_ERROR, `the server asks the client to open a URL first: ${message}`, {
        code: 'VSMCP_MCP_INPUT_REQUIRED',
      })
    }
  }
  const isOfOurLeg = code === HEADER_MISMATCH || code === UNSUPPORTED_VERSION || code === MISSING_CAPABILITY
  if (isOfOurLeg)
    return rpcError(INTERNAL_ERROR, `the mesh and the server disagree: ${message}`, { code: 'VSMCP_MCP_BAD_ANSWER' })
  return { code: Number.isInteger(code) ? code : INTERNAL_ERROR, message, ...data }
}
