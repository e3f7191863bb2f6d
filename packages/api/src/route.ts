import type { NodeControl, ToolCallRequest } from '@vsmcp/node'
import type { z } from 'zod'
import type { Endpoint } from './endpoints.ts'

/** What a route may use besides its input. */
interface RouteContext {
  /** Aborts when the client goes away before it has its answer. */
  signal: AbortSignal
  /** Sends a progress line, where the client listens for them. */
  progress: NonNullable<ToolCallRequest['onProgress']>
}

/** One endpoint with its schemas, its errors and what it does: the one table behind server, client and OpenAPI. */
export interface Route<I extends z.ZodType = z.ZodType, O extends z.ZodType = z.ZodType> extends Endpoint {
  input: I
  /** Of the answer; of each line for an `ndjson` endpoint. */
  output: O
  /** Of the progress lines of a `progress` endpoint. */
  progress?: z.ZodType
  /** Codes that callers may meet and tell apart; any endpoint may also give those of `COMMON_ERRORS`. */
  errors: readonly string[]
  run(control: NodeControl, input: z.output<I>, context: RouteContext): Promise<z.input<O>> | AsyncIterable<z.input<O>>
}

/** A route whose own types are not of interest. */
export type AnyRoute = Endpoint & {
  input: z.ZodType
  output: z.ZodType
  progress?: z.ZodType
  errors: readonly string[]
  run(control: NodeControl, input: never, context: RouteContext): Promise<unknown> | AsyncIterable<unknown>
}

/** Any endpoint may give these. */
export const COMMON_ERRORS: readonly string[] = [
  'VSMCP_API_BAD_REQUEST',
  'VSMCP_API_TOO_LARGE',
  'VSMCP_INTERNAL',
  'VSMCP_INVALID_ARGUMENT',
  'VSMCP_STOPPED',
]

/** Checks a route, and keeps its own types. */
export const route = <I extends z.ZodType, O extends z.ZodType>(definition: Route<I, O>): Route<I, O> => definition

/** The answer of what has nothing to tell but that it is done. */
export const finished = async (work: Promise<void>): Promise<{ done: true }> => {
  await work
  return { done: true }
}
