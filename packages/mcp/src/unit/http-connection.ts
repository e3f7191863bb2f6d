import type { Client, StreamableHTTPClientTransport } from '@modelcontextprotocol/client'
import type { Clock } from '@vsmcp/kernel'
import type { Agent } from 'undici'
import type { Definitions } from '../contract.ts'
import type { Call, GivenUpReason } from './call.ts'
import type { Connection, ConnectionHooks, ServerDescription } from './connection.ts'
import { HEADER_MISMATCH } from '../gateway/rpc.ts'
import { NOTICE_TIMEOUT_MS, SESSION_END_TIMEOUT_MS } from './constants.ts'
import { HttpExchange } from './http-exchange.ts'
import { MirrorHeaders } from './http-headers.ts'
import type { Incoming } from './incoming.ts'
import { isMoreVerbose } from './log-level.ts'
import { type JsonObject, wireParams } from './params.ts'
import { PendingCalls } from './pending-calls.ts'
import { answerServerRequest } from './server-requests.ts'

export interface HttpConnectionInit {
  url: URL
  /** The user's, secrets resolved. */
  headers: Readonly<Record<string, string>>
  server: ServerDescription
  envelope: JsonObject
  sdk: { client: Client; transport: StreamableHTTPClientTransport }
  agent: Agent
}

/**
 * A server behind Streamable HTTP: each call is a POST of our own, its answer passed on as it comes. The SDK's client, which
 * shook hands, keeps the session and the stream that tells of changes.
 */
export class HttpConnection implements Connection {
  readonly server: ServerDescription
  readonly closed: Promise<string>
  readonly #init: HttpConnectionInit
  readonly #hooks: ConnectionHooks
  readonly #clock: Clock
  readonly #ids: PendingCalls
  readonly #exchanges = new Set<HttpExchange>()
  readonly #mirror = new MirrorHeaders()
  readonly #headers: Readonly<Record<string, string>>
  readonly #closed = Promise.withResolvers<string>()
  #url: URL
  #logLevel: string | undefined
  #endReason: string | undefined

  constructor(init: HttpConnectionInit, hooks: ConnectionHooks, clock: Clock) {
    this.#init = init
    this.server = init.server
    this.#hooks = hooks
    this.#clock = clock
    this.#ids = new PendingCalls(clock)
    this.#url = init.url
    this.closed = this.#closed.promise
    const { sessionId } = init.sdk.transport
    this.#headers = {
      ...init.headers,
      'content-type': 'application/json',
      accept: 'application/json, text/event-stream',
      'mcp-protocol-version': init.server.protocolVersion,
      ...(sessionId !== undefined && { 'mcp-session-id': sessionId }),
    }
  }

  learn(definitions: Definitions): void {
    this.#mirror.learn(definitions)
  }

  send(call: Call): void {
    if (this.#endReason !== undefined) return call.fail('died', this.#endReason)
    const { era } = this.server
    this.#raiseLogLevel(call)
    call.id = this.#ids.newId()
    const params = wireParams(call.params, era, this.#init.envelope, call.wantsProgress ? call.id : undefined)
    const body = `{"jsonrpc":"2.0","id":${call.id},"method":${JSON.stringify(call.method)},"params":${params}}`
    const headers = era === 'modern' ? { ...this.#headers, ...this.#mirror.of(call.method, call.params.value) } : this.#headers
    const exchange = new HttpExchange(call, body, {
      clock: this.#clock,
      dispatcher: this.#init.agent,
      url: () => this.#url,
      headers,
      hasSession: this.#init.sdk.transport.sessionId !== undefined,
      isResumable: era === 'legacy',
      onMessage: (of, incoming) => this.#onMessage(of, incoming),
      onMoved: (url) => {
        this.#url = url
      },
      onLost: (reason) => this.end(reason),
      onEnd: () => this.#exchanges.delete(exchange),
    })
    this.#exchanges.add(exchange)
    call.onGivenUp = (reason) => this.#giveUp(call, exchange, reason)
    exchange.start()
  }

  /** It is of no use any more; calls in work end. */
  end(reason: string): void {
    if (this.#endReason !== undefined) return
    this.#endReason = reason
    for (const exchange of this.#exchanges) exchange.abort('died', reason)
    void this.#shut(false).then(() => this.#closed.resolve(reason))
  }

  async close(): Promise<void> {
    if (this.#endReason === undefined) {
      this.#endReason = 'it was stopped'
      for (const exchange of this.#exchanges) exchange.abort('died', this.#endReason)
      await this.#shut(true)
      this.#closed.resolve(this.#endReason)
    }
    await this.closed
  }

  async #shut(isReachable: boolean): Promise<void> {
    const { client, transport } = this.#init.sdk
    if (isReachable && transport.sessionId !== undefined) {
      const { promise, resolve } = Promise.withResolvers<void>()
      const timer = this.#clock.after(SESSION_END_TIMEOUT_MS, resolve)
      await Promise.race([transport.terminateSession().catch(() => {}), promise])
      timer.cancel()
    }
    await client.close().catch(() => {})
    await this.#init.agent.destroy().catch(() => {})
  }

  #giveUp(call: Call, exchange: HttpExchange, reason: GivenUpReason): void {
    exchange.abort(reason)
    if (this.server.era === 'modern') return
    // To a legacy server a closed stream says nothing (2025-11-25, "Sending Messages to the Server").
    const params = { requestId: call.id, reason: reason === 'deadline' ? 'deadline exceeded' : 'cancelled by the caller' }
    this.#post(JSON.stringify({ jsonrpc: '2.0', method: 'notifications/cancelled', params }))
  }

  #raiseLogLevel(call: Call): void {
    const level = call.logLevel
    if (this.server.era === 'modern' || level === undefined || this.server.capabilities['logging'] === undefined) return
    if (!isMoreVerbose(level, this.#logLevel)) return
    this.#logLevel = level
    this.#post(JSON.stringify({ jsonrpc: '2.0', id: this.#ids.newId(), method: 'logging/setLevel', params: { level } }))
  }

  #onMessage(call: Call, incoming: Incoming): void {
    if (incoming.kind === 'answer') {
      // What the tool wants mirrored is not what it was: its definition changed unseen.
      if (incoming.error?.code === HEADER_MISMATCH) this.#hooks.onListChanged()
      return call.answer(this.server.era, incoming)
    }
    if (incoming.kind === 'request') {
      if (this.server.era === 'legacy') this.#post(answerServerRequest(incoming))
      return
    }
    const { method, params } = incoming
    if (method === 'notifications/progress' && params['progressToken'] === call.id) return call.notify(incoming)
    if (method === 'notifications/message' && call.logLevel !== undefined) return call.notify(incoming)
    if (method.endsWith('/list_changed')) return this.#hooks.onListChanged()
    if (method !== 'notifications/message') return
    const { level, data } = params
    this.#hooks.onLog(
      'message',
      typeof level === 'string' ? level : 'info',
      typeof data === 'string' ? data : JSON.stringify(data ?? null),
    )
  }

  /** A message nobody waits for. */
  #post(body: string): void {
    if (this.#endReason !== undefined) return
    this.#init.agent.dispatch(
      {
        origin: this.#url.origin,
        path: this.#url.pathname + this.#url.search,
        method: 'POST',
        body,
        headers: this.#headers,
        headersTimeout: NOTICE_TIMEOUT_MS,
        bodyTimeout: NOTICE_TIMEOUT_MS,
      },
      {
        onRequestStart() {},
        onResponseStart() {},
        onResponseData() {},
        onResponseEnd() {},
        onResponseError: (_controller, error) =>
          this.#hooks.onLog('message', 'debug', `a notice did not reach the server: ${error.message}`),
      },
    )
  }
}
