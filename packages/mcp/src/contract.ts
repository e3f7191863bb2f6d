import type { OperationalUnit, PeerIdString, Startable, UnitName } from '@vsmcp/kernel'

/**
 * `legacy`: revisions up to 2025-11-25 (`initialize`, sessions, requests from the server).
 * `modern`: 2026-07-28 (`server/discover`, `_meta` envelope per request, `resultType` in every result).
 */
export type Era = 'legacy' | 'modern'

/**
 * A request to an attached server. JSON travels as text: it is parsed once, at the unit, and spliced, never re-encoded.
 *
 * `paramsJson` is a JSON object, in the form a client of *either* era sends it. The unit owns the protocol part of
 * `params._meta` and brings it into the form its server's era needs:
 * - `progressToken` is replaced by one of the unit's own, and restored in the notifications handed back;
 * - `io.modelcontextprotocol/{protocolVersion,clientInfo,clientCapabilities}` are dropped, and for a modern server written anew;
 * - `io.modelcontextprotocol/logLevel` asks for log messages of that level and above (both eras; a legacy server gets
 *   `logging/setLevel` when needed). Without it no `notifications/message` is handed back;
 * - all else (`traceparent`, `tracestate`, `baggage`, a vendor's keys) passes as it is.
 */
export interface McpRequest {
  /** Such as `tools/call`, with the server's own names in the params, not the catalog's. */
  method: string
  paramsJson: string
  /** Milliseconds from now. Time spent in the unit's queue counts. */
  deadlineMs: number
  /** Aborting cancels at the server, too: `notifications/cancelled` (stdio, legacy HTTP) or the stream closed (modern HTTP). */
  signal?: AbortSignal
  /** Node that asks, for the unit's accounts and a fair queue. @default the unit's own node */
  caller?: PeerIdString
  /** Groups of the mesh that the request has come through, in order: a group that it finds again refuses it. @default none */
  via?: readonly string[]
  /** `notifications/progress` (needs a `progressToken`) and `notifications/message` of this request, in order, before the answer. */
  onNotification?: (method: string, paramsJson: string) => void
}

/**
 * The server's JSON-RPC answer as it is. `resultJson` is the text of `result`, untouched but for raw line breaks between
 * tokens, so that it fits on one line.
 * - `era: 'legacy'`: no `resultType`. For a modern client the gateway adds `"resultType":"complete"`, and for cacheable
 *   methods (`tools/list`, `prompts/list`, `resources/list`, `resources/templates/list`, `resources/read`,
 *   `server/discover`) `ttlMs` and `cacheScope`.
 * - `era: 'modern'`: has `resultType`: `"complete"`, or (`tools/call`, `prompts/get`, `resources/read`) `"input_required"`
 *   with `inputRequests` and/or `requestState`; may have `ttlMs`, `cacheScope`, and `_meta` with
 *   `io.modelcontextprotocol/serverInfo`. For a legacy client the gateway leaves `resultType`, `ttlMs` and `cacheScope` out.
 *
 * An `error` is an answer, too: the server understood and refused.
 */
export type McpReply =
  | { era: Era; resultJson: string }
  | { era: Era; error: { code: number; message: string; /** JSON text of `data`. */ dataJson?: string } }

/** A JSON object whose known part is typed and whose unknown part survives. */
export interface ToolDefinition {
  readonly name: string
  readonly title?: string
  readonly description?: string
  readonly inputSchema: Readonly<Record<string, unknown>>
  readonly outputSchema?: Readonly<Record<string, unknown>>
  readonly annotations?: {
    readonly title?: string
    readonly readOnlyHint?: boolean
    readonly destructiveHint?: boolean
    readonly idempotentHint?: boolean
    readonly openWorldHint?: boolean
  }
  readonly [more: string]: unknown
}

export interface ResourceDefinition {
  readonly uri: string
  readonly name: string
  readonly [more: string]: unknown
}

export interface ResourceTemplateDefinition {
  readonly uriTemplate: string
  readonly name: string
  readonly [more: string]: unknown
}

export interface PromptDefinition {
  readonly name: string
  readonly [more: string]: unknown
}

/** What a server offers, all pages, as it listed it. Plain JSON, at most 1 MiB as text. */
export interface Definitions {
  readonly tools: readonly ToolDefinition[]
  readonly resources: readonly ResourceDefinition[]
  readonly resourceTemplates: readonly ResourceTemplateDefinition[]
  readonly prompts: readonly PromptDefinition[]
  readonly serverInfo: { readonly name: string; readonly version: string; readonly [more: string]: unknown }
  readonly instructions?: string
  readonly era: Era
  readonly protocolVersion: string
  /** The server's capabilities as declared. */
  readonly capabilities: Readonly<Record<string, unknown>>
  /** Hex SHA-256 over `canonicalDefinitions(definitions)`: tools, resources, templates and prompts, not names and versions. */
  readonly digest: string
}

/** How to reach an MCP server. Never leaves its node. Values of `env` and `headers` may be `env:NAME` or `file:PATH`. */
export type UnitSource =
  | { kind: 'stdio'; command: string; args: readonly string[]; env: Readonly<Record<string, string>>; cwd: string }
  | {
      kind: 'worker'
      /** Path of the module whose tools it runs. */
      module: string
      threads: number
      /** Of each thread's heap, MiB. */
      threadMemoryMb: number
      env: Readonly<Record<string, string>>
      cwd: string
    }
  | { kind: 'http'; url: string; headers: Readonly<Record<string, string>> }
  /** A group of nodes, by its id: what it exports is called like a server's tools. */
  | { kind: 'group'; group: string }

export interface UnitSpec {
  name: UnitName
  source: UnitSource
  /** Until the tools are listed, each time the server starts. @default 30_000 */
  startTimeoutMs?: number
}

/**
 * `starting` → `ready` → (died) `backing-off` → `starting` …; `failed` after several fast failures in a row: still tried
 * again, at the longest back-off. `stopped` before `start` and after `stop`.
 */
export type UnitState = 'starting' | 'ready' | 'backing-off' | 'failed' | 'stopped'

/** Measured since the unit was made. Latencies are of answered requests, over the last 1,024. */
export interface UnitStats {
  readonly calls: number
  /** Requests without an answer and JSON-RPC error answers; a tool's own `isError` is an answer. */
  readonly errors: number
  readonly inFlight: number
  readonly queued: number
  /** Times the server was started again after it had run. */
  readonly restarts: number
  readonly latencyP50Ms: number | null
  readonly latencyP99Ms: number | null
}

/** A line the server wrote: on stderr, as `notifications/message` of no single call, or rubbish on stdout. */
export interface UnitLogLine {
  /** Milliseconds since the epoch. */
  readonly atMs: number
  readonly source: 'stderr' | 'message' | 'stdout'
  /** MCP's level for `message`; `info` for stderr, `warning` for rubbish on stdout. */
  readonly level: string
  readonly text: string
}

export interface UnitEvents extends Record<string, unknown> {
  state: { state: UnitState; reason?: string }
  definitions: Definitions
  log: UnitLogLine
  /** It stopped answering, or has shown that it answers: see `Unit.isSuspect`. */
  suspicion: { isSuspect: boolean }
}

/** System 1's unit, supervised: an attached MCP server, a worker pool, or a group below, which answers like one. */
export interface Unit extends OperationalUnit, Startable {
  /** The part of the spec that may be shown: never the command, the environment, the URL. */
  readonly kind: UnitSource['kind']
  readonly state: UnitState
  /** Ready, but calls go unanswered: its breaker is open, and nothing more is sent until it has shown that it answers. */
  readonly isSuspect: boolean
  /** Why it is not ready, for people. */
  readonly reason: string | undefined
  /** The last known; kept while the server restarts. */
  readonly definitions: Definitions | undefined
  /**
   * Resolves when definitions are known; rejects with `UnitStartError` (and holds nothing then) when the first start
   * fails or takes longer than `startTimeoutMs`.
   */
  start(): Promise<void>
  /**
   * Like `start` for a unit that is configured already: never rejects for a server that does not come up; it is tried
   * again as after a crash. Returns at once.
   */
  startInBackground(): void
  /**
   * Rejects with `NotSentError` (not ready, breaker open, died or cancelled or out of time before it was written: surely not executed),
   * `BusyError` (queue full, or too long for the deadline: not executed), `OutcomeUnknownError` (written, then no answer: died, deadline, cancelled;
   * `details.reason` is `died`, `deadline`, `cancelled` or `too-large`), or `InvalidArgumentError` (`paramsJson` is no JSON object).
   */
  request(request: McpRequest): Promise<McpReply>
  stats(): UnitStats
  /** The last lines of stderr, oldest first, bounded. */
  stderrTail(): readonly string[]
  /** @returns a function that ends the subscription */
  on<K extends keyof UnitEvents>(event: K, listener: (payload: UnitEvents[K]) => void): () => void
}
