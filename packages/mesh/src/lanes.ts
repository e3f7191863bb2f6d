import { BULK_LENGTH_MIN, REPLY_SLACK_BYTES } from './constants.ts'
import { Lane, type LaneHost } from './lane.ts'

/** What a channel writes to: one lane each for calls, for bulk and for notices, under one bound. */
export class Lanes {
  readonly #host: LaneHost
  readonly #queueBytesMax: number
  #calls: Lane
  #bulk: Lane
  #notices: Lane

  constructor(host: LaneHost, queueBytesMax: number) {
    this.#host = host
    this.#queueBytesMax = queueBytesMax
    this.#calls = new Lane(host)
    this.#bulk = new Lane(host)
    this.#notices = new Lane(host)
  }

  get queuedBytes(): number {
    return this.#calls.queuedBytes + this.#bulk.queuedBytes + this.#notices.queuedBytes
  }

  /** For small frames. */
  get calls(): Lane {
    return this.#calls
  }

  /** For notices of every size: they keep their order. */
  get notices(): Lane {
    return this.#notices
  }

  /** For a request, progress or an answer: large ones never stand before small ones. */
  for(payload: Uint8Array): Lane {
    return payload.byteLength >= BULK_LENGTH_MIN ? this.#bulk : this.#calls
  }

  /** One frame always fits, however large. */
  overflows({ byteLength }: { byteLength: number }): boolean {
    const queued = this.queuedBytes
    return queued > 0 && queued + byteLength > this.#queueBytesMax
  }

  /** Even the frames that have to go out pile up: nobody reads at the other end. */
  get stuck(): boolean {
    return this.queuedBytes > this.#queueBytesMax + REPLY_SLACK_BYTES
  }

  /** Resolves when all that was to be sent is handed to libp2p. */
  async drained(): Promise<void> {
    await Promise.all([this.#calls, this.#bulk, this.#notices].map((lane) => lane.drained(1)))
  }

  /** Closes all streams; what is sent from here on goes over new ones. */
  renew(error: Error): void {
    const lanes = [this.#calls, this.#bulk, this.#notices]
    this.#calls = new Lane(this.#host)
    this.#bulk = new Lane(this.#host)
    this.#notices = new Lane(this.#host)
    for (const lane of lanes) lane.close(error)
  }
}
