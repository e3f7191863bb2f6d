interface Item<K> {
  readonly key: K
  atMs: number
  order: number
}

/** What is due when, one time a key: a binary heap, so that setting, dropping and taking cost O(log n). Of equal times the one set first comes first. */
export class Agenda<K> {
  readonly #heap: Item<K>[] = []
  readonly #places = new Map<K, number>()
  #order = 0

  set(key: K, atMs: number): void {
    const place = this.#places.get(key)
    const item = place === undefined ? undefined : this.#heap[place]
    if (place === undefined || item === undefined) {
      this.#put({ key, atMs, order: this.#order++ }, this.#heap.length)
      this.#rise(this.#heap.length - 1)
      return
    }
    if (item.atMs === atMs) return
    item.atMs = atMs
    item.order = this.#order++
    this.#sink(this.#rise(place))
  }

  delete(key: K): void {
    const place = this.#places.get(key)
    if (place === undefined) return
    this.#places.delete(key)
    const last = this.#heap.pop()
    if (last === undefined || last.key === key) return
    this.#put(last, place)
    this.#sink(this.#rise(place))
  }

  has(key: K): boolean {
    return this.#places.has(key)
  }

  nextAtMs(): number | undefined {
    return this.#heap[0]?.atMs
  }

  /** Removes and gives what has been due longest, if anything is. */
  take(nowMs: number): K | undefined {
    const first = this.#heap[0]
    if (first === undefined || first.atMs > nowMs) return undefined
    this.delete(first.key)
    return first.key
  }

  #put(item: Item<K>, place: number): void {
    this.#heap[place] = item
    this.#places.set(item.key, place)
  }

  #isBefore(a: Item<K>, b: Item<K>): boolean {
    return a.atMs < b.atMs || (a.atMs === b.atMs && a.order < b.order)
  }

  #rise(from: number): number {
    let place = from
    for (;;) {
      const above = (place - 1) >> 1
      const item = this.#heap[place]
      const parent = this.#heap[above]
      if (place === 0 || item === undefined || parent === undefined || !this.#isBefore(item, parent)) return place
      this.#put(item, above)
      this.#put(parent, place)
      place = above
    }
  }

  #sink(from: number): void {
    let place = from
    for (;;) {
      const item = this.#heap[place]
      const left = this.#heap[2 * place + 1]
      const right = this.#heap[2 * place + 2]
      if (item === undefined || left === undefined) return
      const [child, below] = right !== undefined && this.#isBefore(right, left) ? [right, 2 * place + 2] : [left, 2 * place + 1]
      if (!this.#isBefore(child, item)) return
      this.#put(item, below)
      this.#put(child, place)
      place = below
    }
  }
}

/** The first of these times; undefined when there is none. */
export function earliest(...times: readonly (number | undefined)[]): number | undefined {
  let first: number | undefined
  for (const time of times) if (time !== undefined && (first === undefined || time < first)) first = time
  return first
}
