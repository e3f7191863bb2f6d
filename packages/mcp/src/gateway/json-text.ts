/**
 * Work on JSON as text: find the members of an object, put one in or take one out, without decoding and encoding the rest. What
 * is not touched arrives byte for byte (big integers, number forms, order of keys), and a large argument costs one pass.
 */

export interface Member {
  readonly key: string
  /** Where the value begins and ends in the text. */
  readonly start: number
  readonly end: number
}

export interface ObjectSpan {
  readonly members: readonly Member[]
  /** The members of the member named by `nested`, when that is an object. */
  readonly nested: readonly Member[] | undefined
}

/** `too-deep`: nested beyond the bound; `not-object`: anything else, or text that is no JSON. */
export type ScanOutcome = ObjectSpan | 'not-object' | 'too-deep'

const QUOTE = 0x22
const BACKSLASH = 0x5c
const COMMA = 0x2c
const COLON = 0x3a
const OPEN_BRACE = 0x7b
const CLOSE_BRACE = 0x7d
const OPEN_BRACKET = 0x5b
const CLOSE_BRACKET = 0x5d

/** Results of the cursor functions that are no position. */
const BROKEN = -1
const TOO_DEEP = -2

function isSpace(code: number): boolean {
  return code === 0x20 || code === 0x0a || code === 0x0d || code === 0x09
}

function skipSpace(text: string, from: number): number {
  let at = from
  while (isSpace(text.charCodeAt(at))) at++
  return at
}

/** @param from position of the opening quote @returns the position after the closing one */
function skipString(text: string, from: number): number {
  let at = from
  for (;;) {
    at = text.indexOf('"', at + 1)
    if (at < 0) return BROKEN
    let slashes = 0
    while (text.charCodeAt(at - 1 - slashes) === BACKSLASH) slashes++
    if (slashes % 2 === 0) return at + 1
  }
}

/** @param from position of the opening bracket @param depth how many levels may be open from here on */
function skipContainer(text: string, from: number, depth: number): number {
  let open = 0
  let at = from
  while (at < text.length) {
    const code = text.charCodeAt(at)
    if (code === QUOTE) {
      at = skipString(text, at)
      if (at < 0) return BROKEN
      continue
    }
    if (code === OPEN_BRACE || code === OPEN_BRACKET) {
      if (++open > depth) return TOO_DEEP
    } else if ((code === CLOSE_BRACE || code === CLOSE_BRACKET) && --open === 0) {
      return at + 1
    }
    at++
  }
  return BROKEN
}

function skipValue(text: string, from: number, depth: number): number {
  const first = text.charCodeAt(from)
  if (first === QUOTE) return skipString(text, from)
  if (first === OPEN_BRACE || first === OPEN_BRACKET) return skipContainer(text, from, depth)
  let at = from
  while (at < text.length) {
    const code = text.charCodeAt(at)
    if (code === COMMA || code === CLOSE_BRACE || code === CLOSE_BRACKET || isSpace(code)) break
    at++
  }
  return at === from ? BROKEN : at
}

function decodeKey(text: string, start: number, end: number): string | undefined {
  const raw = text.slice(start + 1, end - 1)
  if (!raw.includes('\\')) return raw
  try {
    return JSON.parse(text.slice(start, end)) as string
  } catch {
    return undefined
  }
}

class Scanner {
  nested: Member[] | undefined
  readonly #text: string
  readonly #nestedKey: string | undefined

  constructor(text: string, nestedKey: string | undefined) {
    this.#text = text
    this.#nestedKey = nestedKey
  }

  /** @param from position of `{` @returns the position after `}` */
  object(from: number, depth: number, into: Member[], outermost: boolean): number {
    const text = this.#text
    if (depth < 1) return TOO_DEEP
    let at = skipSpace(text, from + 1)
    if (text.charCodeAt(at) === CLOSE_BRACE) return at + 1
    for (;;) {
      if (text.charCodeAt(at) !== QUOTE) return BROKEN
      const keyEnd = skipString(text, at)
      if (keyEnd < 0) return BROKEN
      const key = decodeKey(text, at, keyEnd)
      at = skipSpace(text, keyEnd)
      if (key === undefined || text.charCodeAt(at) !== COLON) return BROKEN
      const start = skipSpace(text, at + 1)
      const end = outermost && key === this.#nestedKey ? this.#inner(start, depth - 1) : skipValue(text, start, depth - 1)
      if (end < 0) return end
      into.push({ key, start, end })
      at = skipSpace(text, end)
      const next = text.charCodeAt(at)
      if (next === CLOSE_BRACE) return at + 1
      if (next !== COMMA) return BROKEN
      at = skipSpace(text, at + 1)
    }
  }

  #inner(start: number, depth: number): number {
    if (this.#text.charCodeAt(start) !== OPEN_BRACE) return skipValue(this.#text, start, depth)
    this.nested = []
    return this.object(start, depth, this.nested, false)
  }
}

/**
 * Finds the members of the object `text` holds. It does not check that values are valid JSON, but it ends for any input.
 * @param depthMax levels of nesting allowed, the object itself counted
 * @param nestedKey member whose own members are wanted, too
 */
export function scanObject(text: string, depthMax: number, nestedKey?: string): ScanOutcome {
  const start = skipSpace(text, 0)
  if (text.charCodeAt(start) !== OPEN_BRACE) return 'not-object'
  const scanner = new Scanner(text, nestedKey)
  const members: Member[] = []
  const end = scanner.object(start, depthMax, members, true)
  if (end === TOO_DEEP) return 'too-deep'
  if (end < 0 || skipSpace(text, end) !== text.length) return 'not-object'
  return { members, nested: scanner.nested }
}

/** Members of the object, or `undefined` when `text` holds none. No bound on depth. */
export function membersOf(text: string): readonly Member[] | undefined {
  const outcome = scanObject(text, Number.MAX_SAFE_INTEGER)
  return typeof outcome === 'string' ? undefined : outcome.members
}

/** Whether any JSON in `text` is nested deeper than `depthMax`. */
export function isTooDeep(text: string, depthMax: number): boolean {
  return skipValue(text, skipSpace(text, 0), depthMax) === TOO_DEEP
}

export function hasDuplicateKeys(members: readonly Member[]): boolean {
  for (let i = 1; i < members.length; i++) {
    const key = members[i]?.key
    for (let j = 0; j < i; j++) if (members[j]?.key === key) return true
  }
  return false
}

/** The text of one member's value. Of two with the same name the last counts, as in `JSON.parse`. */
export function memberText(text: string, members: readonly Member[], key: string): string | undefined {
  const member = members.findLast((candidate) => candidate.key === key)
  return member === undefined ? undefined : text.slice(member.start, member.end)
}

/** `undefined` as a value takes the member out. Members not named keep their text and order; new ones come last. */
export function editObject(text: string, members: readonly Member[], edits: ReadonlyMap<string, string | undefined>): string {
  const parts: string[] = []
  const done = new Set<string>()
  for (const { key, start, end } of members) {
    if (!edits.has(key)) {
      parts.push(`${JSON.stringify(key)}:${text.slice(start, end)}`)
      continue
    }
    const value = edits.get(key)
    if (value !== undefined && !done.has(key)) parts.push(`${JSON.stringify(key)}:${value}`)
    done.add(key)
  }
  for (const [key, value] of edits) {
    if (value !== undefined && !done.has(key)) parts.push(`${JSON.stringify(key)}:${value}`)
  }
  return `{${parts.join(',')}}`
}

/** Raw line breaks stand only between tokens; lines and event streams cannot carry them. */
export function onOneLine(json: string): string {
  return json.includes('\n') || json.includes('\r') ? json.replaceAll(/[\r\n]/g, ' ') : json
}
