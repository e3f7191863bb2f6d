import { BusyError, type Clock, type Timer, type UnitLimits } from '@vsmcp/kernel'
import { RATE_BURST_MS, WORK_TIME_WEIGHT } from './constants.ts'
import { FairQueue } from './fair-queue.ts'
import { TokenBucket } from './token-bucket.ts'

export interface BulkheadInit {
  name: string
  inFlightMax: number
  queueLengthMax: number
  clock: Clock
}

/** Who waits for a place. */
export interface Waiter {
  readonly caller: string
  /** Milliseconds until nobody waits for it any more. */
  readonly leftMs: number
  /** The place is taken. */
  onPlace(): void
  /** Its place in the queue was given to a caller who waits for less. */
  onRefused(busy: BusyError): void
}

/** Milliseconds since the beginning; see `UnitCounters`. */
export interface Occupancy {
  readonly busyMs: number
  readonly workMs: number
  readonly waitMs: number
  readonly inFlight: number
  readonly queued: number
}

const SAFE = 'Nothing was sent. Try again in a moment, or attach the server on more nodes.'

/**
 * Bounds what one server is given at once and per second, so that a slow one holds neither memory nor callers of others (M. Nygard,
 * "Release It!"). The bounds are System 3's grant. Callers wait in turn; who cannot be reached in time is told so at once.
 *
 * Own, because libraries (cockatiel's bulkhead) wrap each call in promises of their own, have bounds fixed at construction and one
 * queue for all.
 */
export class Bulkhead {
  readonly #init: BulkheadInit
  readonly #clock: Clock
  readonly #waiting = new FairQueue<Waiter>()
  #limits: UnitLimits
  #bucket: TokenBucket | undefined
  #timer: Timer | undefined
  #inFlight = 0
  #atMs: number
  #busyMs = 0
  #workMs = 0
  #waitMs = 0
  #meanWorkMs: number | undefined

  constructor(init: BulkheadInit) {
    this.#init = init
    this.#clock = init.clock
    this.#limits = { concurrency: init.inFlightMax, ratePerS: null }
    this.#atMs = init.clock.monotonicMs()
  }

  get inFlight(): number {
    return this.#inFlight
  }

  get queued(): number {
    return this.#waiting.length
  }

  get limits(): UnitLimits {
    return this.#limits
  }

  get occupancy(): Occupancy {
    this.#pass(this.#clock.monotonicMs())
    const { inFlight, queued } = this
    return { busyMs: this.#busyMs, workMs: this.#workMs, waitMs: this.#waitMs, inFlight, queued }
  }

  /** Bounds from now on, within those it was made with. Nothing in work is stopped. */
  limit({ concurrency, ratePerS }: UnitLimits): void {
    this.#limits = { concurrency: Math.max(1, Math.min(Math.floor(concurrency), this.#init.inFlightMax)), ratePerS }
    if (ratePerS !== (this.#bucket?.ratePerS ?? null)) {
      this.#bucket = ratePerS === null ? undefined : new TokenBucket(ratePerS, RATE_BURST_MS, this.#clock.monotonicMs())
    }
    this.#admit(this.#clock.monotonicMs())
  }

  /**
   * Takes a place if one is free and nobody waits.
   * @param nowMs by the clock it was made with, which whoever comes has just read: the hot path reads it as rarely as can be
   */
  tryEnter(nowMs: number): boolean {
    if (this.#inFlight >= this.#limits.concurrency || this.#waiting.length > 0) return false
    if (this.#bucket !== undefined && this.#bucket.take(nowMs) > 0) return false
    this.#pass(nowMs)
    this.#inFlight++
    return true
  }

  /**
   * Waits for a place.
   * @returns a function that gives up waiting
   * @throws `BusyError` when the queue is full, or longer than the caller has time
   */
  wait(waiter: Waiter, nowMs: number): () => void {
    const { name, queueLengthMax } = this.#init
    const { caller } = waiter
    const expectedMs = this.#expectedWaitMs()
    if (expectedMs > waiter.leftMs) {
      const [expected, left] = [expectedMs, waiter.leftMs].map(Math.round)
      throw this.#busy(`unit ${name} would begin with it in some ${expected} ms, and it has ${left} ms left`)
    }
    if (this.#waiting.length >= queueLengthMax) {
      const displaced = this.#waiting.makeRoomFor(caller)
      if (displaced === undefined) throw this.#full()
      displaced.onRefused(this.#full())
    }
    this.#pass(nowMs)
    this.#waiting.push(caller, waiter)
    // With a place free it is the rate that it waits for.
    if (this.#inFlight < this.#limits.concurrency) this.#admit(nowMs)
    return () => {
      this.#pass(this.#clock.monotonicMs())
      this.#waiting.remove(caller, waiter)
    }
  }

  /** @param workMs how long the place was held, unless it was not used */
  leave(nowMs: number, workMs?: number): void {
    this.#pass(nowMs)
    this.#inFlight--
    if (workMs !== undefined) {
      const mean = this.#meanWorkMs ?? workMs
      this.#meanWorkMs = mean + (workMs - mean) * WORK_TIME_WEIGHT
    }
    if (this.#waiting.length > 0) this.#admit(nowMs)
  }

  /** Gives free places to those who wait, as far as the rate allows. */
  #admit(nowMs: number): void {
    while (this.#inFlight < this.#limits.concurrency && this.#waiting.length > 0) {
      const waitMs = this.#bucket?.take(nowMs) ?? 0
      if (waitMs > 0) {
        this.#timer?.cancel()
        this.#timer = this.#clock.after(Math.ceil(waitMs), () => this.#admit(this.#clock.monotonicMs()))
        return
      }
      this.#pass(nowMs)
      this.#inFlight++
      this.#waiting.shift()?.onPlace()
    }
  }

  /** Little's law with what was measured: so long until a newcomer's turn, if all lines were one. */
  #expectedWaitMs(): number {
    const ahead = this.#waiting.length + 1
    const byWork = ((this.#meanWorkMs ?? 0) * ahead) / this.#limits.concurrency
    const byRate = this.#limits.ratePerS === null ? 0 : ((ahead - 1) * 1_000) / this.#limits.ratePerS
    return Math.max(this.#inFlight < this.#limits.concurrency ? 0 : byWork, byRate)
  }

  /** Brings the sums to now. */
  #pass(nowMs: number): void {
    // What ends within what begins may have been told a later time already.
    const passedMs = Math.max(0, nowMs - this.#atMs)
    this.#atMs += passedMs
    if (this.#inFlight > 0) {
      this.#busyMs += passedMs
      this.#workMs += passedMs * this.#inFlight
    }
    if (this.#waiting.length > 0) this.#waitMs += passedMs * this.#waiting.length
  }

  #full(): BusyError {
    const { name, queueLengthMax } = this.#init
    return this.#busy(`unit ${name} has ${this.#inFlight} requests in work and ${queueLengthMax} waiting`)
  }

  #busy(message: string): BusyError {
    const { name } = this.#init
    return new BusyError(message, { hint: SAFE, details: { unit: name, inFlight: this.#inFlight, queued: this.queued } })
  }
}
