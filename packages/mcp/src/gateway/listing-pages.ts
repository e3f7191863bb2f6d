import { InvalidArgumentError } from '@vsmcp/kernel'
import type { Era, ToolDefinition } from '../contract.ts'
import { LIST_TTL_MS, PAGES_KEPT_MAX } from './constants.ts'
import type { Listing } from './contract.ts'
import type { Identity } from './identity.ts'
import { toLegacyTools } from './legacy-tools.ts'
import { isObject, type JsonObject } from './message.ts'
import { type MirroredParam, mirroredParams } from './param-headers.ts'
import { needsLegacyWrap, toModernDefinition } from './results.ts'

export type ListMethod = 'tools/list' | 'resources/list' | 'resources/templates/list' | 'prompts/list'

interface Kind {
  readonly member: 'tools' | 'resources' | 'resourceTemplates' | 'prompts'
  /** What tells entries apart. */
  readonly key: 'name' | 'uri' | 'uriTemplate'
}

const KINDS: Readonly<Record<ListMethod, Kind>> = {
  'tools/list': { member: 'tools', key: 'name' },
  'resources/list': { member: 'resources', key: 'uri' },
  'resources/templates/list': { member: 'resourceTemplates', key: 'uriTemplate' },
  'prompts/list': { member: 'prompts', key: 'name' },
}

/** Where a page begins: after the entry with this key or, when it is gone, at the same place as it was. */
interface Cursor {
  readonly after: string
  readonly index: number
}

const NO_PARAMS: readonly MirroredParam[] = []

function encodeCursor(cursor: Cursor): string {
  return Buffer.from(JSON.stringify([cursor.index, cursor.after])).toString('base64url')
}

function badCursor(): InvalidArgumentError {
  return new InvalidArgumentError('the cursor is not valid', { hint: 'List again from the beginning, without a cursor.' })
}

function decodeCursor(text: string): Cursor {
  try {
    const value: unknown = JSON.parse(Buffer.from(text, 'base64url').toString())
    if (Array.isArray(value) && Number.isSafeInteger(value[0]) && value[0] >= 0 && typeof value[1] === 'string') {
      return { index: value[0] as number, after: value[1] }
    }
  } catch {
    // Falls through: not one of ours.
  }
  throw badCursor()
}

/** The group's lists as texts, made from the local replica and kept until it changes. */
export class ListingPages {
  readonly #listing: () => Listing
  readonly #identity: Identity
  readonly #lengthMax: number
  #version: number | undefined
  readonly #pages = new Map<string, string>()
  #legacyTools: Promise<readonly JsonObject[]> | undefined
  #tools: ReadonlyMap<string, ToolDefinition> | undefined
  readonly #mirrored = new Map<string, readonly MirroredParam[]>()

  constructor(listing: () => Listing, identity: Identity, lengthMax: number) {
    this.#listing = listing
    this.#identity = identity
    this.#lengthMax = lengthMax
  }

  /** Text of the result. Throws `InvalidArgumentError` for a cursor that is not ours. */
  async page(method: ListMethod, era: Era, cursorText: unknown): Promise<string> {
    const listing = this.#current()
    if (cursorText !== undefined && typeof cursorText !== 'string') throw badCursor()
    const id = `${method} ${era} ${cursorText ?? ''}`
    const kept = this.#pages.get(id)
    if (kept !== undefined) return kept
    const kind = KINDS[method]
    const cursor = cursorText === undefined ? undefined : decodeCursor(cursorText)
    const { version } = listing
    const text = this.#toText(kind, era, await this.#entries(listing, kind, era), cursor)
    if (version === this.#version && this.#pages.size < PAGES_KEPT_MAX) this.#pages.set(id, text)
    return text
  }

  tool(name: string): ToolDefinition | undefined {
    const listing = this.#current()
    this.#tools ??= new Map(listing.tools.map((tool) => [tool.name, tool]))
    return this.#tools.get(name)
  }

  /** The arguments of a tool that clients mirror in headers. Most tools have none. */
  mirrored(name: string): readonly MirroredParam[] {
    const tool = this.tool(name)
    if (tool === undefined) return NO_PARAMS
    let params = this.#mirrored.get(name)
    if (params === undefined) {
      params = mirroredParams(tool.inputSchema)
      this.#mirrored.set(name, params)
    }
    return params
  }

  #current(): Listing {
    const listing = this.#listing()
    if (listing.version !== this.#version) {
      this.#version = listing.version
      this.#pages.clear()
      this.#mirrored.clear()
      this.#legacyTools = undefined
      this.#tools = undefined
    }
    return listing
  }

  async #entries(listing: Listing, kind: Kind, era: Era): Promise<readonly JsonObject[]> {
    const entries: readonly JsonObject[] = listing[kind.member]
    if (kind.member !== 'tools') return entries
    if (era === 'modern') return entries.map((entry) => toModernDefinition(entry))
    if (!entries.some((entry) => needsLegacyWrap(entry))) return entries
    this.#legacyTools ??= toLegacyTools(entries)
    return this.#legacyTools
  }

  #toText(kind: Kind, era: Era, entries: readonly JsonObject[], cursor: Cursor | undefined): string {
    const from = cursor === undefined ? 0 : startOf(entries, kind, cursor)
    const shown = entries.slice(from, from + this.#lengthMax)
    const last = shown.at(-1)
    const rest = entries.length - from - shown.length
    const next =
      rest > 0 && isObject(last) ? encodeCursor({ index: from + shown.length, after: String(last[kind.key]) }) : undefined
    const members = [`${JSON.stringify(kind.member)}:${JSON.stringify(shown)}`]
    if (next !== undefined) members.push(`"nextCursor":${JSON.stringify(next)}`)
    if (era === 'modern') {
      members.push('"resultType":"complete"', `"ttlMs":${LIST_TTL_MS}`, '"cacheScope":"private"', this.#identity.resultMember)
    }
    return `{${members.join(',')}}`
  }
}

function startOf(entries: readonly JsonObject[], kind: Kind, cursor: Cursor): number {
  const expected = entries[cursor.index - 1]
  if (expected !== undefined && expected[kind.key] === cursor.after) return cursor.index
  const index = entries.findIndex((entry) => entry[kind.key] === cursor.after)
  return index < 0 ? Math.min(cursor.index, entries.length) : index + 1
}
