import type { Clock } from '@vsmcp/kernel'
import { MalformedFrameError } from './errors.ts'
import { decodeLinkMessage, encodeLinkMessage, type LinkMessage } from './link-message.ts'
import type { MessagePipe } from './message-pipe.ts'

/** Bytes of a message once the hello is over. */
const MESSAGE_LENGTH_MAX = 1_024

export interface LinkHost {
  readonly clock: Clock
  /** This node's gossip subscriptions have arrived at the peer. */
  onReady(): void
  /** The peer closes in good order. */
  onBye(reason: string): void
  /** The stream is over: the connection closed, or the peer broke the protocol. */
  onEnd(error: Error): void
}

/** The hello's stream after the hello: liveness, readiness and the good-bye of one connection. */
export class Link {
  readonly #pipe: MessagePipe
  readonly #host: LinkHost
  #pings = 0
  #pingSentMs: number | undefined
  #rttMs: number | undefined
  #pongs: Array<() => void> = []
  #ended = false
  #byeSent = false
  readonly #farewell = Promise.withResolvers<void>()

  constructor(pipe: MessagePipe, host: LinkHost) {
    this.#pipe = pipe
    this.#host = host
    pipe.limit(MESSAGE_LENGTH_MAX)
  }

  get rttMs(): number | undefined {
    return this.#rttMs
  }

  /** Reads until the connection ends. */
  run(): void {
    this.#pipe.listen({
      onMessage: (message) => this.#take(decodeLinkMessage(message)),
      onEnd: (error) => {
        this.#ended = true
        this.#farewell.resolve()
        this.#wake()
        this.#host.onEnd(error)
      },
    })
  }

  ready(): void {
    this.#send({ kind: 'ready' })
  }

  ping(): void {
    if (!this.#pipe.writable) return
    this.#pings += 1
    this.#pingSentMs = this.#host.clock.monotonicMs()
    this.#send({ kind: 'ping', n: this.#pings })
  }

  /**
   * Says good-bye and waits until the peer does, which it does at once: what it sent before has then arrived, and it
   * sends nothing more.
   */
  async farewell(reason: string): Promise<void> {
    this.#bye(reason)
    await this.#farewell.promise
  }

  /** @returns whether the process at the other end answers within the time given */
  async probe(timeoutMs: number): Promise<boolean> {
    if (this.#ended) return false
    const { promise, resolve } = Promise.withResolvers<boolean>()
    const timer = this.#host.clock.after(timeoutMs, () => resolve(false))
    this.#pongs.push(() => resolve(!this.#ended))
    this.ping()
    const alive = await promise
    timer.cancel()
    return alive
  }

  #take(message: LinkMessage): void {
    switch (message.kind) {
      case 'ready':
        return this.#host.onReady()
      case 'ping':
        // a peer that sends pings and reads nothing gets no pile of answers
        return this.#pipe.writable ? this.#send({ kind: 'pong', n: message.n }) : undefined
      case 'pong':
        return this.#pong(message.n)
      case 'bye':
        this.#bye('closed')
        this.#host.onBye(message.reason)
        return this.#farewell.resolve()
      default:
        throw new MalformedFrameError(`a "${message.kind}" came after the hello was over`)
    }
  }

  #pong(n: number): void {
    if (n === this.#pings && this.#pingSentMs !== undefined) {
      this.#rttMs = this.#host.clock.monotonicMs() - this.#pingSentMs
      this.#pingSentMs = undefined
    }
    this.#wake()
  }

  #bye(reason: string): void {
    if (this.#byeSent) return
    this.#byeSent = true
    this.#send({ kind: 'bye', reason })
  }

  #wake(): void {
    const pongs = this.#pongs
    this.#pongs = []
    for (const done of pongs) done()
  }

  #send(message: LinkMessage): void {
    if (this.#ended) return
    try {
      this.#pipe.send(encodeLinkMessage(message))
    } catch {
      // the connection is closing; its close event tells the rest
    }
  }
}
