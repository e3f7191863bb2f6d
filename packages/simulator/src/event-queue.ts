import { Heap } from './heap.ts'

interface Event {
  readonly atMs: number
  /** Of two at the same time the one asked for first comes first: the order never depends on the heap. */
  readonly order: number
  readonly run: () => void
}

/** What is still to happen, in order of time. */
export class EventQueue {
  readonly #heap = new Heap<Event>(isBefore)
  #order = 0

  get size(): number {
    return this.#heap.size
  }

  /** When the next one is; `undefined` when nothing is to come. */
  get nextAtMs(): number | undefined {
    return this.#heap.first?.atMs
  }

  add(atMs: number, run: () => void): void {
    this.#heap.push({ atMs, order: this.#order++, run })
  }

  take(): Event | undefined {
    return this.#heap.pop()
  }
}

function isBefore(a: Event, b: Event): boolean {
  return a.atMs < b.atMs || (a.atMs === b.atMs && a.order < b.order)
}
