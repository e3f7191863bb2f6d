import { LOG_LEVEL_META_KEY } from '@modelcontextprotocol/server'
import { BusyError, type Clock, type Logger, OutcomeUnknownError, telemetry, VsmcpError } from '@vsmcp/kernel'
import type { Era, McpReply } from '../contract.ts'
import { IN_FLIGHT_MAX, REQUEST_TIMEOUT_MAX_MS, ROUTER_GRACE_MS, TIMEOUT_META_KEY } from './constants.ts'
import type { GatewayRouter, RoutedMethod } from './contract.ts'
import type { LogLevel } from './envelope.ts'
import type { Identity } from './identity.ts'
import { editObject, membersOf, memberText } from './json-text.ts'
import type { ListingPages, ListMethod } from './listing-pages.ts'
import { isObject, type RequestMessage } from './message.ts'
import { isToolError, toLegacyResult, toModernResult } from './results.ts'
import { fromServer, fromThrown, INVALID_PARAMS, METHOD_NOT_FOUND, type RpcError, rpcError } from './rpc.ts'

export interface Caller {
  readonly era: Era
  /** Set once for a legacy session; a modern request carries its own. */
  readonly logLevel?: LogLevel | undefined
}

export type Outcome = { readonly resultJson: string } | { readonly error: RpcError }

export interface DispatcherInit {
  requestTimeoutMs: number
}

export interface DispatcherComponents {
  router: GatewayRouter
  pages: ListingPages
  identity: Identity
  clock: Clock
  logger: Logger
}

const METHOD_UNKNOWN: Outcome = { error: rpcError(METHOD_NOT_FOUND, 'Method not found', undefined, 404) }
const EMPTY_RESULT: Outcome = { resultJson: '{}' }

const toolInvocations = telemetry('vsmcp:mcp:tool_invocation')

function invalidParams(message: string): Outcome {
  return { error: rpcError(INVALID_PARAMS, `Invalid params: ${message}`) }
}

/** Where each routed method names its target. */
function targetOf({ method, params }: RequestMessage): string | undefined {
  if (method === 'completion/complete') {
    const { ref } = params
    const target = isObject(ref) ? (ref['type'] === 'ref/prompt' ? ref['name'] : ref['uri']) : undefined
    return typeof target === 'string' ? target : undefined
  }
  const target = method === 'resources/read' ? params['uri'] : params['name']
  return typeof target === 'string' ? target : undefined
}

function timeoutOf({ meta }: RequestMessage, usualMs: number): number {
  const asked = meta?.[TIMEOUT_META_KEY]
  return typeof asked === 'number' && asked > 0 ? Math.min(asked, REQUEST_TIMEOUT_MAX_MS) : usualMs
}

/** Progress goes to those who gave a token for it, log messages to those who named a level: nobody else may get them. */
function isWanted(notification: string, { meta }: RequestMessage, caller: Caller): boolean {
  if (notification === 'notifications/progress') return meta?.['progressToken'] !== undefined
  return notification === 'notifications/message' && (caller.logLevel ?? meta?.[LOG_LEVEL_META_KEY]) !== undefined
}

/**
 * What is to be forwarded: the client's params but for what only this side may decide. The log level of a legacy session is
 * written where modern requests carry theirs; a wish to run the call as a task is left out, as the spec says for servers
 * without that capability.
 */
function forwardedParams({ params, paramsJson, meta }: RequestMessage, caller: Caller): string {
  const addsLevel = caller.logLevel !== undefined && meta?.[LOG_LEVEL_META_KEY] === undefined
  if (!addsLevel && !('task' in params)) return paramsJson
  const members = membersOf(paramsJson) ?? []
  const edits = new Map<string, string | undefined>([['task', undefined]])
  if (addsLevel) {
    const metaJson = meta === undefined ? '{}' : (memberText(paramsJson, members, '_meta') ?? '{}')
    const level = new Map([[LOG_LEVEL_META_KEY, JSON.stringify(caller.logLevel)]])
    edits.set('_meta', editObject(metaJson, membersOf(metaJson) ?? [], level))
  }
  return editObject(paramsJson, members, edits)
}

/**
 * The heart of the gateway: one request in, one outcome out, whatever era the client speaks and whichever way it came. It knows
 * no transport: HTTP, pipes and tests all stand on it.
 */
export class Dispatcher {
  readonly #router: GatewayRouter
  readonly #pages: ListingPages
  readonly #identity: Identity
  readonly #clock: Clock
  readonly #logger: Logger
  readonly #requestTimeoutMs: number
  readonly #inFlight = new Set<AbortController>()
  #drained: (() => void) | undefined

  constructor(init: DispatcherInit, { router, pages, identity, clock, logger }: DispatcherComponents) {
    this.#requestTimeoutMs = init.requestTimeoutMs
    this.#router = router
    this.#pages = pages
    this.#identity = identity
    this.#clock = clock
    this.#logger = logger
  }

  get inFlight(): number {
    return this.#inFlight.size
  }

  /**
   * Never rejects. When `abort` was used by the caller nobody waits for the outcome any more.
   * @param notify for progress and log messages of this request; not called after the outcome
   */
  async handle(
    message: RequestMessage,
    caller: Caller,
    abort: AbortController,
    notify: (method: string, paramsJson: string) => void,
  ): Promise<Outcome> {
    switch (message.method) {
      case 'tools/call':
      case 'resources/read':
      case 'prompts/get':
      case 'completion/complete':
        return this.#route(message, message.method, caller, abort, notify)
      case 'tools/list':
      case 'resources/list':
      case 'resources/templates/list':
      case 'prompts/list':
        return this.#list(message, message.method, caller.era)
      case 'server/discover':
        return caller.era === 'modern' ? { resultJson: this.#identity.discoverResult } : METHOD_UNKNOWN
      case 'ping':
        return caller.era === 'legacy' ? EMPTY_RESULT : METHOD_UNKNOWN
      default:
        return METHOD_UNKNOWN
    }
  }

  /** Resolves when nothing is in flight, at the latest after `timeoutMs`; what is then still running is aborted. */
  async drain(timeoutMs: number): Promise<void> {
    if (this.#inFlight.size > 0) {
      const { promise, resolve } = Promise.withResolvers<void>()
      this.#drained = resolve
      const timer = this.#clock.after(timeoutMs, resolve)
      await promise
      timer.cancel()
      this.#drained = undefined
    }
    for (const abort of this.#inFlight) abort.abort()
  }

  async #list(message: RequestMessage, method: ListMethod, era: Era): Promise<Outcome> {
    try {
      return { resultJson: await this.#pages.page(method, era, message.params['cursor']) }
    } catch (error) {
      return this.#failed(error, era)
    }
  }

  async #route(
    message: RequestMessage,
    method: RoutedMethod,
    caller: Caller,
    abort: AbortController,
    notify: (method: string, paramsJson: string) => void,
  ): Promise<Outcome> {
    const target = targetOf(message)
    if (target === undefined) return invalidParams(`${method} needs the name of what is meant`)
    const { arguments: args } = message.params
    if (args !== undefined && !isObject(args)) return invalidParams('"arguments" must be an object')
    if (this.#inFlight.size >= IN_FLIGHT_MAX) {
      return this.#failed(new BusyError(`${IN_FLIGHT_MAX} requests are being answered already`), caller.era)
    }
    const isHeard = method === 'tools/call' && toolInvocations.hasSubscribers
    const startedMs = isHeard ? this.#clock.monotonicMs() : 0
    let isOpen = true
    this.#inFlight.add(abort)
    try {
      const reply = await this.#ask(message, method, target, caller, abort, (name, json) => {
        if (isOpen && isWanted(name, message, caller)) notify(name, json)
      })
      const outcome = this.#outcome(method, target, reply, caller.era)
      if (isHeard) this.#publish(message, target, caller.era, startedMs, outcome, abort)
      return outcome
    } catch (error) {
      const outcome = this.#failed(error, caller.era, method === 'resources/read' ? target : undefined)
      if (isHeard) this.#publish(message, target, caller.era, startedMs, outcome, abort)
      return outcome
    } finally {
      isOpen = false
      this.#inFlight.delete(abort)
      if (this.#inFlight.size === 0) this.#drained?.()
    }
  }

  /** The router keeps the deadline; a router that does not is not waited for. */
  async #ask(
    message: RequestMessage,
    method: RoutedMethod,
    target: string,
    caller: Caller,
    abort: AbortController,
    onNotification: (method: string, paramsJson: string) => void,
  ): Promise<McpReply> {
    const deadlineMs = timeoutOf(message, this.#requestTimeoutMs)
    const traceparent = message.meta?.['traceparent']
    const { promise: overdue, reject } = Promise.withResolvers<never>()
    const timer = this.#clock.after(deadlineMs + ROUTER_GRACE_MS, () => {
      abort.abort()
      reject(new OutcomeUnknownError(`${method} ${target} was not answered within ${deadlineMs} ms`))
    })
    try {
      const answer = this.#router.request({
        method,
        target,
        paramsJson: forwardedParams(message, caller),
        deadlineMs,
        signal: abort.signal,
        onNotification,
        ...(typeof traceparent === 'string' ? { traceparent } : {}),
      })
      return await Promise.race([answer, overdue])
    } finally {
      timer.cancel()
    }
  }

  #outcome(method: RoutedMethod, target: string, reply: McpReply, era: Era): Outcome {
    if ('error' in reply) return { error: fromServer(reply.error, era) }
    if (era === 'modern') return { resultJson: toModernResult(method, reply, this.#identity) }
    const schema = reply.era === 'modern' && method === 'tools/call' ? this.#pages.tool(target)?.outputSchema : undefined
    return { resultJson: toLegacyResult(method, reply, schema) }
  }

  #failed(error: unknown, era: Era, resourceUri?: string): Outcome {
    if (!(error instanceof VsmcpError)) this.#logger.error({ err: error }, 'an MCP request failed unexpectedly')
    return { error: fromThrown(error, era, resourceUri) }
  }

  #publish(message: RequestMessage, tool: string, era: Era, startedMs: number, outcome: Outcome, abort: AbortController): void {
    const traceparent = message.meta?.['traceparent']
    const failed = 'error' in outcome ? 'error' : isToolError(outcome.resultJson) ? 'tool-error' : 'ok'
    toolInvocations.publish({
      tool,
      era,
      durationMs: this.#clock.monotonicMs() - startedMs,
      outcome: abort.signal.aborted ? 'cancelled' : failed,
      ...('error' in outcome ? { code: outcome.error.code } : {}),
      ...(typeof traceparent === 'string' ? { traceparent } : {}),
    })
  }
}
