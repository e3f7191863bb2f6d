/** An MCP server that writes down when a call begins and ends, and under which claims: `journal-server.ts FILE`. */
import { appendFileSync } from 'node:fs'
import { createInterface } from 'node:readline'

const [, , file = ''] = process.argv

interface Message {
  id?: number | string
  method: string
  params?: { arguments?: { label?: string; ms?: number }; _meta?: Record<string, unknown> }
}

function answer(id: unknown, result: unknown): void {
  process.stdout.write(`${JSON.stringify({ jsonrpc: '2.0', id, result })}\n`)
}

function note(what: object): void {
  appendFileSync(file, `${JSON.stringify({ ...what, atMs: Date.now() })}\n`)
}

createInterface(process.stdin).on('line', (line) => {
  const { id, method, params } = JSON.parse(line) as Message
  if (id === undefined) return
  if (method === 'initialize') {
    const protocolVersion = '2025-11-25'
    answer(id, { protocolVersion, capabilities: { tools: {} }, serverInfo: { name: 'journal', version: '1' } })
  } else if (method === 'tools/list') answer(id, { tools: [{ name: 'note', inputSchema: { type: 'object' } }] })
  else if (method === 'tools/call') {
    const { label = '', ms = 0 } = params?.arguments ?? {}
    note({ event: 'begun', label, claims: params?._meta?.['vsmcp/claims'] })
    setTimeout(() => {
      note({ event: 'ended', label })
      answer(id, { content: [{ type: 'text', text: label }] })
    }, ms)
  } else process.stdout.write(`${JSON.stringify({ jsonrpc: '2.0', id, error: { code: -32_601, message: 'no' } })}\n`)
})
