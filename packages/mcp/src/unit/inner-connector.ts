import { messageOf, OutcomeUnknownError, VsmcpError } from '@vsmcp/kernel'
import type { DefinitionLists } from './definitions.ts'
import type { McpReply, McpRequest } from '../contract.ts'
import type { Call } from './call.ts'
import type { Connect, Connection, ConnectionHooks, ServerDescription } from './connection.ts'

/** What a unit is asked through no process and no socket: a part of this process that answers like a server of the legacy era. */
export interface InnerServer {
  readonly name: string
  readonly version: string
  /** Throws while it cannot be asked at all. */
  lists(): DefinitionLists
  /** @returns a function that ends it */
  onListChanged(listener: () => void): () => void
  /** Told why, when it cannot be asked any more. @returns a function that ends it */
  onGone(listener: (reason: string) => void): () => void
  /** Rejects as `Unit.request` does. */
  request(request: Required<Omit<McpRequest, 'caller'>> & Pick<McpRequest, 'caller'>): Promise<McpReply>
}

/** The lists a client asks for, and where they are. */
const LISTS: Readonly<Record<string, keyof DefinitionLists>> = {
  'tools/list': 'tools',
  'resources/list': 'resources',
  'resources/templates/list': 'resourceTemplates',
  'prompts/list': 'prompts',
}

/** Connects as soon as the server can be asked. */
export function innerConnector(server: InnerServer): Connect {
  return async (hooks, signal) => {
    signal.throwIfAborted()
    server.lists()
    return new InnerConnection(server, hooks)
  }
}

class InnerConnection implements Connection {
  readonly server: ServerDescription
  readonly closed: Promise<string>
  readonly #inner: InnerServer
  readonly #under = new Map<Call, AbortController>()
  readonly #offs: readonly (() => void)[]
  #close: (reason: string) => void
  #nextId = 1

  constructor(inner: InnerServer, hooks: ConnectionHooks) {
    this.#inner = inner
    this.server = {
      era: 'legacy',
      protocolVersion: '2025-11-25',
      serverInfo: { name: inner.name, version: inner.version },
      instructions: undefined,
      capabilities: { tools: {}, resources: {}, prompts: {}, completions: {}, logging: {} },
    }
    const { promise, resolve } = Promise.withResolvers<string>()
    this.closed = promise
    this.#close = resolve
    this.#offs = [inner.onListChanged(() => hooks.onListChanged()), inner.onGone((reason) => this.#end(reason))]
  }

  send(call: Call): void {
    const list = LISTS[call.method]
    if (list !== undefined) this.#answerWith(call, () => JSON.stringify({ [list]: this.#inner.lists()[list] }))
    else if (call.method === 'ping') this.#answerWith(call, () => '{}')
    else void this.#ask(call)
  }

  async close(): Promise<void> {
    this.#end('it was closed')
  }

  #answerWith(call: Call, result: () => string): void {
    try {
      this.#answer(call, { era: 'legacy', resultJson: result() })
    } catch (error) {
      call.fail('died', messageOf(error))
    }
  }

  async #ask(call: Call): Promise<void> {
    const gone = new AbortController()
    this.#under.set(call, gone)
    call.id = this.#nextId++
    call.isWritten = true
    call.onGivenUp = () => gone.abort()
    const { method, params, caller, via } = call
    const deadlineMs = Math.max(0, call.leftMs)
    const onNotification = (notified: string, paramsJson: string): void =>
      call.notify({ kind: 'notification', method: notified, paramsJson, params: objectOf(paramsJson), value: {} })
    try {
      const asked = { method, paramsJson: params.text, deadlineMs, signal: gone.signal, caller, via, onNotification }
      this.#answer(call, await this.#inner.request(asked))
    } catch (error) {
      // What another node says is not known to have happened, did not surely not happen.
      if (error instanceof VsmcpError && !(error instanceof OutcomeUnknownError)) call.reject(error)
      else call.fail('died', messageOf(error))
    } finally {
      this.#under.delete(call)
    }
  }

  #answer(call: Call, reply: McpReply): void {
    const value = {}
    if ('error' in reply)
      call.answer(reply.era, { kind: 'answer', id: call.id, resultJson: undefined, error: reply.error, value })
    else call.answer(reply.era, { kind: 'answer', id: call.id, resultJson: reply.resultJson, error: undefined, value })
  }

  #end(reason: string): void {
    for (const off of this.#offs) off()
    for (const [call, gone] of this.#under) {
      call.fail('died', reason)
      gone.abort()
    }
    this.#under.clear()
    this.#close(reason)
  }
}

function objectOf(json: string): Readonly<Record<string, unknown>> {
  const value: unknown = JSON.parse(json)
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Record<string, unknown>) : {}
}
