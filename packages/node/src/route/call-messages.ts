import { InvalidArgumentError } from '@vsmcp/kernel'
import type { McpReply } from '@vsmcp/mcp'

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

/** @returns unit, method, params */
export function readRequest(value: unknown): readonly [string, string, string] {
  if (Array.isArray(value)) {
    const [unit, method, paramsJson] = value as unknown[]
    if (typeof unit === 'string' && METHODS.has(method) && isLine(paramsJson)) return [unit, method as string, paramsJson]
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

function isError(error: unknown): boolean {
  if (typeof error !== 'object' || error === null) return false
  const { code, message, dataJson } = error as Readonly<Record<string, unknown>>
  return Number.isSafeInteger(code) && typeof message === 'string' && (dataJson === undefined || isLine(dataJson))
}

function isLine(text: unknown): text is string {
  return typeof text === 'string' && !text.includes('\n') && !text.includes('\r')
}
