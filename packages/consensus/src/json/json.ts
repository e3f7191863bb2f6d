import { JSON_DEPTH_MAX, STATE_DEPTH_MAX } from '../constants.ts'

/** A value that every node writes the same way. Numbers are finite. */
export type Json = null | boolean | number | string | readonly Json[] | JsonObject
export interface JsonObject {
  readonly [key: string]: Json
}

const encoder = new TextEncoder()
const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

/** Orders strings by UTF-16 code unit: the same on every machine, whatever its locale. */
export function byCodeUnit(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0
}

export function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/**
 * JSON with sorted keys and no white space (RFC 8785 restricted to what this package writes): equal values give equal
 * text. Members that are `undefined` are left out. Throws `TypeError` for what JSON cannot carry.
 */
export function canonicalText(value: unknown, depth = 0): string {
  if (depth > STATE_DEPTH_MAX) throw new TypeError(`a value nested deeper than ${STATE_DEPTH_MAX}`)
  if (value === null || typeof value === 'boolean') return String(value)
  if (typeof value === 'string') return JSON.stringify(value)
  if (typeof value === 'number') {
    if (!Number.isFinite(value)) throw new TypeError('a number that is not finite')
    return JSON.stringify(value)
  }
  if (Array.isArray(value)) return `[${value.map((item) => canonicalText(item, depth + 1)).join(',')}]`
  if (!isObject(value)) throw new TypeError(`a ${typeof value} in JSON`)
  const members = Object.keys(value)
    .filter((key) => value[key] !== undefined)
    .sort(byCodeUnit)
    .map((key) => `${JSON.stringify(key)}:${canonicalText(value[key], depth + 1)}`)
  return `{${members.join(',')}}`
}

export function canonicalBytes(value: unknown): Uint8Array {
  return encoder.encode(canonicalText(value))
}

/** Bytes of a string in UTF-8. */
export function utf8Length(text: string): number {
  return encoder.encode(text).length
}

/**
 * Parses UTF-8 JSON. Throws `TypeError` or `SyntaxError`, also for what is nested too deep (whose outcome would depend on
 * the machine's stack) and for a member named `__proto__` (which cannot be carried safely).
 */
export function parseJson(bytes: Uint8Array, depthMax = JSON_DEPTH_MAX): unknown {
  const text = decoder.decode(bytes)
  if (depthOf(text) > depthMax) throw new TypeError(`a value nested deeper than ${depthMax}`)
  return JSON.parse(text, (key: string, value: unknown) => {
    if (key === '__proto__') throw new TypeError('a member named __proto__')
    return value
  })
}

/** How deep brackets are nested outside strings. */
function depthOf(text: string): number {
  let depth = 0
  let deepest = 0
  let inString = false
  for (let i = 0; i < text.length; i++) {
    const char = text[i]
    if (inString) {
      if (char === '\\') i++
      else if (char === '"') inString = false
    } else if (char === '"') inString = true
    else if (char === '{' || char === '[') deepest = Math.max(deepest, ++depth)
    else if (char === '}' || char === ']') depth--
  }
  return deepest
}
