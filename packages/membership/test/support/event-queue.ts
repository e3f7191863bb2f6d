interface Event {
  readonly atMs: number
  /** Of equal times the urgent come first, then those planned first. */
  readonly order: number
  readonly run: () => void
}

/** What happens when, in a simulation: a binary heap and a clock that jumps from one event to the next. */
export class EventQueue {
  readonly #heap: Event[] = []
  #order = 0
  #nowMs = 0

  get nowMs(): number {
    return this.#nowMs
  }

  after(delayMs: number, run: () => void): void {
    this.at(this.#nowMs + delayMs, run)
  }

  at(atMs: number, run: () => void, isUrgent = false): void {
    const event = { atMs, order: this.#order++ - (isUrgent ? Number.MAX_SAFE_INTEGER / 2 : 0), run }
    let place = this.#heap.push(event) - 1
    while (place > 0) {
      const above = (place - 1) >> 1
      const parent = this.#heap[above]
      if (parent === undefined || isBefore(parent, event)) break
      this.#heap[place] = parent
      place = above
    }
    this.#heap[place] = event
  }

  runUntil(atMs: number): void {
    for (let first = this.#heap[0]; first !== undefined && first.atMs <= atMs; first = this.#heap[0]) {
      this.#removeFirst()
      this.#nowMs = first.atMs
      first.run()
    }
    this.#nowMs = atMs
  }

  #removeFirst(): void {
    const last = this.#heap.pop()
    if (last === undefined || this.#heap.length === 0) return
    let place = 0
    for (;;) {
      const left = this.#heap[2 * place + 1]
      const right = this.#heap[2 * place + 2]
      const child = left !== undefined && right !== undefined && isBefore(right, left) ? right : left
      if (child === undefined || !isBefore(child, last)) break
      this.#heap[place] = child
      place = 2 * place + (child === right ? 2 : 1)
    }
    this.#heap[place] = last
  }
}

function isBefore(a: Event, b: Event): boolean {
  return a.atMs < b.atMs || (a.atMs === b.atMs && a.order < b.order)
}
