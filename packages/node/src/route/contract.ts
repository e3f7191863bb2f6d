import type { PeerIdString, UnitName } from '@vsmcp/kernel'

export interface ToolView {
  /** The name in `tools/list`. */
  name: string
  /** `unit__tool`: works always. */
  qualifiedName: string
  unit: UnitName
  node: PeerIdString
  nodeName: string
  title?: string
  description?: string
  readOnly: boolean
}

export interface ToolCallRequest {
  tool: string
  args: Record<string, unknown>
  timeoutMs: number
  signal?: AbortSignal
  onProgress?: (progress: { progress: number; total?: number; message?: string }) => void
}

export interface ToolCallAnswer {
  /** The server's `CallToolResult`, as it came. */
  result: Record<string, unknown>
  isError: boolean
  /** Why the unit did not answer, when what it declared for that stands in for its answer. */
  synthetic?: string
  unit: UnitName
  node: PeerIdString
  nodeName: string
  latencyMs: number
}
