import { type Clock, messageOf, type Logger } from '@vsmcp/kernel'
import { canonicalDefinitions, type McpReply, type ToolDefinition } from '@vsmcp/mcp'
import { type Auditable, PROBES } from '@vsmcp/vsm'
import { PROBE_DEADLINE_MS, PROBE_PAGES_MAX } from '../constants.ts'
import type { PublishedUnit } from '../catalog/published-unit.ts'
import type { Router } from '../route/router.ts'
import { sha256Hex } from '../sha256.ts'

export interface ProbingComponents {
  router: Pick<Router, 'probe'>
  clock: Clock
  logger: Logger
}

interface Page {
  entries: readonly unknown[]
  next: string | undefined
}

/** What a unit is asked by an auditor: nothing that changes anything, and nothing that its tools would notice. */
export function probeMethod({ tools, resources, prompts }: PublishedUnit): string | undefined {
  if (tools.length > 0) return 'tools/list'
  if (resources.length > 0) return 'resources/list'
  return prompts.length > 0 ? 'prompts/list' : undefined
}

/** Digest of tools in whatever order, as an auditor compares them. */
export function digestOfTools(tools: readonly ToolDefinition[]): string {
  return sha256Hex(canonicalDefinitions({ tools, resources: [], resourceTemplates: [], prompts: [] }))
}

/**
 * Asks a unit some times over what it offers, as its callers ask it.
 * @returns digest of the tools it lists; undefined when it has none or did not say
 */
export async function probe(at: Auditable, method: string, components: ProbingComponents): Promise<string | undefined> {
  const { logger } = components
  let listed: string | undefined
  for (let probes = 0; probes < PROBES; probes++) {
    try {
      const reply = await ask(at, method, undefined, components)
      if (listed === undefined && method === 'tools/list') listed = await digestOf(at, reply, components)
    } catch (error) {
      logger.debug({ unit: at.unit, node: at.node, error: messageOf(error) }, 'a unit did not answer its auditor')
    }
  }
  return listed
}

async function digestOf(at: Auditable, first: McpReply, components: ProbingComponents): Promise<string | undefined> {
  const tools: unknown[] = []
  let page = pageOf(first)
  for (let pages = 1; page !== undefined; pages++) {
    tools.push(...page.entries)
    if (page.next === undefined) return digestOfTools(tools.filter(isTool))
    if (pages >= PROBE_PAGES_MAX) return undefined
    page = pageOf(await ask(at, 'tools/list', page.next, components))
  }
  return undefined
}

function ask(at: Auditable, method: string, cursor: string | undefined, { router }: ProbingComponents): Promise<McpReply> {
  const paramsJson = JSON.stringify(cursor === undefined ? {} : { cursor })
  return router.probe(at, { method, paramsJson, deadlineMs: PROBE_DEADLINE_MS })
}

function pageOf(reply: McpReply): Page | undefined {
  if ('error' in reply) return undefined
  const { tools, nextCursor } = JSON.parse(reply.resultJson) as { tools?: unknown; nextCursor?: unknown }
  if (!Array.isArray(tools)) return undefined
  return { entries: tools, next: typeof nextCursor === 'string' && nextCursor !== '' ? nextCursor : undefined }
}

/** What the node that hosts it takes for a tool, too. */
function isTool(entry: unknown): entry is ToolDefinition {
  if (typeof entry !== 'object' || entry === null) return false
  const { name, inputSchema } = entry as { name?: unknown; inputSchema?: unknown }
  return typeof name === 'string' && name !== '' && typeof inputSchema === 'object' && inputSchema !== null
}
