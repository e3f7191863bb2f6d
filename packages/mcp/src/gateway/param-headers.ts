import { isObject, type JsonObject } from './message.ts'
import { decodeMirrored } from './envelope.ts'
import { HEADER_MISMATCH, type RpcError, rpcError } from './rpc.ts'

/** An argument that a tool wants mirrored in a header `Mcp-Param-{header}` (2026-07-28, "Custom Headers from Tool Parameters"). */
export interface MirroredParam {
  readonly path: readonly string[]
  readonly header: string
  readonly isNumeric: boolean
}

const TOKEN = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/
const DECIMAL = /^-?\d+(?:\.\d+)?$/
const TYPES: ReadonlySet<unknown> = new Set(['string', 'integer', 'boolean', 'number'])

/** Deeper annotations are not looked for; schemas come from attached servers and may be hostile. */
const SCHEMA_DEPTH_MAX = 32

/**
 * The annotated properties that can be reached by `properties` alone. A definition that breaks the rules for annotations is one
 * that clients must not show, so nobody conforming mirrors its arguments: then there is nothing to check.
 */
export function mirroredParams(inputSchema: JsonObject): readonly MirroredParam[] {
  const found: MirroredParam[] = []
  const visit = (schema: unknown, path: readonly string[]): boolean => {
    if (!isObject(schema) || path.length > SCHEMA_DEPTH_MAX) return true
    const header = schema['x-mcp-header']
    if (header !== undefined) {
      const isValid = path.length > 0 && typeof header === 'string' && TOKEN.test(header) && TYPES.has(schema['type'])
      if (!isValid || found.some((other) => other.header === header.toLowerCase())) return false
      found.push({ path, header: header.toLowerCase(), isNumeric: schema['type'] === 'integer' || schema['type'] === 'number' })
    }
    const properties = schema['properties']
    if (!isObject(properties)) return true
    return Object.entries(properties).every(([name, child]) => visit(child, [...path, name]))
  }
  return visit(inputSchema, []) ? found : []
}

const PLAIN = /^[\x21-\x7e](?:[\x20-\x7e]*[\x21-\x7e])?$/

/** A value in the form fit for a header (2026-07-28, "Value Encoding"). */
export function encodeMirrored(value: string): string {
  const isPlain = PLAIN.test(value) && !(value.startsWith('=?base64?') && value.endsWith('?='))
  return isPlain ? value : `=?base64?${Buffer.from(value).toString('base64')}?=`
}

/** What a client sends for the annotated arguments of its call. */
export function paramHeaders(params: readonly MirroredParam[], args: unknown): Readonly<Record<string, string>> {
  const headers: Record<string, string> = {}
  for (const param of params) {
    const value = valueAt(args, param.path)
    if (isMirrored(value)) headers[`mcp-param-${param.header}`] = encodeMirrored(String(value))
  }
  return headers
}

/** Whether a value is sent in a header, too. An integer beyond the safe range has no exact form there and is left out. */
function isMirrored(value: unknown): value is string | number | boolean {
  if (typeof value === 'number') return Number.isFinite(value) && (!Number.isInteger(value) || Number.isSafeInteger(value))
  return typeof value === 'string' || typeof value === 'boolean'
}

function valueAt(root: unknown, path: readonly string[]): unknown {
  let node = root
  for (const key of path) {
    if (!isObject(node) || !Object.hasOwn(node, key)) return undefined
    node = node[key]
  }
  return node
}

function agrees(param: MirroredParam, inHeader: string, inBody: string | number | boolean): boolean {
  if (param.isNumeric && typeof inBody === 'number' && DECIMAL.test(inHeader)) return Number(inHeader) === inBody
  return inHeader === String(inBody)
}

/** @param headers of Node: names in lower case */
export function checkParamHeaders(
  params: readonly MirroredParam[],
  args: unknown,
  headers: Readonly<Record<string, string | readonly string[] | undefined>>,
): RpcError | undefined {
  for (const param of params) {
    const inBody = valueAt(args, param.path)
    if (!isMirrored(inBody)) continue
    const name = `mcp-param-${param.header}`
    const header = headers[name]
    const decoded = typeof header === 'string' ? decodeMirrored(header) : undefined
    if (decoded !== undefined && agrees(param, decoded, inBody)) continue
    const where = `the argument ${param.path.join('.')}`
    const body =
      header === undefined
        ? `the body carries ${where} but the ${name} header is absent`
        : `the ${name} header does not match ${where}`
    return rpcError(
      HEADER_MISMATCH,
      `Bad Request: the request headers and body disagree: ${body}`,
      { mismatch: { header: name, body } },
      400,
    )
  }
  return undefined
}
