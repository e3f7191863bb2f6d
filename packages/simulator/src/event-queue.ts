interface Event {
  readonly atMs: number
  /** Of two at the same time the one asked for first comes first: the order never depends on the heap. */
  readonly order: number
  readonly run: () => void
}

/** What is still to happen, in order of time: a binary heap. */
export class EventQueue {
  readonly #heap: Event[] = []
  #order = 0

  get size(): number {
    return this.#heap.length
  }

  /** When the next one is; `undefined` when nothing is to come. */
  get nextAtMs(): number | undefined {
    return this.#heap[0]?.atMs
  }

  add(atMs: number, run: () => void): void {
    const event: Event = { atMs, order: this.#order++, run }
    const heap = this.#heap
    let at = heap.length
    heap.push(event)
    while (at > 0) {
      const parent = (at - 1) >> 1
      const above = heap[parent]
      if (above === undefined || !before(event, above)) break
      heap[at] = above
      at = parent
    }
    heap[at] = event
  }

  take(): Event | undefined {
    const heap = this.#heap
    const first = heap[0]
    const last = heap.pop()
    if (last !== undefined && heap.length > 0) this.#sink(last)
    return first
  }

  #sink(event: Event): void {
    const heap = this.#heap
    let at = 0
    for (;;) {
      let child = 2 * at + 1
      let next = heap[child]
      if (next === undefined) break
      const right = heap[child + 1]
      if (right !== undefined && before(right, next)) {
        child++
        next = right
      }
      if (before(event, next)) break
      heap[at] = next
      at = child
    }
    heap[at] = event
  }
}

function before(a: Event, b: Event): boolean {
  return a.atMs < b.atMs || (a.atMs === b.atMs && a.order < b.order)
}
