import { createHash } from 'node:crypto'
import { messageOf } from '@vsmcp/kernel'
import type {
  Definitions,
  McpReply,
  PromptDefinition,
  ResourceDefinition,
  ResourceTemplateDefinition,
  ToolDefinition,
} from '../contract.ts'
import type { ServerDescription } from './connection.ts'
import { DEFINITIONS_BYTES_MAX, DEFINITIONS_DEPTH_MAX, DESCRIPTION_BYTES_MAX, LIST_PAGES_MAX } from './constants.ts'
import { DefinitionsError } from './errors.ts'
import type { JsonObject } from './params.ts'

const METHOD_NOT_FOUND = -32601

type Ask = (method: string, paramsJson: string) => Promise<McpReply>
export type DefinitionLists = Pick<Definitions, 'tools' | 'resources' | 'resourceTemplates' | 'prompts'>

interface List {
  method: string
  member: string
  /** What names an entry. */
  key: string
  capability: string
}

const LISTS = {
  tools: { method: 'tools/list', member: 'tools', key: 'name', capability: 'tools' },
  resources: { method: 'resources/list', member: 'resources', key: 'uri', capability: 'resources' },
  resourceTemplates: {
    method: 'resources/templates/list',
    member: 'resourceTemplates',
    key: 'uriTemplate',
    capability: 'resources',
  },
  prompts: { method: 'prompts/list', member: 'prompts', key: 'name', capability: 'prompts' },
} as const satisfies Record<keyof DefinitionLists, List>

function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function refuse(unit: string, what: string): DefinitionsError {
  return new DefinitionsError(`unit ${unit} ${what}`, {
    hint: 'The server is at fault; its author should know.',
    details: { unit },
  })
}

/** JSON with the members of each object in code unit order (RFC 8785, "Sorting of Object Properties"), so that equal is equal. */
function canonicalJson(value: unknown, depth = 0): string {
  if (depth > DEFINITIONS_DEPTH_MAX) throw new RangeError(`nested deeper than ${DEFINITIONS_DEPTH_MAX} levels`)
  if (Array.isArray(value)) return `[${value.map((item) => canonicalJson(item, depth + 1)).join(',')}]`
  if (!isObject(value)) return JSON.stringify(value) ?? 'null'
  const members = Object.keys(value)
    .filter((key) => value[key] !== undefined)
    .sort()
    .map((key) => `${JSON.stringify(key)}:${canonicalJson(value[key], depth + 1)}`)
  return `{${members.join(',')}}`
}

function byKey<T extends JsonObject>(entries: readonly T[], key: string): T[] {
  const nameOf = (entry: T): string => String(entry[key])
  return [...entries].sort((a, b) => (nameOf(a) < nameOf(b) ? -1 : nameOf(a) > nameOf(b) ? 1 : 0))
}

/**
 * The one text that stands for what a server offers, whatever order it lists it in: what `digest` is taken over, and what
 * may travel in its place.
 */
export function canonicalDefinitions(lists: DefinitionLists): string {
  return canonicalJson({
    tools: byKey(lists.tools, LISTS.tools.key),
    resources: byKey(lists.resources, LISTS.resources.key),
    resourceTemplates: byKey(lists.resourceTemplates, LISTS.resourceTemplates.key),
    prompts: byKey(lists.prompts, LISTS.prompts.key),
  })
}

/** Has what the protocol says it must have, as far as others rely on it. */
function isSound(list: List, entry: unknown): entry is JsonObject {
  if (!isObject(entry) || typeof entry['name'] !== 'string' || entry['name'] === '' || entry[list.key] === '') return false
  return list.member !== 'tools' || isObject(entry['inputSchema'])
}

class Reader {
  readonly #unit: string
  readonly #server: ServerDescription
  readonly #ask: Ask
  readonly #onOddity: (text: string) => void
  #length = 0

  constructor(unit: string, server: ServerDescription, ask: Ask, onOddity: (text: string) => void) {
    this.#unit = unit
    this.#server = server
    this.#ask = ask
    this.#onOddity = onOddity
  }

  /** All pages of a list; empty when the server does not have it. */
  async list(list: List): Promise<JsonObject[]> {
    if (this.#server.capabilities[list.capability] === undefined) return []
    const entries = new Map<string, JsonObject>()
    let cursor: string | undefined
    for (let page = 0; page < LIST_PAGES_MAX; page++) {
      const result = await this.#page(list, cursor)
      if (result === undefined) break
      for (const entry of result.entries) this.#take(list, entry, entries)
      if (result.nextCursor === undefined) return [...entries.values()]
      if (result.nextCursor === cursor) throw refuse(this.#unit, `answers ${list.method} with the same page again and again`)
      cursor = result.nextCursor
    }
    if (cursor !== undefined) throw refuse(this.#unit, `has more than ${LIST_PAGES_MAX} pages for ${list.method}`)
    return [...entries.values()]
  }

  #take(list: List, entry: unknown, into: Map<string, JsonObject>): void {
    const key = isObject(entry) ? entry[list.key] : undefined
    if (!isSound(list, entry) || typeof key !== 'string')
      this.#onOddity(`an entry of ${list.method} is left out: it lacks what it must have`)
    else if (into.has(key)) this.#onOddity(`${list.method} names ${key} twice: the first counts`)
    else into.set(key, entry)
  }

  async #page(
    list: List,
    cursor: string | undefined,
  ): Promise<{ entries: unknown[]; nextCursor: string | undefined } | undefined> {
    const reply = await this.#ask(list.method, JSON.stringify(cursor === undefined ? {} : { cursor }))
    if ('error' in reply) {
      if (reply.error.code === METHOD_NOT_FOUND && list.method !== 'tools/list') return undefined
      throw refuse(this.#unit, `answers ${list.method} with an error: ${reply.error.message}`)
    }
    this.#length += reply.resultJson.length
    if (this.#length > 2 * DEFINITIONS_BYTES_MAX) throw this.#tooLarge()
    const result: unknown = JSON.parse(reply.resultJson)
    const entries = isObject(result) ? result[list.member] : undefined
    if (!Array.isArray(entries)) throw refuse(this.#unit, `answers ${list.method} without a list of ${list.member}`)
    const next = (result as JsonObject)['nextCursor']
    return { entries, nextCursor: typeof next === 'string' && next !== '' ? next : undefined }
  }

  #tooLarge(): DefinitionsError {
    return refuse(this.#unit, `lists more than ${DEFINITIONS_BYTES_MAX} bytes of definitions`)
  }

  seal(lists: DefinitionLists): Definitions {
    let text: string
    try {
      text = canonicalDefinitions(lists)
      if (Buffer.byteLength(JSON.stringify(this.#server)) > DESCRIPTION_BYTES_MAX)
        throw new RangeError(`its description of itself is over ${DESCRIPTION_BYTES_MAX} bytes`)
    } catch (error) {
      throw refuse(this.#unit, `lists definitions that cannot be written down: ${messageOf(error)}`)
    }
    if (Buffer.byteLength(text) > DEFINITIONS_BYTES_MAX) throw this.#tooLarge()
    const { era, protocolVersion, serverInfo, instructions, capabilities } = this.#server
    const digest = createHash('sha256').update(text).digest('hex')
    return {
      ...lists,
      serverInfo,
      ...(instructions !== undefined && { instructions }),
      era,
      protocolVersion,
      capabilities,
      digest,
    }
  }
}

/**
 * Reads all that a server offers, as it lists it.
 * @param onOddity told of entries that are left out
 * @throws `DefinitionsError` when a bound is broken; whatever `ask` rejects with
 */
export async function readDefinitions(
  unit: string,
  server: ServerDescription,
  ask: Ask,
  onOddity: (text: string) => void,
): Promise<Definitions> {
  const reader = new Reader(unit, server, ask, onOddity)
  const [tools, resources, resourceTemplates, prompts] = await Promise.all([
    reader.list(LISTS.tools),
    reader.list(LISTS.resources),
    reader.list(LISTS.resourceTemplates),
    reader.list(LISTS.prompts),
  ])
  return reader.seal({
    tools: tools as unknown as ToolDefinition[],
    resources: resources as unknown as ResourceDefinition[],
    resourceTemplates: resourceTemplates as unknown as ResourceTemplateDefinition[],
    prompts: prompts as unknown as PromptDefinition[],
  })
}
