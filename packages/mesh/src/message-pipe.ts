import type { Stream } from '@libp2p/interface'
import { ConnectionEndedError, MalformedFrameError } from './errors.ts'
import { PrefixedReader } from './prefixed-reader.ts'

/** Messages that may wait for their reader; the protocols over a pipe take turns, so more is an attack. */
const WAITING_MAX = 16

export interface PipeListener {
  /** What it throws ends the pipe. */
  onMessage(message: Uint8Array): void
  onEnd(error: Error): void
}

/**
 * Whole messages over one raw stream: u32 length, big endian, then the bytes. For the small protocols (hello, join);
 * the planes have frames of their own.
 */
export class MessagePipe {
  readonly #stream: Stream
  readonly #reader: PrefixedReader
  readonly #waiting: Uint8Array[] = []
  #receiver: PromiseWithResolvers<Uint8Array> | undefined
  #listener: PipeListener | undefined
  #ended: Error | undefined
  readonly #onHeard: () => void

  /** Attaches to the stream at once: what is not read is a reset stream. */
  constructor(stream: Stream, lengthMax: number, onHeard: () => void = () => {}) {
    this.#stream = stream
    this.#reader = new PrefixedReader(lengthMax, (body) => this.#deliver(new Uint8Array(body)))
    this.#onHeard = onHeard
    stream.addEventListener('message', ({ data }) => this.#push(data.subarray()))
    onRemoteEnd(stream, () => this.#end(new ConnectionEndedError('the other side ended the stream')))
    stream.addEventListener('close', ({ error }) => {
      this.#end(new ConnectionEndedError(error?.message ?? 'the other side closed the connection', { cause: error }))
    })
  }

  /** From here on messages are at most this long. */
  limit(lengthMax: number): void {
    this.#reader.limit(lengthMax)
  }

  /** @returns false when libp2p's buffers are full; the message is on its way all the same */
  send(message: Uint8Array): boolean {
    if (this.#ended !== undefined) throw this.#ended
    const bytes = Buffer.allocUnsafe(4 + message.byteLength)
    bytes.writeUInt32BE(message.byteLength)
    bytes.set(message, 4)
    return this.#stream.send(bytes)
  }

  /** Whether libp2p takes more without buffering. */
  get writable(): boolean {
    return this.#ended === undefined && !this.#stream.writableNeedsDrain
  }

  /** Messages that came before the end are still handed out; then it rejects with the reason of the end. */
  async receive(): Promise<Uint8Array> {
    const message = this.#waiting.shift()
    if (message !== undefined) return message
    if (this.#ended !== undefined) throw this.#ended
    this.#receiver = Promise.withResolvers()
    return this.#receiver.promise
  }

  /**
   * Hands over every message from here on as it comes, within the turn that brought it: a good-bye is read before the
   * close that follows it.
   */
  listen(listener: PipeListener): void {
    this.#listener = listener
    for (const message of this.#waiting.splice(0)) listener.onMessage(message)
    if (this.#ended !== undefined) listener.onEnd(this.#ended)
  }

  /** Says that nothing more comes, once what was sent is on its way. */
  async finish(signal: AbortSignal): Promise<void> {
    await this.#stream.close({ signal })
  }

  abort(error: Error): void {
    this.#end(error)
    this.#stream.abort(error)
  }

  #push(bytes: Uint8Array): void {
    if (this.#ended !== undefined) return
    this.#onHeard()
    try {
      this.#reader.push(bytes)
    } catch (error) {
      this.abort(error instanceof Error ? error : new Error(String(error)))
    }
  }

  #deliver(message: Uint8Array): void {
    if (this.#ended !== undefined) return
    const receiver = this.#receiver
    this.#receiver = undefined
    if (this.#listener !== undefined) this.#listener.onMessage(message)
    else if (receiver !== undefined) receiver.resolve(message)
    else if (this.#waiting.push(message) > WAITING_MAX) {
      throw new MalformedFrameError(`more than ${WAITING_MAX} messages came out of turn`)
    }
  }

  #end(error: Error): void {
    if (this.#ended !== undefined) return
    this.#ended = error
    this.#receiver?.reject(error)
    this.#receiver = undefined
    this.#listener?.onEnd(error)
  }
}

/** Calls `fn` when the other side has ended the stream in good order and all it sent has been delivered. */
export function onRemoteEnd(stream: Stream, fn: () => void): void {
  stream.addEventListener('remoteCloseWrite', () => {
    if (stream.readBufferLength === 0) fn()
    else stream.addEventListener('end', fn, { once: true })
  })
}
