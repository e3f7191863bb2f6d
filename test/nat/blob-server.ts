/** An MCP server whose one tool answers with as many bytes as it is asked for. */
import { McpServer } from '@modelcontextprotocol/server'
import { StdioServerTransport } from '@modelcontextprotocol/server/stdio'
import { z } from 'zod'

const server = new McpServer({ name: 'blob', version: '1.0.0' })
server.registerTool(
  'blob',
  {
    description: 'Answers with so many bytes',
    inputSchema: z.object({ bytes: z.number().int() }),
    annotations: { readOnlyHint: true },
  },
  ({ bytes }) => ({ content: [{ type: 'text', text: 'vsmcp'.repeat(Math.ceil(bytes / 5)).slice(0, bytes) }] }),
)
await server.connect(new StdioServerTransport())
