import type { Stream, StreamMessageEvent } from '@libp2p/interface'
import {
  BusyError,
  type CallHandler,
  type CallOptions,
  type Clock,
  type ErrorShape,
  InvalidArgumentError,
  type Logger,
  messageOf,
  type NoticeHandler,
  NotSentError,
  type PeerIdString,
  toErrorShape,
  type VsmcpError,
} from '@vsmcp/kernel'
import { DEADLINE_MAX_MS, FRAME_LENGTH_MAX, HEADER_LENGTH_MAX, IN_FLIGHT_BYTES_MAX, METHOD_LENGTH_MAX } from './constants.ts'
import { ConnectionEndedError, FrameTooLargeError, MalformedFrameError } from './errors.ts'
import {
  ANSWER,
  CANCEL,
  decodeFrame,
  encodableFailure,
  type Failure,
  FAILURE,
  type FrameSink,
  NOTICE,
  OutgoingFrame,
  PROGRESS,
  REFUSAL,
  type RefusalReason,
  REQUEST,
} from './frame.ts'
import { Lanes } from './lanes.ts'
import { type PendingCall, PendingCalls } from './pending-calls.ts'
import { onRemoteEnd } from './message-pipe.ts'
import { PrefixedReader } from './prefixed-reader.ts'
import { ServedCall, ServedCalls } from './served-calls.ts'

/** What a payload may weigh so that its frame stays under the cap whatever its header says. */
const PAYLOAD_LENGTH_MAX = FRAME_LENGTH_MAX - HEADER_LENGTH_MAX - 2

/** Bytes waiting on a lane from which on `progress` waits. */
const PROGRESS_WAIT_BYTES = 256 * 1024

export interface ChannelLimits {
  readonly inFlightMax: number
  readonly sendQueueBytesMax: number
}

export interface ChannelHandlers {
  readonly calls: ReadonlyMap<string, CallHandler>
  readonly notices: ReadonlyMap<string, NoticeHandler>
}

export interface ChannelHost {
  readonly peer: PeerIdString
  readonly clock: Clock
  readonly logger: Logger
  openStream(): Promise<Stream>
  /** Bytes came from the peer. */
  onHeard(): void
  /** The peer broke the wire format on this channel. */
  onOffence(error: Error): void
  /** The peer lets pile up what it asked for. */
  onUnread(error: Error): void
  /** Calls with deadlines are under way: sweep until told that there are none. */
  needsSweep(channel: Channel): void
}

/** What one inbound stream is remembered by. */
interface Inbound {
  readonly stream: Stream
  readonly reader: PrefixedReader
  /** Of the latest request on this stream; the next one is higher. */
  lastId: number
}

/**
 * One plane on one connection: requests, answers and notices over up to three streams each way: calls, bulk (so that
 * a large payload never stands before a small one) and notices (so that they keep their order, whatever their size).
 * Streams are opened when first needed; each side writes only to those it opened.
 */
export class Channel implements FrameSink {
  readonly #host: ChannelHost
  readonly #handlers: ChannelHandlers
  readonly #limits: ChannelLimits
  readonly #pending: PendingCalls
  readonly #served: ServedCalls
  readonly #lanes: Lanes
  readonly #inbound = new Map<Stream, Inbound>()
  /** The stream whose bytes are being decoded. */
  #reading: Inbound | undefined
  /** Inbound streams wait until the peer is reported up: no handler meets a peer it has not heard of. */
  #open = false
  #stopping = false
  #closed: string | undefined

  constructor(host: ChannelHost, handlers: ChannelHandlers, limits: ChannelLimits) {
    this.#host = host
    this.#handlers = handlers
    this.#limits = limits
    this.#pending = new PendingCalls(host.peer, (error) => {
      host.logger.error({ peer: host.peer, error: messageOf(error) }, 'a progress listener threw')
    })
    this.#served = new ServedCalls(limits.inFlightMax, IN_FLIGHT_BYTES_MAX)
    const lost = (error: Error): void => this.#reset(`a stream to it was lost: ${error.message}`)
    this.#lanes = new Lanes({ openStream: () => host.openStream(), onLaneLost: lost }, limits.sendQueueBytesMax)
  }

  /** Nothing is under way in either direction. */
  get idle(): boolean {
    return this.#pending.size === 0 && this.#served.size === 0 && this.#lanes.queuedBytes === 0
  }

  call(method: string, payload: Uint8Array, options: CallOptions): Promise<Uint8Array> {
    const refusal = this.#refuse(method, payload, options)
    if (refusal !== undefined) return Promise.reject(refusal)
    const { promise, resolve, reject } = Promise.withResolvers<Uint8Array>()
    const id = this.#pending.nextId()
    const deadlineMs = Math.min(Math.ceil(options.deadlineMs), DEADLINE_MAX_MS)
    const frame = new OutgoingFrame([REQUEST, id, method, deadlineMs], payload)
    const lane = this.#lanes.for(payload)
    const dueMs = this.#host.clock.monotonicMs() + deadlineMs
    const call: PendingCall = {
      id,
      method,
      frame,
      lane,
      dueMs,
      options,
      resolve,
      reject,
      next: 0,
      held: undefined,
      onAbort: undefined,
    }
    if (options.signal !== undefined) this.#watch(call, options.signal)
    this.#pending.add(call)
    lane.push(frame)
    this.#host.needsSweep(this)
    return promise
  }

  notify(method: string, payload: Uint8Array): boolean {
    if (this.#closed !== undefined || this.#stopping || payload.byteLength > PAYLOAD_LENGTH_MAX) return false
    const wrong = checkMethod(method)
    if (wrong !== undefined) throw wrong
    const frame = new OutgoingFrame([NOTICE, method], payload)
    if (this.#lanes.overflows(frame)) return false
    this.#lanes.notices.push(frame)
    return true
  }

  /** An inbound stream of the plane's protocol, past the gate. */
  accept(stream: Stream): void {
    if (this.#closed !== undefined) {
      stream.abort(new ConnectionEndedError(this.#closed))
      return
    }
    const reader = new PrefixedReader(FRAME_LENGTH_MAX, (body, shared) => decodeFrame(body, shared, this))
    const inbound: Inbound = { stream, reader, lastId: 0 }
    this.#inbound.set(stream, inbound)
    if (!this.#open) stream.pause()
    stream.addEventListener('message', ({ data }) => this.#read(inbound, data))
    onRemoteEnd(stream, () => this.#ended(inbound))
    stream.addEventListener('close', ({ error }) => {
      if (error !== undefined && this.#inbound.has(stream)) this.#reset(`the other side broke off a stream: ${error.message}`)
      this.#inbound.delete(stream)
    })
  }

  /** The peer is up: lets requests through. */
  open(): void {
    this.#open = true
    for (const { stream } of this.#inbound.values()) if (stream.readStatus === 'paused') stream.resume()
  }

  /** New requests are refused in either direction; what is under way goes on. */
  stop(): void {
    this.#stopping = true
  }

  /** Resolves when all that was to be sent is handed to libp2p. */
  async drained(): Promise<void> {
    await this.#lanes.drained()
  }

  close(why: string): void {
    if (this.#closed !== undefined) return
    this.#closed = why
    this.#reset(why)
  }

  /** @returns whether there is more to watch */
  sweep(nowMs: number): boolean {
    for (const call of this.#pending.sweep(nowMs)) this.#cancel(call)
    this.#served.sweep(nowMs)
    return this.#pending.size > 0 || this.#served.size > 0
  }

  // ── frames from the peer ──────────────────────────────────────────────────────────────────────────────────────────────────────

  onRequest(id: number, method: string, deadlineMs: number, payload: Uint8Array): void {
    this.#checkOrder(id)
    if (this.#stopping) return this.#refuseRequest(id, 'stopping')
    if (!this.#served.admits(payload.byteLength)) return this.#refuseRequest(id, 'busy')
    const handler = this.#handlers.calls.get(method)
    if (handler === undefined) return this.#refuseRequest(id, 'no-handler')
    const call = new ServedCall(this, id, this.#host.peer, payload, deadlineMs, this.#host.clock.monotonicMs())
    this.#served.add(call)
    this.#host.needsSweep(this)
    run(handler, call)
      .then((answer) => this.#answer(call, answer))
      .catch((error: unknown) => this.#fail(call, toErrorShape(error)))
  }

  onAnswer(id: number, sequence: number, payload: Uint8Array): void {
    this.#pending.onAnswer(id, sequence, payload)
  }

  onFailure(id: number, sequence: number, failure: Failure): void {
    this.#pending.onFailure(id, sequence, failure)
  }

  onProgress(id: number, sequence: number, payload: Uint8Array): void {
    this.#pending.onProgress(id, sequence, payload)
  }

  onRefusal(id: number, reason: RefusalReason): void {
    this.#pending.onRefusal(id, reason)
  }

  onCancel(id: number): void {
    this.#served.abort(id, new ConnectionEndedError('the caller cancelled the call'))
  }

  onNotice(method: string, payload: Uint8Array): void {
    const { peer, logger } = this.#host
    const handler = this.#handlers.notices.get(method)
    if (handler === undefined) {
      logger.debug({ peer, method }, 'a notice that nobody handles was dropped')
      return
    }
    try {
      handler(peer, payload)
    } catch (error) {
      logger.error({ peer, method, error: messageOf(error) }, 'a notice handler threw')
    }
  }

  // ── frames to the peer ────────────────────────────────────────────────────────────────────────────────────────────────────────

  async sendProgress(call: ServedCall, payload: Uint8Array): Promise<void> {
    if (payload.byteLength > PAYLOAD_LENGTH_MAX) throw tooLarge('a progress frame', payload)
    const lane = this.#lanes.for(payload)
    lane.push(new OutgoingFrame([PROGRESS, call.id, call.sequence++], payload))
    await lane.drained(PROGRESS_WAIT_BYTES)
  }

  #answer(call: ServedCall, payload: Uint8Array): void {
    if (payload.byteLength > PAYLOAD_LENGTH_MAX) return this.#fail(call, toErrorShape(tooLarge('the answer', payload)))
    const frame = new OutgoingFrame([ANSWER, call.id, call.sequence], payload)
    if (this.#lanes.overflows(frame)) return this.#fail(call, toErrorShape(new BusyError('the answer found the send queue full')))
    this.#served.remove(call)
    if (call.over) return
    call.answered()
    this.#lanes.for(payload).push(frame)
  }

  #fail(call: ServedCall, { code, message, hint }: ErrorShape): void {
    this.#served.remove(call)
    if (call.over) return
    call.answered()
    this.#push([FAILURE, call.id, call.sequence, ...encodableFailure({ code, message, hint })])
  }

  #refuseRequest(id: number, reason: RefusalReason): void {
    this.#push([REFUSAL, id, reason])
  }

  /** Small frames that must go out. A peer that lets even those pile up reads nothing and is let go. */
  #push(header: readonly unknown[]): void {
    const frame = new OutgoingFrame(header)
    if (this.#lanes.stuck) {
      this.#host.onUnread(new ConnectionEndedError('it does not read what it asked for'))
    } else this.#lanes.calls.push(frame)
  }

  #cancel(call: PendingCall): void {
    if (this.#closed === undefined) call.lane.push(new OutgoingFrame([CANCEL, call.id]))
  }

  #watch(call: PendingCall, signal: AbortSignal): void {
    call.onAbort = () => {
      if (this.#pending.abort(call, signal.reason)) this.#cancel(call)
    }
    signal.addEventListener('abort', call.onAbort, { once: true })
  }

  #refuse(method: string, payload: Uint8Array, { deadlineMs, signal }: CallOptions): VsmcpError | undefined {
    const details = { peer: this.#host.peer, method }
    const wrong = checkMethod(method)
    if (wrong !== undefined) return wrong
    if (this.#closed !== undefined) return new NotSentError(`${method} was not sent: ${this.#closed}`, { details })
    if (this.#stopping) return new NotSentError(`${method} was not sent: the connection is being closed`, { details })
    if (!(deadlineMs > 0)) return new NotSentError(`${method} was not sent: its deadline has passed`, { details })
    if (signal?.aborted === true) {
      return new NotSentError(`${method} was not sent: its caller cancelled it`, { details, cause: signal.reason })
    }
    if (payload.byteLength > PAYLOAD_LENGTH_MAX) {
      const cause = tooLarge('the request', payload)
      return new NotSentError(`${method} was not sent: ${cause.message}`, { details, cause, hint: cause.hint ?? '' })
    }
    if (this.#pending.size >= this.#limits.inFlightMax) {
      return new BusyError(`${method} was not sent: ${this.#pending.size} requests to ${this.#host.peer} are in flight`, {
        details,
      })
    }
    if (this.#lanes.overflows(payload)) {
      return new BusyError(`${method} was not sent: ${this.#lanes.queuedBytes} bytes wait for ${this.#host.peer} to read`, {
        details,
      })
    }
    return undefined
  }

  // ── streams ───────────────────────────────────────────────────────────────────────────────────────────────────────────────────

  #read(inbound: Inbound, data: StreamMessageEvent['data']): void {
    if (!this.#inbound.has(inbound.stream)) return
    this.#host.onHeard()
    this.#reading = inbound
    try {
      if (data instanceof Uint8Array) inbound.reader.push(data)
      else for (const bytes of data) inbound.reader.push(bytes)
    } catch (error) {
      this.#offence(error)
    } finally {
      this.#reading = undefined
    }
  }

  /** The other side ended the stream in good order; nothing is lost when that was between two frames. */
  #ended({ stream, reader }: Inbound): void {
    if (!this.#inbound.has(stream)) return
    if (!reader.atBoundary) {
      this.#offence(new MalformedFrameError('a stream ended within a frame'))
      return
    }
    this.#inbound.delete(stream)
    stream.close().catch((error: Error) => stream.abort(error))
  }

  #offence(error: unknown): void {
    const offence = error instanceof Error ? error : new Error(String(error))
    this.#reset(`it broke the wire format: ${offence.message}`)
    this.#host.onOffence(offence)
  }

  /**
   * A stream ended out of turn, so frames may be lost in either direction: whatever was under way ends here, both sides
   * do the same, and the channel starts anew with fresh streams.
   */
  #reset(why: string): void {
    const error = new ConnectionEndedError(why)
    const streams = [...this.#inbound.keys()]
    this.#inbound.clear()
    this.#pending.failAll(why)
    this.#served.abortAll(why)
    this.#lanes.renew(error)
    for (const stream of streams) stream.abort(error)
  }

  #checkOrder(id: number): void {
    const reading = this.#reading
    if (reading === undefined) return
    if (id <= reading.lastId) throw new MalformedFrameError(`request ${id} came after request ${reading.lastId}`)
    if (this.#served.has(id)) throw new MalformedFrameError(`request ${id} came twice`)
    reading.lastId = id
  }
}

async function run(handler: CallHandler, call: ServedCall): Promise<Uint8Array> {
  return handler(call)
}

function checkMethod(method: string): InvalidArgumentError | undefined {
  if (method.length >= 1 && method.length <= METHOD_LENGTH_MAX) return undefined
  return new InvalidArgumentError(`a method's name has 1 to ${METHOD_LENGTH_MAX} characters, not ${method.length}`)
}

function tooLarge(what: string, { byteLength }: Uint8Array): FrameTooLargeError {
  return new FrameTooLargeError(`${what} of ${byteLength} bytes is over the cap of ${PAYLOAD_LENGTH_MAX}`, {
    hint: 'Ask for less at a time, or pass a reference instead of the content.',
  })
}
