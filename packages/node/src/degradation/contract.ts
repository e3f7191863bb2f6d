/** How far a node has gone down the ladder: see docs/degradation.md. */
export interface DegradationView {
  step: 'normal' | 'cached' | 'reduced' | 'essential'
  /** When the step was taken. */
  since: string
  /** What asks for it, as phrases. */
  reasons: string[]
  /** Work that is not begun meanwhile. */
  paused: string[]
  /** Calls of units of this node that were refused since it serves only what is essential. */
  shed: number
  /** Calls that a declared answer was given for, because the unit could not be asked, since the node started. */
  synthetic: number
}

/** What stands in for the answer of a tool when its unit cannot be asked: a `CallToolResult`. */
export interface FallbackAnswer {
  content: { type: string; [field: string]: unknown }[]
  structuredContent?: Record<string, unknown>
  isError?: false
  _meta?: Record<string, unknown>
  [field: string]: unknown
}

/** By the tool's name as its server has it. */
export type FallbackAnswers = Record<string, FallbackAnswer>
