import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Readable, Writable } from 'node:stream'
import type { Clock, Logger, Random, Startable } from '@vsmcp/kernel'
import type { McpReply, PromptDefinition, ResourceDefinition, ResourceTemplateDefinition, ToolDefinition } from '../contract.ts'

/** All that clients may use, names and URIs as clients see them, in an order that is the same on every node. */
export interface Listing {
  /** Another number whenever anything below is different. */
  readonly version: number
  readonly tools: readonly ToolDefinition[]
  readonly resources: readonly ResourceDefinition[]
  readonly resourceTemplates: readonly ResourceTemplateDefinition[]
  readonly prompts: readonly PromptDefinition[]
}

/** What clients are told about: resource templates count as resources. */
export type ListingKind = 'tools' | 'resources' | 'prompts'

export type RoutedMethod = 'tools/call' | 'resources/read' | 'prompts/get' | 'completion/complete'

export interface RoutedRequest {
  method: RoutedMethod
  /** The tool's or prompt's name or the resource's URI as listed; for `completion/complete` the prompt's name or the template's URI. */
  target: string
  /**
   * The client's params as text on one line, its members unique, in the form of the client's era; the name in it is the listed one
   * (`withTarget` puts the server's own name in its place). A log level set by `logging/setLevel` is written into `_meta`.
   */
  paramsJson: string
  /** Milliseconds from now. */
  deadlineMs: number
  /** Aborts when the client cancels, goes away (modern HTTP, stdio) or the gateway stops. */
  signal: AbortSignal
  /** For `notifications/progress` and `notifications/message` of this request, in order, before the answer. */
  onNotification: (method: string, paramsJson: string) => void
  /** As in `McpRequest`. */
  via?: readonly string[]
  /** W3C trace context as the client sent it in `_meta`; it is in `paramsJson`, too. */
  traceparent?: string
}

/** Where the gateway gets its answers; the node implements it. */
export interface GatewayRouter {
  /** From the local replica, at once: never by asking around. The same object until it changes. */
  listing(): Listing
  /** @returns a function that ends the subscription */
  onListingChanged(listener: (kinds: ReadonlySet<ListingKind>) => void): () => void
  /**
   * Rejects with a `VsmcpError`: any whose code ends in `_TARGET_UNKNOWN`, `InvalidArgumentError`, `NotSentError`,
   * `BusyError`, `TimeoutError`, `OutcomeUnknownError`. A JSON-RPC error of the server is an answer.
   */
  request(request: RoutedRequest): Promise<McpReply>
}

/** How the mesh names itself to clients. */
export interface GatewayIdentity {
  /** @default 'vsmcp' */
  name?: string
  /** Version of VSMCP. @default '0.0.0' */
  version?: string
  /** Guidance for the model, shown by `initialize` and `server/discover`. @default none */
  instructions?: string
}

export interface GatewayInit extends GatewayIdentity {
  /**
   * Name or address to listen on; `localhost` means 127.0.0.1 and, where there is IPv6, [::1].
   * Anything that is not loopback needs `token`. @default 'localhost'
   */
  host?: string
  /** 0 takes a free one. @default 4951 */
  port?: number
  /** When given, every request over TCP must carry `Authorization: Bearer TOKEN`. @default none */
  token?: string
  /** Host names (no ports) clients may use besides loopback's and `host`. Without loopback any is allowed: the token guards. @default [] */
  allowedHosts?: readonly string[]
  /** Host names (no ports) of web pages that may call, besides loopback's. @default [] */
  allowedOrigins?: readonly string[]
  /** A request gets this long unless its `_meta["vsmcp/timeoutMs"]` asks for another time, up to an hour. @default 60_000 */
  requestTimeoutMs?: number
  /** Connections open at once; beyond, the one idle for longest is closed. @default 2_048 */
  connectionsMax?: number
  /** Sessions of the legacy era; beyond, the one unused for longest is ended. @default 10_000 */
  sessionsMax?: number
  /** A legacy session without a request or an open stream for this long is ended. @default 86_400_000 */
  sessionIdleMs?: number
  /** Entries of a list per page. @default 1_000 */
  pageLengthMax?: number
}

/** Ids of legacy sessions. */
export interface SessionIds {
  /** One that cannot be guessed, and was never made before. */
  make(): string
  /** For an id that this gateway does not hold: the member that made it; undefined for a forgery. */
  ownerOf(id: string): string | undefined
}

export interface GatewayComponents {
  router: GatewayRouter
  /** @default random ids, which tell nobody whose they are */
  sessionIds?: SessionIds
  clock: Clock
  logger: Logger
}

export interface GatewayStats {
  readonly connections: number
  readonly sessions: number
  readonly subscriptions: number
  readonly inFlight: number
}

/** The MCP endpoint of a node. */
export interface Gateway extends Startable {
  /** Such as `http://127.0.0.1:4951/mcp`; throws before `start`. */
  url(): string
  /**
   * Serves a request that came another way, such as the control socket: no check of host, origin and token, since who can
   * open the socket may do all. Works between `start` and `stop`.
   */
  handle(request: IncomingMessage, response: ServerResponse): void
  stats(): GatewayStats
}

export interface StdioInit extends GatewayIdentity {
  stdin: Readable
  stdout: Writable
  /** Usually a `RemoteRouter` to the running node; a node's own router works, too. */
  backend: GatewayRouter
  /** @default 60_000 */
  requestTimeoutMs?: number
  /** @default 1_000 */
  pageLengthMax?: number
  /** Ends the service as if stdin had ended. */
  signal?: AbortSignal
}

export interface StdioComponents {
  clock: Clock
  /** Must not write to stdout. */
  logger: Logger
}

export interface RemoteRouterInit {
  /** Path of a node's control socket. Either this or `url`. */
  socketPath?: string
  /** Address of a node's MCP endpoint, such as `http://127.0.0.1:4951/mcp`. */
  url?: string
  /** Bearer token, if the endpoint asks for one. */
  token?: string
}

export interface RemoteRouterComponents {
  clock: Clock
  random: Random
  logger: Logger
}

/**
 * A `GatewayRouter` over another node's MCP endpoint, in the modern era: it keeps a copy of the listing, told by
 * `subscriptions/listen` when to read it again, and finds the node again after a restart.
 */
export interface RemoteRouter extends GatewayRouter, Startable {
  /** Rejects with `NodeUnreachableError` when no node answers. */
  start(): Promise<void>
}
