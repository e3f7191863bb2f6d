import { backoffMs, type Clock, InvalidArgumentError, type Logger, messageOf, type Random, StoppedError } from '@vsmcp/kernel'
import type { McpReply, PromptDefinition, ResourceDefinition, ResourceTemplateDefinition, ToolDefinition } from '../contract.ts'
import { MCP_PATH, REMOTE_RETRY_BASE_MS, REMOTE_RETRY_MAX_MS, REMOTE_TIMEOUT_MS, TIMEOUT_META_KEY } from './constants.ts'
import type { Listing, ListingKind, RemoteRouter, RemoteRouterComponents, RemoteRouterInit, RoutedRequest } from './contract.ts'
import { BadAnswerError, NodeUnreachableError } from './errors.ts'
import { encodeMirrored, mirroredParams, paramHeaders } from './param-headers.ts'
import { RemoteEndpoint, withEnvelope } from './remote-call.ts'

/** Lists in the order they are read, with the member of the result that holds the entries and the kind they count as. */
const LISTS = [
  { method: 'tools/list', member: 'tools', kind: 'tools' },
  { method: 'resources/list', member: 'resources', kind: 'resources' },
  { method: 'resources/templates/list', member: 'resourceTemplates', kind: 'resources' },
  { method: 'prompts/list', member: 'prompts', kind: 'prompts' },
] as const

type ListMember = (typeof LISTS)[number]['member']

const EMPTY_LISTING: Listing = { version: 0, tools: [], resources: [], resourceTemplates: [], prompts: [] }
const FILTER = '{"notifications":{"toolsListChanged":true,"promptsListChanged":true,"resourcesListChanged":true}}'

export class HttpRemoteRouter implements RemoteRouter {
  readonly #endpoint: RemoteEndpoint
  readonly #clock: Clock
  readonly #random: Random
  readonly #logger: Logger
  readonly #listeners = new Set<(kinds: ReadonlySet<ListingKind>) => void>()
  readonly #stopping = new AbortController()
  #listing = EMPTY_LISTING
  #following: Promise<void> | undefined
  /** Ends the pause between two attempts. */
  #wake: () => void = () => {}
  /** Reads of the listing follow one another, so that an older answer never replaces a newer one. */
  #reading: Promise<void> = Promise.resolve()

  constructor({ socketPath, url, token }: RemoteRouterInit, { clock, random, logger }: RemoteRouterComponents) {
    if (socketPath === undefined && url === undefined)
      throw new InvalidArgumentError('a remote router needs a socket path or a URL')
    this.#endpoint = new RemoteEndpoint({ url: url ?? `http://localhost${MCP_PATH}`, socketPath, token })
    this.#clock = clock
    this.#random = random
    this.#logger = logger
  }

  async start(): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>()
    const timer = this.#clock.after(REMOTE_TIMEOUT_MS, () => reject(new Error(`no answer within ${REMOTE_TIMEOUT_MS} ms`)))
    this.#following = this.#follow(resolve, reject)
    try {
      await promise
    } catch (error) {
      await this.stop()
      throw new NodeUnreachableError(`the node does not answer: ${messageOf(error)}`, {
        hint: 'Start it with `vsmcp up`.',
        cause: error,
      })
    } finally {
      timer.cancel()
    }
  }

  async stop(): Promise<void> {
    this.#stopping.abort()
    this.#wake()
    await this.#endpoint.close()
    await this.#following
    this.#listeners.clear()
  }

  listing(): Listing {
    return this.#listing
  }

  onListingChanged(listener: (kinds: ReadonlySet<ListingKind>) => void): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  async request({ method, target, paramsJson, deadlineMs, signal, onNotification }: RoutedRequest): Promise<McpReply> {
    if (this.#stopping.signal.aborted) throw new StoppedError('the connection to the node is closed')
    const params = withEnvelope(paramsJson, new Map([[TIMEOUT_META_KEY, String(Math.max(1, Math.round(deadlineMs)))]]))
    const headers: Record<string, string> = method === 'completion/complete' ? {} : { 'mcp-name': encodeMirrored(target) }
    if (method === 'tools/call') Object.assign(headers, this.#mirrored(target, paramsJson))
    return this.#endpoint.call({ method, paramsJson: params, headers, signal, onNotification })
  }

  #mirrored(name: string, paramsJson: string): Readonly<Record<string, string>> {
    const tool = this.#listing.tools.find((candidate) => candidate.name === name)
    const params = tool === undefined ? [] : mirroredParams(tool.inputSchema)
    return params.length === 0 ? {} : paramHeaders(params, (JSON.parse(paramsJson) as { arguments?: unknown }).arguments)
  }

  /** Holds a subscription for as long as the router lives; after each gap the listing is read anew. */
  async #follow(onFirst: () => void, onFailure: (error: unknown) => void): Promise<void> {
    for (let attempt = 0; !this.#stopping.signal.aborted; attempt++) {
      try {
        await this.#subscribe(() => {
          attempt = 0
          onFirst()
        }, onFailure)
      } catch (error) {
        onFailure(error)
        this.#logger.debug({ err: messageOf(error) }, 'the stream of changes from the node broke')
      }
      await this.#pause(backoffMs(attempt, this.#random, { baseMs: REMOTE_RETRY_BASE_MS, maxMs: REMOTE_RETRY_MAX_MS }))
    }
  }

  async #subscribe(onReady: () => void, onFailure: (error: unknown) => void): Promise<void> {
    const reply = await this.#endpoint.call({
      method: 'subscriptions/listen',
      paramsJson: withEnvelope(FILTER, new Map()),
      signal: this.#stopping.signal,
      // The acknowledgement comes first, so nothing that changes after this reading is missed.
      onNotification: () => this.#readLater(onReady, onFailure),
    })
    if ('error' in reply) throw new BadAnswerError(`the node refused to tell of changes: ${reply.error.message}`)
  }

  #readLater(onReady: () => void, onFailure: (error: unknown) => void): void {
    this.#reading = this.#reading.then(async () => {
      try {
        await this.#read()
        onReady()
      } catch (error) {
        onFailure(error)
        this.#logger.warn({ err: messageOf(error) }, 'reading the listing of the node failed')
      }
    })
  }

  async #read(): Promise<void> {
    const next: Record<ListMember, readonly unknown[]> = { tools: [], resources: [], resourceTemplates: [], prompts: [] }
    const changed = new Set<ListingKind>()
    for (const { method, member, kind } of LISTS) {
      next[member] = await this.#readList(method, member)
      if (JSON.stringify(next[member]) !== JSON.stringify(this.#listing[member])) changed.add(kind)
    }
    if (changed.size === 0) return
    this.#listing = {
      version: this.#listing.version + 1,
      tools: next.tools as readonly ToolDefinition[],
      resources: next.resources as readonly ResourceDefinition[],
      resourceTemplates: next.resourceTemplates as readonly ResourceTemplateDefinition[],
      prompts: next.prompts as readonly PromptDefinition[],
    }
    for (const listener of this.#listeners) listener(changed)
  }

  async #readList(method: string, member: ListMember): Promise<readonly unknown[]> {
    const entries: unknown[] = []
    let cursor: string | undefined
    do {
      const paramsJson = withEnvelope(cursor === undefined ? '{}' : JSON.stringify({ cursor }), new Map())
      const signal = AbortSignal.any([this.#stopping.signal, AbortSignal.timeout(REMOTE_TIMEOUT_MS)])
      const reply = await this.#endpoint.call({ method, paramsJson, signal, onNotification: () => {} })
      if ('error' in reply) throw new BadAnswerError(`the node did not answer ${method}: ${reply.error.message}`)
      const result = JSON.parse(reply.resultJson) as { nextCursor?: string } & Partial<Record<ListMember, readonly unknown[]>>
      entries.push(...(result[member] ?? []))
      cursor = result.nextCursor
    } while (cursor !== undefined)
    return entries
  }

  async #pause(ms: number): Promise<void> {
    if (this.#stopping.signal.aborted) return
    const { promise, resolve } = Promise.withResolvers<void>()
    const timer = this.#clock.after(ms, resolve)
    this.#wake = resolve
    await promise
    timer.cancel()
  }
}
