import type { IncomingCall, PeerIdString } from '@vsmcp/kernel'
import { ConnectionEndedError } from './errors.ts'

export interface ServedCallHost {
  sendProgress(call: ServedCall, payload: Uint8Array): Promise<void>
}

/** A request being served, as its handler sees it. The abort controller exists only if the handler asks for the signal. */
export class ServedCall implements IncomingCall {
  readonly id: number
  readonly peer: PeerIdString
  readonly payload: Uint8Array
  readonly deadlineMs: number
  /** Monotonic milliseconds. */
  readonly dueMs: number
  /** Number of the next frame of its answer. */
  sequence = 0
  #over = false
  #reason: Error | undefined
  #controller: AbortController | undefined
  readonly #host: ServedCallHost

  constructor(host: ServedCallHost, id: number, peer: PeerIdString, payload: Uint8Array, deadlineMs: number, nowMs: number) {
    this.#host = host
    this.id = id
    this.peer = peer
    this.payload = payload
    this.deadlineMs = deadlineMs
    this.dueMs = nowMs + deadlineMs
  }

  /** Whether nobody waits for the answer any more, or it was given. */
  get over(): boolean {
    return this.#over
  }

  get signal(): AbortSignal {
    if (this.#controller === undefined) {
      this.#controller = new AbortController()
      if (this.#reason !== undefined) this.#controller.abort(this.#reason)
    }
    return this.#controller.signal
  }

  /** Does nothing once the call is over: the signal has said so. */
  async progress(payload: Uint8Array): Promise<void> {
    if (!this.#over) await this.#host.sendProgress(this, payload)
  }

  abort(reason: Error): void {
    if (this.#over) return
    this.#over = true
    this.#reason = reason
    this.#controller?.abort(reason)
  }

  answered(): void {
    this.#over = true
  }
}

/** The requests one peer waits for on one plane, bounded in number and in bytes. */
export class ServedCalls {
  readonly #calls = new Map<number, ServedCall>()
  readonly #countMax: number
  readonly #bytesMax: number
  #bytes = 0

  constructor(countMax: number, bytesMax: number) {
    this.#countMax = countMax
    this.#bytesMax = bytesMax
  }

  get size(): number {
    return this.#calls.size
  }

  has(id: number): boolean {
    return this.#calls.has(id)
  }

  /** A single call may always be as large as a frame. */
  admits(bytes: number): boolean {
    return this.#calls.size < this.#countMax && (this.#bytes === 0 || this.#bytes + bytes <= this.#bytesMax)
  }

  add(call: ServedCall): void {
    this.#calls.set(call.id, call)
    this.#bytes += call.payload.byteLength
  }

  /** Its handler is done; until then it counts, even when nobody waits any more. */
  remove(call: ServedCall): void {
    if (this.#calls.delete(call.id)) this.#bytes -= call.payload.byteLength
  }

  abort(id: number, reason: Error): void {
    this.#calls.get(id)?.abort(reason)
  }

  abortAll(why: string): void {
    for (const call of this.#calls.values()) call.abort(new ConnectionEndedError(why))
  }

  sweep(nowMs: number): void {
    for (const call of this.#calls.values()) {
      if (call.dueMs <= nowMs) call.abort(new ConnectionEndedError('the deadline of the call has passed'))
    }
  }
}
