import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { createInterface } from 'node:readline'
import { fixturePath, packagePath, undoLater } from './unit-fixture.ts'

export interface ServerProcess {
  url: string
  process: ChildProcess
  /** Resolves when the server has written this line on stderr, which may have been before. */
  said(line: string): Promise<void>
}

function watch(child: ChildProcess): ServerProcess['said'] {
  const lines = new Set<string>()
  let onLine = (): void => {}
  if (child.stderr !== null) {
    createInterface({ input: child.stderr }).on('line', (line) => {
      lines.add(line)
      onLine()
    })
  }
  return async (line) => {
    while (!lines.has(line)) {
      const { promise, resolve } = Promise.withResolvers<void>()
      onLine = resolve
      await promise
    }
  }
}

/** The SDK 2.x fixture behind HTTP. */
export async function startModernServer(): Promise<ServerProcess> {
  const child = spawn(process.execPath, [fixturePath('modern-server'), '0'], { stdio: ['ignore', 'pipe', 'pipe'] })
  undoLater(() => void child.kill('SIGKILL'))
  const [line] = (await once(createInterface({ input: child.stdout }), 'line')) as [string]
  return { url: `http://127.0.0.1:${line.split(' ')[1] ?? ''}/mcp`, process: child, said: watch(child) }
}

export async function freePort(): Promise<number> {
  const probe = createServer().listen(0, '127.0.0.1')
  await once(probe, 'listening')
  const { port } = probe.address() as AddressInfo
  probe.close()
  await once(probe, 'close')
  return port
}

/** The published everything server behind HTTP: legacy, with sessions and resumable streams. */
export async function startEverything(port: number): Promise<ServerProcess> {
  const child = spawn(process.execPath, [packagePath('server-everything/dist/index.js'), 'streamableHttp'], {
    env: { ...process.env, PORT: String(port) },
    stdio: ['ignore', 'ignore', 'pipe'],
  })
  undoLater(() => void child.kill('SIGKILL'))
  const said = watch(child)
  await said(`MCP Streamable HTTP Server listening on port ${port}`)
  return { url: `http://127.0.0.1:${port}/mcp`, process: child, said }
}

export interface Received {
  method: string
  id?: number
  params: { name?: string; requestId?: number; level?: string; _meta?: Record<string, unknown> }
  headers: IncomingMessage['headers']
}

export type Behaviour = (received: Received, response: ServerResponse, request: IncomingMessage) => void

/** A legacy server by hand: the opening is sound, what a `tools/call` gets is up to the test. */
export interface ScriptedServer {
  url: string
  received: Received[]
  /** Resolves with the first message that meets the condition, which may have come before. */
  got(meets: (received: Received) => boolean): Promise<Received>
  /** What a GET gets. */
  onGet: (request: IncomingMessage, response: ServerResponse) => void
  server: Server
}

export function sendJson(response: ServerResponse, value: unknown, status = 200): void {
  response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(value))
}

export function sendEvent(response: ServerResponse, value: unknown, id?: string): void {
  if (!response.headersSent) response.writeHead(200, { 'content-type': 'text/event-stream' })
  response.write(`${id === undefined ? '' : `id: ${id}\n`}event: message\ndata: ${JSON.stringify(value)}\n\n`)
}

export function textResult(id: number | undefined, text: string): object {
  return { jsonrpc: '2.0', id, result: { content: [{ type: 'text', text }] } }
}

export async function startScriptedServer(onCall: Behaviour): Promise<ScriptedServer> {
  const waiting = new Set<() => void>()
  const scripted: Omit<ScriptedServer, 'url' | 'server'> = {
    received: [],
    onGet: (_request, response) => void response.writeHead(405).end(),
    got: async (meets) => {
      for (;;) {
        const found = scripted.received.find(meets)
        if (found !== undefined) return found
        const { promise, resolve } = Promise.withResolvers<void>()
        waiting.add(resolve)
        await promise
        waiting.delete(resolve)
      }
    },
  }
  const answers: Record<string, object> = {
    initialize: {
      protocolVersion: '2025-11-25',
      capabilities: { tools: {}, logging: {} },
      serverInfo: { name: 'scripted', version: '1' },
    },
    'tools/list': { tools: [{ name: 'tool', inputSchema: { type: 'object' } }] },
    ping: {},
  }
  const server = createServer((request, response) => {
    if (request.method === 'GET') return scripted.onGet(request, response)
    if (request.method === 'DELETE') return void response.writeHead(200).end()
    const chunks: Buffer[] = []
    request.on('data', (chunk: Buffer) => chunks.push(chunk))
    request.on('end', () => {
      const message = JSON.parse(Buffer.concat(chunks).toString()) as Received
      const received = { ...message, headers: request.headers }
      scripted.received.push(received)
      for (const resolve of waiting) resolve()
      const { method, id } = message
      if (method === 'tools/call') return onCall(received, response, request)
      if (id === undefined || method === undefined) return void response.writeHead(202).end()
      const result = answers[method]
      if (method === 'initialize') response.setHeader('mcp-session-id', `session-${scripted.received.length}`)
      if (result !== undefined) return sendJson(response, { jsonrpc: '2.0', id, result })
      sendJson(response, { jsonrpc: '2.0', id: null, error: { code: -32000, message: 'Bad Request' } }, 400)
    })
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  undoLater(() => {
    server.close()
    server.closeAllConnections()
  })
  const { port } = server.address() as AddressInfo
  return Object.assign(scripted, { url: `http://127.0.0.1:${port}/mcp`, server })
}
