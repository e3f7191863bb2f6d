import type { Stream } from '@libp2p/interface'
import { BULK_CHUNK_LENGTH, COALESCE_LENGTH, FRAME_OVERHEAD } from './constants.ts'
import type { OutgoingFrame } from './frame.ts'
import { TurnFlush } from './turn-flush.ts'

/** Entries at the front of a queue, or dropped within it, from which on it is worth copying. */
const COMPACT_COUNT = 1_024

export interface LaneHost {
  /** Opens a stream of the plane's protocol on the connection. */
  openStream(): Promise<Stream>
  /** The stream could not be opened, or ended while the connection lives. */
  onLaneLost(error: Error): void
}

/**
 * One direction of one pooled stream: frames go out in the order they came, those of one turn in one write. Nothing is
 * handed to libp2p while it says that its buffers are full, so what waits, waits here, where it is counted.
 */
export class Lane {
  readonly #host: LaneHost
  readonly #turn = new TurnFlush(() => this.#flush())
  #stream: Stream | undefined
  #opening = false
  #closed = false
  #queue: OutgoingFrame[] = []
  /** Frames before this index are written. */
  #first = 0
  /** Bytes of the first frame that are written. */
  #written = 0
  #queuedBytes = 0
  /** Frames in the queue that will not be written. */
  #droppedCount = 0
  #waiters: Array<{ belowBytes: number; resolve: () => void }> = []

  constructor(host: LaneHost) {
    this.#host = host
  }

  /** What waits here, and what it costs to keep it. */
  get queuedBytes(): number {
    return this.#queuedBytes + FRAME_OVERHEAD * (this.#queue.length - this.#first - this.#droppedCount)
  }

  push(frame: OutgoingFrame): void {
    if (this.#closed) return
    this.#queue.push(frame)
    this.#queuedBytes += frame.byteLength
    if (this.#stream === undefined) this.#open()
    else this.#turn.schedule()
  }

  /** Takes a frame back, with its memory, if none of it has left. @returns whether it could be */
  drop(frame: OutgoingFrame): boolean {
    if (frame.handed) return false
    if (this.#closed || frame.dropped) return true
    frame.dropped = true
    frame.payload = undefined
    this.#queuedBytes -= frame.byteLength
    this.#droppedCount += 1
    if (this.#droppedCount > COMPACT_COUNT) {
      this.#queue = this.#queue.slice(this.#first).filter(({ dropped }) => !dropped)
      this.#first = 0
      this.#droppedCount = 0
    }
    this.#wakeWaiters()
    return true
  }

  /** Resolves when fewer than `belowBytes` wait here, or when the lane is closed. */
  async drained(belowBytes: number): Promise<void> {
    if (this.#closed || this.queuedBytes < belowBytes) return
    const { promise, resolve } = Promise.withResolvers<void>()
    this.#waiters.push({ belowBytes, resolve })
    await promise
  }

  /** What waits is dropped; every frame tells by `handed` whether it may have left. */
  close(error: Error): void {
    if (this.#closed) return
    this.#closed = true
    this.#queue = []
    this.#first = 0
    this.#droppedCount = 0
    this.#queuedBytes = 0
    this.#stream?.abort(error)
    this.#wakeWaiters()
  }

  #open(): void {
    if (this.#opening) return
    this.#opening = true
    this.#host.openStream().then(
      (stream) => this.#opened(stream),
      (error: Error) => {
        if (!this.#closed) this.#host.onLaneLost(error)
      },
    )
  }

  #opened(stream: Stream): void {
    if (this.#closed) {
      stream.abort(new Error('the lane was closed while its stream was being opened'))
      return
    }
    this.#stream = stream
    stream.addEventListener('drain', () => this.#flush())
    stream.addEventListener('close', (event) => {
      if (!this.#closed) this.#host.onLaneLost(event.error ?? new Error('the other side closed the stream'))
    })
    // nobody writes to this side of the stream; a peer that does breaks the protocol
    stream.addEventListener('message', () => stream.abort(new Error('data came on a stream that is only written to')))
    this.#flush()
  }

  #flush(): void {
    const stream = this.#stream
    if (stream === undefined || this.#closed) return
    try {
      while (this.#queuedBytes > 0 && !stream.writableNeedsDrain) {
        const bytes = this.#take()
        if (bytes === undefined) break
        stream.send(bytes)
      }
    } catch (error) {
      // the stream closed under us; its close event tells the rest
      if (stream.status === 'open') stream.abort(error instanceof Error ? error : new Error(String(error)))
    }
    this.#compact()
    this.#wakeWaiters()
  }

  /** The next write: a piece of a large frame, or as many small frames as fit. */
  #take(): Uint8Array | undefined {
    this.#skipDropped()
    const frame = this.#queue[this.#first]
    if (frame === undefined) return undefined
    if (frame.byteLength > COALESCE_LENGTH) return this.#takePiece(frame)
    let last = this.#first
    let length = 0
    for (let next: OutgoingFrame | undefined = frame; next !== undefined; next = this.#queue[last]) {
      if (length + next.byteLength > COALESCE_LENGTH) break
      if (!next.dropped) length += next.byteLength
      last++
    }
    return this.#join(last, length)
  }

  #join(last: number, length: number): Uint8Array {
    const bytes = Buffer.allocUnsafe(length)
    let offset = 0
    for (; this.#first < last; this.#first++) {
      const frame = this.#queue[this.#first]
      if (frame === undefined) continue
      if (frame.dropped) {
        this.#droppedCount -= 1
        continue
      }
      frame.handed = true
      this.#queuedBytes -= frame.byteLength
      bytes.set(frame.head, offset)
      if (frame.payload !== undefined) bytes.set(frame.payload, offset + frame.head.byteLength)
      offset += frame.byteLength
    }
    return bytes
  }

  /** Once its first piece is out a frame goes out whole: the reader counts its bytes. */
  #takePiece(frame: OutgoingFrame): Uint8Array {
    frame.handed = true
    const from = this.#written
    const headLength = frame.head.byteLength
    const piece =
      from < headLength
        ? frame.head.subarray(from)
        : (frame.payload ?? frame.head).subarray(from - headLength, from - headLength + BULK_CHUNK_LENGTH)
    this.#written += piece.byteLength
    this.#queuedBytes -= piece.byteLength
    if (this.#written === frame.byteLength) {
      this.#written = 0
      this.#first++
    }
    return piece
  }

  #skipDropped(): void {
    while (this.#queue[this.#first]?.dropped === true) {
      this.#first++
      this.#droppedCount -= 1
    }
  }

  #compact(): void {
    if (this.#first === this.#queue.length) this.#queue.length = 0
    else if (this.#first > COMPACT_COUNT) this.#queue.splice(0, this.#first)
    else return
    this.#first = 0
  }

  #wakeWaiters(): void {
    if (this.#waiters.length === 0) return
    const ready = this.#waiters.filter(({ belowBytes }) => this.#closed || this.queuedBytes < belowBytes)
    this.#waiters = this.#waiters.filter((waiter) => !ready.includes(waiter))
    for (const { resolve } of ready) resolve()
  }
}
