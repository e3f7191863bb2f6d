import {
  BusyError,
  type CallOptions,
  NotSentError,
  OutcomeUnknownError,
  type PeerIdString,
  RemoteError,
  TimeoutError,
  type VsmcpError,
} from '@vsmcp/kernel'
import { HELD_FRAMES_MAX } from './constants.ts'
import { MalformedFrameError } from './errors.ts'
import type { Failure, OutgoingFrame, RefusalReason } from './frame.ts'
import type { Lane } from './lane.ts'

/** What happened to a call, in the order the handler's frames were numbered. */
type Answer =
  | { readonly kind: 'progress'; readonly payload: Uint8Array }
  | { readonly kind: 'answer'; readonly payload: Uint8Array }
  | { readonly kind: 'failure'; readonly failure: Failure }

/** One request of ours that is not over. */
export interface PendingCall {
  readonly id: number
  readonly method: string
  readonly frame: OutgoingFrame
  readonly lane: Lane
  /** Monotonic milliseconds. */
  readonly dueMs: number
  readonly options: CallOptions
  readonly resolve: (payload: Uint8Array) => void
  readonly reject: (error: VsmcpError) => void
  /** Number of the next frame of its answer. */
  next: number
  /** Frames that overtook an earlier one on the other stream. */
  held: Map<number, Answer> | undefined
  onAbort: (() => void) | undefined
}

/**
 * The requests of this node that one peer owes an answer to, on one plane. Every way a call can end is here, and each
 * says whether the request may have been executed: `NotSentError` only when none of its bytes was handed on.
 */
export class PendingCalls {
  readonly #peer: PeerIdString
  readonly #onError: (error: unknown) => void
  readonly #calls = new Map<number, PendingCall>()
  #lastId = 0

  /** @param onError told what a caller's `onProgress` threw */
  constructor(peer: PeerIdString, onError: (error: unknown) => void) {
    this.#peer = peer
    this.#onError = onError
  }

  get size(): number {
    return this.#calls.size
  }

  nextId(): number {
    this.#lastId += 1
    return this.#lastId
  }

  add(call: PendingCall): void {
    this.#calls.set(call.id, call)
  }

  /** Frames of a call that is over are late, not wrong; those of a call never made are. */
  onProgress(id: number, sequence: number, payload: Uint8Array): void {
    this.#arrive(id, sequence, { kind: 'progress', payload })
  }

  onAnswer(id: number, sequence: number, payload: Uint8Array): void {
    this.#arrive(id, sequence, { kind: 'answer', payload })
  }

  onFailure(id: number, sequence: number, failure: Failure): void {
    this.#arrive(id, sequence, { kind: 'failure', failure })
  }

  onRefusal(id: number, reason: RefusalReason): void {
    const call = this.#find(id)
    if (call !== undefined) this.#end(call).reject(this.#refused(call, reason))
  }

  /** The caller gave up. @returns true when the peer has to be told */
  abort(call: PendingCall, reason: unknown): boolean {
    if (!this.#calls.has(call.id)) return false
    this.#end(call).reject(this.#lost(call, 'its caller cancelled it', reason))
    return call.frame.handed
  }

  /** Ends what is past its deadline. @returns what the peer has to be told about */
  sweep(nowMs: number): PendingCall[] {
    const cancelled: PendingCall[] = []
    for (const call of this.#calls.values()) {
      if (call.dueMs > nowMs) continue
      this.#end(call)
      if (call.frame.handed) cancelled.push(call)
      call.reject(this.#timedOut(call))
    }
    return cancelled
  }

  /** The connection or one of its streams ended: answers may be lost. */
  failAll(why: string): void {
    for (const call of this.#calls.values()) this.#end(call).reject(this.#lost(call, why))
  }

  #find(id: number): PendingCall | undefined {
    if (id > this.#lastId) throw new MalformedFrameError(`a frame answers request ${id}, which was never made`)
    return this.#calls.get(id)
  }

  #arrive(id: number, sequence: number, answer: Answer): void {
    const call = this.#find(id)
    if (call === undefined) return
    if (sequence < call.next) throw new MalformedFrameError(`frame ${sequence} of the answer to request ${id} came twice`)
    if (sequence > call.next) {
      hold(call, sequence, answer)
      return
    }
    this.#deliver(call, answer)
    for (let held = call.held?.get(call.next); held !== undefined; held = call.held?.get(call.next)) {
      call.held?.delete(call.next)
      this.#deliver(call, held)
    }
  }

  #deliver(call: PendingCall, answer: Answer): void {
    call.next += 1
    if (!this.#calls.has(call.id)) return
    if (answer.kind === 'progress') this.#report(call, answer.payload)
    else if (answer.kind === 'answer') this.#end(call).resolve(answer.payload)
    else this.#end(call).reject(remoteError(answer.failure))
  }

  #report(call: PendingCall, payload: Uint8Array): void {
    try {
      call.options.onProgress?.(payload)
    } catch (error) {
      this.#onError(error)
    }
  }

  #end(call: PendingCall): PendingCall {
    this.#calls.delete(call.id)
    call.lane.drop(call.frame)
    if (call.onAbort !== undefined) call.options.signal?.removeEventListener('abort', call.onAbort)
    return call
  }

  #lost(call: PendingCall, why: string, cause?: unknown): VsmcpError {
    const details = { peer: this.#peer, method: call.method }
    if (!call.frame.handed) {
      return new NotSentError(`${call.method} was not sent to ${this.#peer}: ${why}`, { details, cause })
    }
    return new OutcomeUnknownError(`${call.method} was sent to ${this.#peer}, its outcome is unknown: ${why}`, {
      details,
      cause,
      hint: 'Find out whether it was executed before repeating it.',
    })
  }

  #timedOut(call: PendingCall): VsmcpError {
    const details = { peer: this.#peer, method: call.method, deadlineMs: call.options.deadlineMs }
    if (!call.frame.handed) {
      return new NotSentError(
        `${call.method} was not sent to ${this.#peer}: it waited for ${call.options.deadlineMs} ms, its whole deadline`,
        { details },
      )
    }
    return new TimeoutError(`${call.method} got no answer from ${this.#peer} within ${call.options.deadlineMs} ms`, {
      details,
      hint: 'It may have been executed. Give it a longer deadline, or look at the load of that node.',
    })
  }

  #refused({ method }: PendingCall, reason: RefusalReason): VsmcpError {
    const details = { peer: this.#peer, method }
    if (reason === 'busy') return new BusyError(`${this.#peer} refused ${method}: too much in flight there`, { details })
    const why = reason === 'stopping' ? `${this.#peer} is stopping` : `${this.#peer} does not know ${method}`
    return new NotSentError(`${method} was not executed: ${why}`, { details })
  }
}

function hold(call: PendingCall, sequence: number, answer: Answer): void {
  call.held ??= new Map()
  if (call.held.has(sequence)) throw new MalformedFrameError(`frame ${sequence} of the answer to request ${call.id} came twice`)
  if (call.held.size >= HELD_FRAMES_MAX) throw new MalformedFrameError(`the answer to request ${call.id} has holes`)
  call.held.set(sequence, answer)
}

function remoteError({ code, message, hint }: Failure): RemoteError {
  return new RemoteError(code, message, hint === undefined ? {} : { hint })
}
