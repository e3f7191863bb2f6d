import type { CallToolResult } from '@modelcontextprotocol/server'

/** What a tool returned, as MCP has it: a result of MCP as it is, a text as text, anything else as JSON. */
export function resultOf(value: unknown, isStructured: boolean): CallToolResult {
  if (value === undefined || value === null) return { content: [] }
  if (typeof value === 'string') return { content: [{ type: 'text', text: value }] }
  if (isResult(value)) return value
  const content: CallToolResult['content'] = [{ type: 'text', text: JSON.stringify(value) ?? '' }]
  return isStructured ? { content, structuredContent: value } : { content }
}

function isResult(value: unknown): value is CallToolResult {
  return typeof value === 'object' && value !== null && 'content' in value && Array.isArray(value.content)
}
