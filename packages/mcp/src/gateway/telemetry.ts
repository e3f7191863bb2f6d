import { channel } from 'node:diagnostics_channel'
import type { Era } from '../contract.ts'

/** Published on `vsmcp:mcp:tool_invocation` when a call of a tool has ended, if anybody listens. */
export interface ToolInvocation {
  readonly tool: string
  readonly era: Era
  readonly durationMs: number
  /** `ok`, `tool-error` (the tool answered that it failed), `error` (no answer of the tool) or `cancelled`. */
  readonly outcome: 'ok' | 'tool-error' | 'error' | 'cancelled'
  /** JSON-RPC code of an `error`. */
  readonly code?: number
  readonly traceparent?: string
}

export const toolInvocations = channel('vsmcp:mcp:tool_invocation')
