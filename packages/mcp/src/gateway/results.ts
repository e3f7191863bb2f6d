import { SERVER_INFO_META_KEY } from '@modelcontextprotocol/server'
import type { McpReply } from '../contract.ts'
import { BadAnswerError, InputRequiredError } from './errors.ts'
import type { Identity } from './identity.ts'
import { editObject, type Member, membersOf, memberText } from './json-text.ts'
import { isObject, type JsonObject } from './message.ts'

/** Members of a result that only the modern era knows. */
const MODERN_MEMBERS = ['resultType', 'ttlMs', 'cacheScope']

/** Results with these belong to another family than `{content}` and must not be dressed up as one. */
const FOREIGN_MEMBERS = ['content', 'task', 'inputRequests', 'requestState']

function badAnswer(method: string): BadAnswerError {
  return new BadAnswerError(`the server's answer to ${method} is no JSON object`, {
    hint: 'Report this to the author of the server.',
  })
}

function has(members: readonly Member[], key: string): boolean {
  return members.some((member) => member.key === key)
}

/** Puts members in before the closing brace: the rest of the text is not touched. */
function append(objectJson: string, isEmpty: boolean, additions: readonly string[]): string {
  if (additions.length === 0) return objectJson
  return `${objectJson.slice(0, objectJson.lastIndexOf('}'))}${isEmpty ? '' : ','}${additions.join(',')}}`
}

/** The server names itself in every result; what stands there already stays. */
function withServerInfo(resultJson: string, members: readonly Member[], identity: Identity): string {
  const meta = members.findLast((member) => member.key === '_meta')
  if (meta === undefined) return resultJson
  const metaJson = resultJson.slice(meta.start, meta.end)
  const inside = membersOf(metaJson)
  if (inside === undefined || has(inside, SERVER_INFO_META_KEY)) return resultJson
  const extended = append(metaJson, inside.length === 0, [identity.metaMember])
  return resultJson.slice(0, meta.start) + extended + resultJson.slice(meta.end)
}

/** A result of a server of either era as a modern client must see it. */
export function toModernResult(method: string, reply: McpReply & { resultJson: string }, identity: Identity): string {
  const members = membersOf(reply.resultJson)
  if (members === undefined) throw badAnswer(method)
  const additions: string[] = []
  const resultType = memberText(reply.resultJson, members, 'resultType')
  const isComplete = resultType === undefined || resultType === '"complete"'
  if (method === 'tools/call' && isComplete && !FOREIGN_MEMBERS.some((key) => has(members, key))) additions.push('"content":[]')
  if (resultType === undefined) additions.push('"resultType":"complete"')
  if (method === 'resources/read' && isComplete) {
    if (!has(members, 'ttlMs')) additions.push('"ttlMs":0')
    if (!has(members, 'cacheScope')) additions.push('"cacheScope":"private"')
  }
  if (!has(members, '_meta')) additions.push(identity.resultMember)
  return append(withServerInfo(reply.resultJson, members, identity), members.length === 0, additions)
}

/**
 * Structured output that is no object, or whose schema was wrapped in the list, in the wrapping legacy clients know (SEP-2106):
 * under `result`, and as text when the server wrote none.
 */
function wrapStructured(resultJson: string, outputSchema: JsonObject | undefined): string {
  const members = membersOf(resultJson) ?? []
  const structured = memberText(resultJson, members, 'structuredContent')
  if (structured === undefined) return resultJson
  const isObjectShaped = structured.startsWith('{')
  if (isObjectShaped && (outputSchema === undefined || outputSchema['type'] === 'object')) return resultJson
  const edits = new Map<string, string | undefined>([['structuredContent', `{"result":${structured}}`]])
  const content: unknown = JSON.parse(memberText(resultJson, members, 'content') ?? '[]')
  const blocks: readonly unknown[] = Array.isArray(content) ? content : []
  const hasText = blocks.some((block) => isObject(block) && block['type'] === 'text')
  if (!isObjectShaped && !hasText) edits.set('content', JSON.stringify([...blocks, { type: 'text', text: structured }]))
  return editObject(resultJson, members, edits)
}

/**
 * A result of a server of either era as a legacy client must see it. That of a legacy server passes untouched.
 * @param outputSchema of the tool called
 */
export function toLegacyResult(
  method: string,
  reply: McpReply & { resultJson: string },
  outputSchema: JsonObject | undefined,
): string {
  const { resultJson } = reply
  if (reply.era === 'legacy') return resultJson
  const members = membersOf(resultJson)
  if (members === undefined) throw badAnswer(method)
  const resultType = memberText(resultJson, members, 'resultType')
  if (resultType !== undefined && resultType !== '"complete"') {
    throw new InputRequiredError(`the server needs more input to answer ${method}, and this client cannot be asked`, {
      hint: 'Use a client that speaks protocol revision 2026-07-28.',
    })
  }
  const edits = new Map<string, string | undefined>(MODERN_MEMBERS.map((key) => [key, undefined]))
  const metaJson = memberText(resultJson, members, '_meta')
  const inside = metaJson === undefined ? undefined : membersOf(metaJson)
  if (metaJson !== undefined && inside !== undefined) {
    const isOnlyIdentity = inside.every((member) => member.key === SERVER_INFO_META_KEY)
    edits.set('_meta', isOnlyIdentity ? undefined : editObject(metaJson, inside, new Map([[SERVER_INFO_META_KEY, undefined]])))
  }
  const stripped = editObject(resultJson, members, edits)
  return method === 'tools/call' ? wrapStructured(stripped, outputSchema) : stripped
}

/** Whether a tool's result says that the tool failed. Only telemetry asks. */
export function isToolError(resultJson: string): boolean {
  const members = membersOf(resultJson)
  return members !== undefined && memberText(resultJson, members, 'isError') === 'true'
}

/** Definitions as a modern client may see them: `execution` is a member of the era before. */
export function toModernDefinition(definition: JsonObject): JsonObject {
  if (!('execution' in definition)) return definition
  const { execution: _gone, ...rest } = definition
  return rest
}

/** Whether the tool's output schema has a form that legacy clients refuse. */
export function needsLegacyWrap(definition: JsonObject): boolean {
  return isObject(definition['outputSchema']) && definition['outputSchema']['type'] !== 'object'
}
