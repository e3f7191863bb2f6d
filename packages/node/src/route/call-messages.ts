import { InvalidArgumentError } from '@vsmcp/kernel'
import type { McpReply } from '@vsmcp/mcp'
import { ROUTE_GROUPS_MAX } from '@vsmcp/vsm'
import { GROUP_ID_LENGTH_MAX, TOOL_LENGTH_MAX } from '../constants.ts'

/**
 * Calls between nodes, as arrays and plain objects, checked by hand: this is the hot path. JSON in them is text that is
 * spliced into lines and events, so a line break in it would let a member write into somebody else's stream.
 */
const METHODS: ReadonlySet<unknown> = new Set([
  'tools/call',
  'resources/read',
  'prompts/get',
  'completion/complete',
  // What auditors ask.
  'tools/list',
  'resources/list',
  'prompts/list',
])
const NOTIFICATIONS: ReadonlySet<unknown> = new Set(['notifications/progress', 'notifications/message'])

/** @returns unit, method, params, and the groups that it came through, of which releases below level 4 know nothing */
export function readRequest(value: unknown): readonly [string, string, string, readonly string[]] {
  if (Array.isArray(value)) {
    const [unit, method, paramsJson, via = []] = value as unknown[]
    if (typeof unit === 'string' && METHODS.has(method) && isLine(paramsJson) && isWay(via))
      return [unit, method as string, paramsJson, via]
  }
  throw new InvalidArgumentError('another node sent what is no request to a unit')
}

/** @returns method, params */
export function readNotification(value: unknown): readonly [string, string] {
  if (Array.isArray(value)) {
    const [method, paramsJson] = value as unknown[]
    if (NOTIFICATIONS.has(method) && isLine(paramsJson)) return [method as string, paramsJson]
  }
  throw new InvalidArgumentError('another node sent what is no notification of a call')
}

export function readReply(value: unknown): McpReply {
  const reply = value as McpReply | null | undefined
  if (typeof reply === 'object' && reply !== null && (reply.era === 'legacy' || reply.era === 'modern')) {
    if (!('error' in reply)) {
      if (isLine(reply.resultJson)) return reply
    } else if (isError(reply.error)) return reply
  }
  throw new InvalidArgumentError('another node answered a call with what is no answer')
}

/** Of a question for a tool that the asking group does not list. @returns tool, params, and the groups it came through */
export function readQuestion(value: unknown): readonly [string, string, readonly string[]] {
  if (Array.isArray(value)) {
    const [tool, paramsJson, via] = value as unknown[]
    if (typeof tool === 'string' && tool.length <= TOOL_LENGTH_MAX && isLine(paramsJson) && isWay(via))
      return [tool, paramsJson, via]
  }
  throw new InvalidArgumentError('another node sent what is no question for a tool')
}

function isWay(via: unknown): via is readonly string[] {
  return (
    Array.isArray(via) &&
    via.length <= ROUTE_GROUPS_MAX &&
    via.every((group) => typeof group === 'string' && group.length <= GROUP_ID_LENGTH_MAX)
  )
}

function isError(error: unknown): boolean {
  if (typeof error !== 'object' || error === null) return false
  const { code, message, dataJson } = error as Readonly<Record<string, unknown>>
  return Number.isSafeInteger(code) && typeof message === 'string' && (dataJson === undefined || isLine(dataJson))
}

function isLine(text: unknown): text is string {
  return typeof text === 'string' && !text.includes('\n') && !text.includes('\r')
}
