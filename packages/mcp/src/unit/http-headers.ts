import { InvalidArgumentError } from '@vsmcp/kernel'
import type { Definitions } from '../contract.ts'
import { type MirroredParam, mirroredParams } from '../gateway/param-headers.ts'
import type { JsonObject } from './params.ts'

const TOKEN = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/
const VALUE = /^[\t\u0020-\u007e\u0080-\u00ff]*$/

/** Headers that the protocol or the transport sets; another value would break the call or smuggle one. */
const RESERVED: ReadonlySet<string> = new Set(
  (
    'accept connection content-length content-type expect host keep-alive last-event-id te ' +
    'mcp-method mcp-name mcp-protocol-version mcp-session-id trailer transfer-encoding upgrade'
  ).split(' '),
)

/** What of a request the modern era mirrors in `Mcp-Name`. */
const NAMED_BY: Readonly<Record<string, string>> = { 'tools/call': 'name', 'prompts/get': 'name', 'resources/read': 'uri' }

/** @throws `InvalidArgumentError` */
export function assertHeaderNames(unit: string, headers: Readonly<Record<string, string>>): void {
  for (const name of Object.keys(headers)) {
    const isReserved = RESERVED.has(name.toLowerCase()) || name.toLowerCase().startsWith('mcp-param-')
    if (TOKEN.test(name) && !isReserved) continue
    throw new InvalidArgumentError(
      `unit ${unit} cannot have a header "${name}": ${isReserved ? 'it is set by the protocol' : 'it is no header name'}`,
      {
        hint: 'Headers are for what the server asks for beyond MCP, such as Authorization.',
      },
    )
  }
}

/** The values come from files and the environment, so the error must not show them. @throws `InvalidArgumentError` */
export function assertHeaderValues(unit: string, headers: Readonly<Record<string, string>>): void {
  const bad = Object.entries(headers).find(([, value]) => !VALUE.test(value))
  if (bad === undefined) return
  throw new InvalidArgumentError(`the value of header "${bad[0]}" of unit ${unit} holds characters that no header can carry`, {
    hint: 'Look for line breaks in the file or variable it comes from.',
  })
}

/** A value as a header carries it (2026-07-28, "Value Encoding"). */
export function encodeMirrored(value: string): string {
  const isPlain = /^[\t\u0020-\u007e]+$/.test(value) && value.trim() === value && !/^=\?base64\?.*\?=$/s.test(value)
  return isPlain ? value : `=?base64?${Buffer.from(value, 'utf8').toString('base64')}?=`
}

function primitiveText(value: unknown): string | undefined {
  if (typeof value === 'string' || typeof value === 'boolean') return String(value)
  if (typeof value !== 'number' || !Number.isFinite(value)) return undefined
  return Number.isInteger(value) && !Number.isSafeInteger(value) ? undefined : String(value)
}

function valueAt(root: unknown, path: readonly string[]): unknown {
  let node = root
  for (const key of path) {
    if (typeof node !== 'object' || node === null || !Object.hasOwn(node, key)) return undefined
    node = (node as JsonObject)[key]
  }
  return node
}

/**
 * The headers in which a modern HTTP request repeats parts of its body (2026-07-28, "Standard Request Headers" and "Custom
 * Headers from Tool Parameters"). Which arguments a tool wants repeated is looked up once per definition.
 */
export class MirrorHeaders {
  #tools = new Map<string, readonly MirroredParam[]>()

  learn(definitions: Definitions): void {
    this.#tools = new Map()
    for (const tool of definitions.tools) {
      const params = mirroredParams(tool.inputSchema)
      if (params.length > 0) this.#tools.set(tool.name, params)
    }
  }

  of(method: string, params: JsonObject): Record<string, string> {
    const headers: Record<string, string> = { 'mcp-method': method }
    const name = params[NAMED_BY[method] ?? '']
    if (typeof name === 'string') headers['mcp-name'] = encodeMirrored(name)
    if (method !== 'tools/call' || typeof name !== 'string') return headers
    for (const { path, header } of this.#tools.get(name) ?? []) {
      const text = primitiveText(valueAt(params['arguments'], path))
      if (text !== undefined) headers[`mcp-param-${header}`] = encodeMirrored(text)
    }
    return headers
  }
}
