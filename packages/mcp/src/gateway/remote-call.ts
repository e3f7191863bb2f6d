import { PROTOCOL_VERSION_META_KEY, CLIENT_CAPABILITIES_META_KEY } from '@modelcontextprotocol/server'
import { BusyError, messageOf, NotSentError, OutcomeUnknownError, type VsmcpError } from '@vsmcp/kernel'
import { Agent, type Dispatcher as HttpDispatcher, request } from 'undici'
import type { McpReply } from '../contract.ts'
import { MODERN_VERSION, REMOTE_TIMEOUT_MS } from './constants.ts'
import { NodeUnreachableError } from './errors.ts'
import { editObject, membersOf, memberText } from './json-text.ts'
import { EventReader } from '../unit/event-reader.ts'

export interface RemoteTarget {
  readonly url: string
  readonly socketPath: string | undefined
  readonly token: string | undefined
}

export interface RemoteCall {
  readonly method: string
  readonly paramsJson: string
  /** For the headers that mirror parts of the body. */
  readonly headers?: Readonly<Record<string, string>>
  readonly signal: AbortSignal
  readonly onNotification: (method: string, paramsJson: string) => void
}

/** The call surely did not leave. */
const NOT_SENT_CODES: ReadonlySet<unknown> = new Set([
  'ECONNREFUSED',
  'ENOENT',
  'EACCES',
  'ENOTFOUND',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'UND_ERR_CONNECT_TIMEOUT',
])

const START_HINT = 'Is the node running? `vsmcp up` starts it, `vsmcp status` asks it.'

/** Puts the modern envelope into params that have none. */
export function withEnvelope(paramsJson: string, extra: ReadonlyMap<string, string>): string {
  const members = membersOf(paramsJson) ?? []
  const metaJson = memberText(paramsJson, members, '_meta') ?? '{}'
  const inside = membersOf(metaJson) ?? []
  const edits = new Map<string, string>(extra)
  if (!inside.some((member) => member.key === PROTOCOL_VERSION_META_KEY)) {
    edits.set(PROTOCOL_VERSION_META_KEY, JSON.stringify(MODERN_VERSION))
    edits.set(CLIENT_CAPABILITIES_META_KEY, '{}')
  }
  return editObject(paramsJson, members, new Map([['_meta', editObject(metaJson, inside, edits)]]))
}

function toReply(text: string): McpReply | undefined {
  const members = membersOf(text)
  if (members === undefined) return undefined
  const resultJson = memberText(text, members, 'result')
  if (resultJson !== undefined) return { era: 'modern', resultJson }
  const errorJson = memberText(text, members, 'error')
  if (errorJson === undefined) return undefined
  const { code, message } = JSON.parse(errorJson) as { code: number; message: string }
  const dataJson = memberText(errorJson, membersOf(errorJson) ?? [], 'data')
  return { era: 'modern', error: { code, message, ...(dataJson === undefined ? {} : { dataJson }) } }
}

/** Requests of the modern era to a node's MCP endpoint, over TCP or its control socket. */
export class RemoteEndpoint {
  readonly #target: RemoteTarget
  readonly #agent: Agent
  #nextId = 1

  constructor(target: RemoteTarget) {
    this.#target = target
    this.#agent = new Agent({
      connect: { timeout: REMOTE_TIMEOUT_MS, ...(target.socketPath === undefined ? {} : { socketPath: target.socketPath }) },
      // Requests have deadlines and streams keep-alives of their own.
      headersTimeout: 0,
      bodyTimeout: 0,
    })
  }

  async close(): Promise<void> {
    await this.#agent.destroy()
  }

  /** Rejects with `NotSentError`, `BusyError`, `OutcomeUnknownError` or `NodeUnreachableError`. */
  async call(call: RemoteCall): Promise<McpReply> {
    const response = await this.#post(call)
    const type = String(response.headers['content-type'] ?? '')
    try {
      const reply = type.startsWith('text/event-stream')
        ? await this.#readEvents(response, call)
        : toReply(await response.body.text())
      if (reply !== undefined && response.statusCode !== 503 && response.statusCode !== 401) return reply
    } catch (error) {
      throw this.#lost(call.method, error)
    }
    if (response.statusCode === 503) throw new BusyError(`the node refused ${call.method} for now`)
    if (response.statusCode >= 400) {
      throw new NodeUnreachableError(`the node refused ${call.method}: HTTP ${response.statusCode}`, { hint: START_HINT })
    }
    throw this.#lost(call.method, new Error('the answer ended early'))
  }

  async #post({ method, paramsJson, headers, signal }: RemoteCall): Promise<HttpDispatcher.ResponseData> {
    const { url, token } = this.#target
    try {
      return await request(url, {
        method: 'POST',
        dispatcher: this.#agent,
        signal,
        headers: {
          'content-type': 'application/json',
          accept: 'application/json, text/event-stream',
          'mcp-protocol-version': MODERN_VERSION,
          'mcp-method': method,
          ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
          ...headers,
        },
        body: `{"jsonrpc":"2.0","id":${this.#nextId++},"method":${JSON.stringify(method)},"params":${paramsJson}}`,
      })
    } catch (error) {
      throw this.#lost(method, error)
    }
  }

  async #readEvents({ body }: HttpDispatcher.ResponseData, call: RemoteCall): Promise<McpReply | undefined> {
    let reply: McpReply | undefined
    const reader = new EventReader({
      onEvent: (text) => {
        const members = membersOf(text) ?? []
        const methodJson = memberText(text, members, 'method')
        if (methodJson === undefined) reply ??= toReply(text)
        else call.onNotification(JSON.parse(methodJson) as string, memberText(text, members, 'params') ?? '{}')
      },
      onOversized: () => {
        throw new Error('the answer is larger than a message may be')
      },
    })
    for await (const chunk of body) {
      reader.push(chunk as Buffer)
      if (reply !== undefined) break
    }
    return reply
  }

  #lost(method: string, error: unknown): VsmcpError {
    const code = (error as { code?: unknown }).code
    const options = { cause: error, hint: START_HINT }
    if (NOT_SENT_CODES.has(code))
      return new NotSentError(`the node cannot be reached for ${method}: ${messageOf(error)}`, options)
    return new OutcomeUnknownError(`the connection to the node broke during ${method}: ${messageOf(error)}`, { cause: error })
  }
}
