import { InvalidArgumentError } from '@vsmcp/kernel'
import type { Era } from '../contract.ts'
import { editObject, hasDuplicateKeys, onOneLine, scanObject } from '../gateway/json-text.ts'
import { PARAMS_DEPTH_MAX } from './constants.ts'

const PROTOCOL_VERSION = 'io.modelcontextprotocol/protocolVersion'
const CLIENT_INFO = 'io.modelcontextprotocol/clientInfo'
const CLIENT_CAPABILITIES = 'io.modelcontextprotocol/clientCapabilities'
const LOG_LEVEL = 'io.modelcontextprotocol/logLevel'
const PROGRESS_TOKEN = 'progressToken'

export type JsonObject = Readonly<Record<string, unknown>>

/** Who speaks to the server, as each request of the modern era says. */
export interface ClientIdentity {
  readonly name: string
  readonly version: string
}

/**
 * What the node can do for servers that ask back: nothing yet. The bridges for sampling and elicitation will put the
 * caller's capabilities here, request by request.
 */
export const CLIENT_CAPABILITIES_OFFERED = {} as const

/** The `_meta` members every request of the modern era carries (2026-07-28, "Request Metadata"). */
export function modernEnvelope(protocolVersion: string, client: ClientIdentity): JsonObject {
  return {
    [PROTOCOL_VERSION]: protocolVersion,
    [CLIENT_INFO]: { name: client.name, version: client.version },
    [CLIENT_CAPABILITIES]: CLIENT_CAPABILITIES_OFFERED,
  }
}

export interface ParsedParams {
  readonly text: string
  readonly value: JsonObject
  readonly members: Exclude<ReturnType<typeof scanObject>, string>['members']
  readonly meta: JsonObject
  /** The caller's, to be put back into the notifications for it. */
  readonly progressToken: string | number | undefined
  readonly logLevel: string | undefined
}

function refuse(what: string): InvalidArgumentError {
  return new InvalidArgumentError(`the params of a request to a unit ${what}`, { hint: 'Give them as one JSON object.' })
}

function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** @throws `InvalidArgumentError` */
export function parseParams(paramsJson: string): ParsedParams {
  const text = onOneLine(paramsJson)
  const scanned = scanObject(text, PARAMS_DEPTH_MAX)
  if (scanned === 'too-deep') throw refuse('are nested too deep')
  let value: unknown
  try {
    value = scanned === 'not-object' ? undefined : JSON.parse(text)
  } catch {
    value = undefined
  }
  if (scanned === 'not-object' || !isObject(value)) throw refuse('are no JSON object')
  if (hasDuplicateKeys(scanned.members)) throw refuse('name a member twice')
  const meta = Object.hasOwn(value, '_meta') && isObject(value['_meta']) ? value['_meta'] : {}
  const token = meta[PROGRESS_TOKEN]
  const level = meta[LOG_LEVEL]
  return {
    text,
    value,
    members: scanned.members,
    meta,
    progressToken: typeof token === 'string' || typeof token === 'number' ? token : undefined,
    logLevel: typeof level === 'string' ? level : undefined,
  }
}

/**
 * Params as the server's era wants them, all but `_meta` byte for byte.
 * @param envelope of the modern era; empty for a legacy server
 * @param progressToken the unit's own; `undefined` asks for no progress
 */
export function wireParams(params: ParsedParams, era: Era, envelope: JsonObject, progressToken: number | undefined): string {
  const meta: Record<string, unknown> = { ...params.meta, ...envelope }
  if (era === 'legacy') {
    for (const key of [PROTOCOL_VERSION, CLIENT_INFO, CLIENT_CAPABILITIES, LOG_LEVEL]) delete meta[key]
  }
  if (progressToken === undefined) delete meta[PROGRESS_TOKEN]
  else meta[PROGRESS_TOKEN] = progressToken
  const isEmpty = Object.keys(meta).length === 0
  if (isEmpty && !Object.hasOwn(params.value, '_meta')) return params.text
  return editObject(params.text, params.members, new Map([['_meta', isEmpty ? undefined : JSON.stringify(meta)]]))
}
