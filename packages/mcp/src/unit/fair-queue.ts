/**
 * Waiting lines, one per caller, served in turn: who sends much waits behind itself, not before others (J. Nagle, RFC 970,
 * "On packet switches with infinite storage").
 */
export class FairQueue<T> {
  readonly #lines = new Map<string, Set<T>>()
  #length = 0

  get length(): number {
    return this.#length
  }

  push(caller: string, item: T): void {
    const line = this.#lines.get(caller)
    if (line === undefined) this.#lines.set(caller, new Set([item]))
    else line.add(item)
    this.#length++
  }

  /** The first of the line whose turn it is. */
  shift(): T | undefined {
    const [next] = this.#lines
    if (next === undefined) return undefined
    const [caller, line] = next
    const [item] = line
    this.#lines.delete(caller)
    if (item === undefined) return undefined
    line.delete(item)
    this.#length--
    if (line.size > 0) this.#lines.set(caller, line)
    return item
  }

  remove(caller: string, item: T): void {
    const line = this.#lines.get(caller)
    if (line?.delete(item) !== true) return
    this.#length--
    if (line.size === 0) this.#lines.delete(caller)
  }

  /** Takes out the newest of the longest line, should that line be longer than this caller's with one more. */
  makeRoomFor(caller: string): T | undefined {
    let longest: [string, Set<T>] | undefined
    for (const entry of this.#lines) if (entry[1].size > (longest?.[1].size ?? 0)) longest = entry
    if (longest === undefined || longest[1].size <= (this.#lines.get(caller)?.size ?? 0) + 1) return undefined
    const newest = [...longest[1]].at(-1)
    if (newest !== undefined) this.remove(longest[0], newest)
    return newest
  }
}
