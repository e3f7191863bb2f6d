import type { Clock } from '@vsmcp/kernel'
import type { Era } from '../contract.ts'
import type { Call } from './call.ts'
import { FIRST_REQUEST_ID, LAST_REQUEST_ID, UNRELATED_AFTER_GIVING_UP_MS } from './constants.ts'
import type { Incoming } from './incoming.ts'

/** The calls of one connection that wait for an answer, by the id they have on the wire. */
export class PendingCalls {
  readonly #clock: Clock
  readonly #calls = new Map<number, Call>()
  #nextId = FIRST_REQUEST_ID
  #gaveUpMs = Number.NEGATIVE_INFINITY

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** An id that no call waiting has. */
  newId(): number {
    do this.#nextId = this.#nextId >= LAST_REQUEST_ID ? FIRST_REQUEST_ID : this.#nextId + 1
    while (this.#calls.has(this.#nextId))
    return this.#nextId
  }

  /** Whether an id or a progress token is of our range, not the SDK's. */
  isOurs(id: unknown): id is number {
    return typeof id === 'number' && id >= FIRST_REQUEST_ID
  }

  add(call: Call): void {
    this.#calls.set(call.id, call)
  }

  remove(call: Call): void {
    this.#calls.delete(call.id)
  }

  get(id: unknown): Call | undefined {
    return this.#calls.get(id as number)
  }

  take(id: unknown): Call | undefined {
    const call = this.#calls.get(id as number)
    if (call !== undefined) this.#calls.delete(call.id)
    return call
  }

  /** Somebody stopped waiting, but the server may go on and speak of it. */
  gaveUp(call: Call): void {
    this.#calls.delete(call.id)
    this.#gaveUpMs = this.#clock.monotonicMs()
  }

  /**
   * The call a log message surely belongs to, if there is one. On a pipe nothing says it, so it is the only call that can
   * have caused it: of a modern server the only one that asked for logs, of a legacy one the only one at all. One caller's
   * logs must not get to another.
   */
  callOfLogMessage(era: Era): Call | undefined {
    if (this.#clock.monotonicMs() - this.#gaveUpMs < UNRELATED_AFTER_GIVING_UP_MS) return undefined
    let found: Call | undefined
    for (const call of this.#calls.values()) {
      if (era === 'modern' && call.logLevel === undefined) continue
      if (found !== undefined) return undefined
      found = call
    }
    return found?.logLevel === undefined ? undefined : found
  }

  /** A progress notification names its call by the token. */
  callOfProgress(incoming: Extract<Incoming, { kind: 'notification' }>): Call | undefined {
    return this.get(incoming.params['progressToken'])
  }

  failAll(why: string): void {
    const calls = [...this.#calls.values()]
    this.#calls.clear()
    for (const call of calls) call.fail('died', why)
  }
}
