/**
 * When to write what comes in a turn of the event loop. The first of a turn goes out when the callback that made it ends
 * (`nextTick`): one alone waits for nobody. What other callbacks of the same turn add, such as the requests of many sockets
 * that became readable together, goes out in one write at the turn's end (`setImmediate`): a write each would wake the
 * other process each time.
 */
export class TurnFlush {
  readonly #flush: () => void
  #isScheduled = false
  /** Something was written in this turn, or is about to be. */
  #hasFlushed = false

  constructor(flush: () => void) {
    this.#flush = flush
  }

  schedule(): void {
    if (this.#isScheduled) return
    this.#isScheduled = true
    if (this.#hasFlushed) return
    this.#hasFlushed = true
    process.nextTick(() => this.#run())
    setImmediate(() => {
      this.#hasFlushed = false
      if (this.#isScheduled) this.#run()
    })
  }

  #run(): void {
    this.#isScheduled = false
    this.#flush()
  }
}
