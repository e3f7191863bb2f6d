import { BusyError } from '@vsmcp/kernel'

export interface BulkheadInit {
  name: string
  inFlightMax: number
  queueLengthMax: number
}

/**
 * Bounds what one server is given at once, so that a slow one holds neither memory nor callers of others. First come,
 * first served.
 */
export class Bulkhead {
  readonly #init: BulkheadInit
  readonly #waiting = new Set<() => void>()
  #inFlight = 0

  constructor(init: BulkheadInit) {
    this.#init = init
  }

  get inFlight(): number {
    return this.#inFlight
  }

  get queued(): number {
    return this.#waiting.size
  }

  /** Takes a place if one is free and nobody waits. */
  tryEnter(): boolean {
    if (this.#inFlight >= this.#init.inFlightMax || this.#waiting.size > 0) return false
    this.#inFlight++
    return true
  }

  /**
   * Waits for a place; `onPlace` is called with it taken.
   * @returns a function that gives up waiting
   * @throws `BusyError` when the queue is full
   */
  wait(onPlace: () => void): () => void {
    const { name, queueLengthMax, inFlightMax } = this.#init
    if (this.#waiting.size >= queueLengthMax) {
      throw new BusyError(`unit ${name} has ${inFlightMax} requests in work and ${queueLengthMax} waiting`, {
        hint: 'Nothing was sent. Try again in a moment, or attach the server on more nodes.',
        details: { unit: name, inFlight: this.#inFlight, queued: this.#waiting.size },
      })
    }
    const entry = (): void => onPlace()
    this.#waiting.add(entry)
    return () => this.#waiting.delete(entry)
  }

  leave(): void {
    const [next] = this.#waiting
    if (next === undefined) {
      this.#inFlight--
      return
    }
    this.#waiting.delete(next)
    next()
  }
}
