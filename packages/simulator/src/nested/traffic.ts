/** What is sent for: each is counted by itself. */
export const PURPOSES = ['membership', 'consensus', 'reports', 'records', 'offers', 'calls'] as const
export type Purpose = (typeof PURPOSES)[number]

/** Bytes of a frame around its payload: length, plane and number. */
const FRAME_BYTES = 8

/** What every node sends, counted. */
export class Traffic {
  readonly #nodes: number
  readonly #messages: Readonly<Record<Purpose, Float64Array>>
  readonly #bytes: Readonly<Record<Purpose, Float64Array>>

  constructor(nodes: number) {
    this.#nodes = nodes
    const counters = (): Readonly<Record<Purpose, Float64Array>> =>
      Object.fromEntries(PURPOSES.map((purpose) => [purpose, new Float64Array(nodes)])) as Record<Purpose, Float64Array>
    this.#messages = counters()
    this.#bytes = counters()
  }

  count(node: number, purpose: Purpose, bytes: number): void {
    const [messages, sizes] = [this.#messages[purpose], this.#bytes[purpose]]
    messages[node] = (messages[node] ?? 0) + 1
    sizes[node] = (sizes[node] ?? 0) + bytes + FRAME_BYTES
  }

  reset(): void {
    for (const purpose of PURPOSES) {
      this.#messages[purpose].fill(0)
      this.#bytes[purpose].fill(0)
    }
  }

  /** Messages, and bytes, of each node. */
  byNode(what: 'messages' | 'bytes', purposes: readonly Purpose[] = PURPOSES): number[] {
    const counters = what === 'messages' ? this.#messages : this.#bytes
    return Array.from({ length: this.#nodes }, (_, node) =>
      purposes.reduce((sum, purpose) => sum + (counters[purpose][node] ?? 0), 0),
    )
  }
}
