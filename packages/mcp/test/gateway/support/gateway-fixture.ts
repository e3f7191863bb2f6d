import { once } from 'node:events'
import { type ClientRequest, type IncomingHttpHeaders, type IncomingMessage, request as httpRequest } from 'node:http'
import { connect, type Socket } from 'node:net'
import { type Logger, silentLogger, systemClock } from '@vsmcp/kernel'
import { createGateway, type Gateway, type GatewayInit, type GatewayRouter } from '@vsmcp/mcp'

/** A logger that keeps what must not happen in a test that passes. */
export function failuresTo(list: string[]): Logger {
  const logger: Logger = {
    ...silentLogger,
    error: (fields, msg) => void list.push(`${msg} ${JSON.stringify(fields)}`),
    child: () => logger,
  }
  return logger
}

export async function startGateway(router: GatewayRouter, init: GatewayInit = {}, failures: string[] = []): Promise<Gateway> {
  const gateway = createGateway({ host: '127.0.0.1', port: 0, ...init })({
    router,
    clock: systemClock,
    logger: failuresTo(failures),
  })
  await gateway.start()
  return gateway
}

export interface HttpAnswer {
  status: number
  headers: IncomingHttpHeaders
  text: string
  json: () => RpcAnswer
}

export interface RpcAnswer {
  id: unknown
  result: Record<string, unknown>
  error: { code: number; message: string; data: Record<string, unknown> }
}

export interface HttpOptions {
  method?: string
  headers?: Record<string, string>
  body?: string | Buffer
}

/** One HTTP request with exactly these headers, which `fetch` would not allow. */
export async function http(url: string, { method = 'POST', headers = {}, body }: HttpOptions = {}): Promise<HttpAnswer> {
  const all = { 'content-type': 'application/json', accept: 'application/json, text/event-stream', ...headers }
  const outgoing = httpRequest(url, { method, headers: all, agent: false })
  // A server that has answered may close while a body is still being sent.
  outgoing.on('error', () => {})
  outgoing.end(body)
  const [response] = (await once(outgoing, 'response')) as [IncomingMessage]
  let text = ''
  for await (const chunk of response) text += String(chunk)
  return { status: response.statusCode ?? 0, headers: response.headers, text, json: () => JSON.parse(text) as RpcAnswer }
}

export const MODERN_META = {
  'io.modelcontextprotocol/protocolVersion': '2026-07-28',
  'io.modelcontextprotocol/clientInfo': { name: 'test', version: '1.0.0' },
  'io.modelcontextprotocol/clientCapabilities': {},
}

export function modernBody(method: string, params: object = {}, id: unknown = 1, meta: object = {}): string {
  return JSON.stringify({ jsonrpc: '2.0', id, method, params: { ...params, _meta: { ...MODERN_META, ...meta } } })
}

export function modernHeaders(method: string, name?: string): Record<string, string> {
  return { 'mcp-protocol-version': '2026-07-28', 'mcp-method': method, ...(name === undefined ? {} : { 'mcp-name': name }) }
}

function one(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined
}

/** A well-formed modern request. */
export function modern(
  url: string,
  method: string,
  params: Record<string, unknown> = {},
  meta: object = {},
): Promise<HttpAnswer> {
  return http(url, {
    headers: modernHeaders(method, one(params['name'] ?? params['uri'])),
    body: modernBody(method, params, 1, meta),
  })
}

export function rpc(method: string, params: object = {}, id: unknown = 1): string {
  return JSON.stringify({ jsonrpc: '2.0', id, method, params })
}

/** Opens a legacy session. @returns headers for its requests */
export async function legacySession(url: string, protocolVersion = '2025-11-25'): Promise<Record<string, string>> {
  const body = rpc('initialize', { protocolVersion, capabilities: {}, clientInfo: { name: 'test', version: '1' } })
  const answer = await http(url, { body })
  const id = answer.headers['mcp-session-id']
  if (typeof id !== 'string') throw new Error(`no session: ${answer.status} ${answer.text}`)
  return { 'mcp-session-id': id, 'mcp-protocol-version': protocolVersion }
}

/** The JSON messages of a finished event stream. */
export function events(text: string): RpcAnswer[] {
  return text
    .split('\n')
    .filter((line) => line.startsWith('data: '))
    .map((line) => JSON.parse(line.slice(6)) as RpcAnswer)
}

/** A bare connection to the endpoint. */
export async function openSocket(url: string): Promise<Socket> {
  const { hostname, port } = new URL(url)
  const socket = connect(Number(port), hostname.replaceAll(/[[\]]/g, ''))
  socket.on('error', () => {})
  await once(socket, 'connect')
  return socket
}

/** An event stream that a test reads message by message. */
export class EventReader {
  readonly #request: ClientRequest
  #rest = ''
  readonly #messages: Record<string, unknown>[] = []
  readonly #waiting: (() => void)[] = []
  isOver = false

  private constructor(outgoing: ClientRequest) {
    this.#request = outgoing
  }

  static async open(url: string, options: HttpOptions): Promise<EventReader> {
    const headers = { 'content-type': 'application/json', accept: 'application/json, text/event-stream', ...options.headers }
    const outgoing = httpRequest(url, { method: options.method ?? 'POST', headers, agent: false })
    outgoing.on('error', () => {})
    outgoing.end(options.body)
    const reader = new EventReader(outgoing)
    const [response] = (await once(outgoing, 'response')) as [IncomingMessage]
    if (response.headers['content-type'] !== 'text/event-stream') throw new Error(`no event stream: HTTP ${response.statusCode}`)
    response.on('data', (chunk) => reader.#push(String(chunk)))
    response.on('error', () => {})
    response.on('close', () => {
      reader.isOver = true
      reader.#wake()
    })
    return reader
  }

  /** The next message; `undefined` when the stream has ended. */
  async next(): Promise<Record<string, unknown> | undefined> {
    while (this.#messages.length === 0 && !this.isOver) await new Promise<void>((resolve) => this.#waiting.push(resolve))
    return this.#messages.shift()
  }

  close(): void {
    this.#request.destroy()
  }

  #push(text: string): void {
    const lines = (this.#rest + text).split('\n')
    this.#rest = lines.pop() ?? ''
    for (const line of lines)
      if (line.startsWith('data: ')) this.#messages.push(JSON.parse(line.slice(6)) as Record<string, unknown>)
    this.#wake()
  }

  #wake(): void {
    for (const resolve of this.#waiting.splice(0)) resolve()
  }
}
