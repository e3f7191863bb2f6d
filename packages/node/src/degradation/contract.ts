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
}
