/**
 * The program of a worker unit: an MCP server over stdio that runs the tools of a module in threads. Started by the node as any server is, so that
 * whatever a tool does to its process, it does not do to the node.
 */
import { basename } from 'node:path'
import { messageOf } from '@vsmcp/kernel'
import { type CallToolResult, fromJsonSchema, McpServer } from '@modelcontextprotocol/server'
import { serveStdio, StdioServerTransport } from '@modelcontextprotocol/server/stdio'
import { BASE_MEMORY_MB, MEMORY_LOOK_MS } from './constants.ts'
import { hostOptionsSchema, type WorkerToolDefinition } from './contract.ts'
import { WorkerPool } from './pool.ts'

const MIB = 1024 * 1024

const options = hostOptionsSchema.parse(JSON.parse(process.argv[2] ?? '{}'))

// What a module prints must not come between the messages.
const channel = process.stdout
Object.defineProperty(process, 'stdout', { get: () => process.stderr })

const pool = new WorkerPool(options)

function register(server: McpServer, definition: WorkerToolDefinition): void {
  const { name, inputSchema = { type: 'object' }, outputSchema, title, description, annotations } = definition
  const config = {
    inputSchema: fromJsonSchema<Record<string, unknown>>(inputSchema),
    ...(outputSchema === undefined ? {} : { outputSchema: fromJsonSchema<Record<string, unknown>>(outputSchema) }),
    ...(title === undefined ? {} : { title }),
    ...(description === undefined ? {} : { description }),
    ...(annotations === undefined ? {} : { annotations }),
  }
  server.registerTool(name, config, async (args, { mcpReq }): Promise<CallToolResult> => {
    const progressToken = mcpReq._meta?.progressToken
    const onProgress = (params: { progress: number; total?: number; message?: string }): void => {
      if (progressToken === undefined) return
      // Whoever waited is gone.
      mcpReq.notify({ method: 'notifications/progress', params: { progressToken, ...params } }).catch(() => {})
    }
    return pool.call(name, args, { signal: mcpReq.signal, onProgress })
  })
}

function watchMemory(): void {
  const maxBytes = (BASE_MEMORY_MB + 2 * options.threads * options.threadMemoryMb) * MIB
  setInterval(() => {
    const bytes = process.memoryUsage.rss()
    if (bytes <= maxBytes) return
    process.stderr.write(`it takes ${Math.round(bytes / MIB)} MiB, and may take ${Math.round(maxBytes / MIB)}: it ends\n`)
    process.exit(1)
  }, MEMORY_LOOK_MS).unref()
}

try {
  const tools = await pool.describe()
  const info = { name: basename(options.module), version: '1' }
  // The node is gone.
  process.stdin.once('end', () => process.exit(0))
  watchMemory()
  serveStdio(
    () => {
      const server = new McpServer(info, { capabilities: { tools: {} } })
      for (const tool of tools) register(server, tool)
      return server
    },
    { transport: new StdioServerTransport(process.stdin, channel) },
  )
} catch (error) {
  process.stderr.write(`${options.module} cannot be used: ${messageOf(error)}\n`)
  process.exit(1)
}
