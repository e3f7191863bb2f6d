import { BREAKER_DEADLINE_MIN_MS, BREAKER_FAILURES_MAX } from './constants.ts'

/**
 * Circuit breaker of one connection (M. Nygard, "Release It!"). Own, because libraries (cockatiel, opossum) wrap each call
 * and send a user's call to find out whether a server is back; here the hot path pays one comparison, and the finding
 * out is done with a ping of our own: nobody's call is the guinea pig. Connecting has the supervisor's back-off for a breaker.
 */
export class Breaker {
  readonly #onTrip: () => void
  #failures = 0
  #isOpen = false

  constructor(onTrip: () => void) {
    this.#onTrip = onTrip
  }

  get isOpen(): boolean {
    return this.#isOpen
  }

  /** The server answered, be it with an error: it works. */
  answered(): void {
    this.#failures = 0
  }

  /** @param deadlineMs how long the call could have taken; a short wait says nothing about the server */
  timedOut(deadlineMs: number): void {
    if (deadlineMs >= BREAKER_DEADLINE_MIN_MS) this.broke()
  }

  /** The transport failed. */
  broke(): void {
    if (this.#isOpen || ++this.#failures < BREAKER_FAILURES_MAX) return
    this.#isOpen = true
    this.#onTrip()
  }

  close(): void {
    this.#failures = 0
    this.#isOpen = false
  }
}
