import type { MessagePort } from 'node:worker_threads'
import { z } from 'zod'
import { THREAD_MEMORY_MAX_MB, THREAD_MEMORY_MIN_MB, THREADS_MAX, TOOLS_MAX } from './constants.ts'

/** What a tool is given besides its arguments. docs/workers.md says it for authors. */
export interface WorkerContext {
  /** Aborts when the call is cancelled or its time is over, as soon as the tool lets its event loop turn. */
  readonly signal: AbortSignal
  /** The same, for a loop that does not: looks at once. */
  readonly isCancelled: () => boolean
  /** Tells whoever waits how far it is. */
  readonly progress: (progress: number, total?: number, message?: string) => void
}

/** A tool of a worker module. */
export interface WorkerTool extends WorkerToolDefinition {
  handler(args: Readonly<Record<string, unknown>>, context: WorkerContext): unknown
}

export interface WorkerToolDefinition {
  readonly name: string
  readonly title?: string | undefined
  readonly description?: string | undefined
  /** JSON Schema of the arguments. @default any object */
  readonly inputSchema?: Readonly<Record<string, unknown>> | undefined
  /** JSON Schema of what the tool returns, which then is an object. */
  readonly outputSchema?: Readonly<Record<string, unknown>> | undefined
  readonly annotations?: Readonly<Record<string, unknown>> | undefined
}

const schema = z.record(z.string(), z.unknown())

/** What the module says of its tools. Such schemas are checked by the SDK when a tool is registered. */
export const definitionsSchema = z
  .array(
    z.object({
      name: z.string().min(1).max(128),
      title: z.string().optional(),
      description: z.string().optional(),
      inputSchema: schema.optional(),
      outputSchema: schema.optional(),
      annotations: z
        .object({
          title: z.string().optional(),
          readOnlyHint: z.boolean().optional(),
          destructiveHint: z.boolean().optional(),
          idempotentHint: z.boolean().optional(),
          openWorldHint: z.boolean().optional(),
        })
        .optional(),
    }),
  )
  .min(1)
  .max(TOOLS_MAX)

/** How the process is told what to run: one argument, JSON. */
export const hostOptionsSchema = z.strictObject({
  /** Absolute path. */
  module: z.string().min(1),
  threads: z.int().min(1).max(THREADS_MAX),
  threadMemoryMb: z.int().min(THREAD_MEMORY_MIN_MB).max(THREAD_MEMORY_MAX_MB),
})
export type HostOptions = z.infer<typeof hostOptionsSchema>

/** One call, as it goes to a thread. */
export interface WorkerCall {
  readonly module: string
  readonly tool: string
  readonly args: Readonly<Record<string, unknown>>
  /** Brings the cancellation, takes progress. */
  readonly port: MessagePort
}

/** How a call ended: the JSON of a result of MCP, or what the tool threw, by its message. */
export type WorkerOutcome = { readonly json: string } | { readonly failed: string }

export interface WorkerProgress {
  readonly progress: number
  readonly total?: number
  readonly message?: string
}
