import type { Connection, Stream } from '@libp2p/interface'
import { type Clock, type Logger, messageOf, type PeerIdString, type Timer } from '@vsmcp/kernel'
import { CLOSE_TIMEOUT_MS, JOIN_LENGTH_MAX, JOIN_ROUNDS_MAX, JOIN_TIMEOUT_MS, JOINS_MAX } from './constants.ts'
import type { JoinExchange } from './contract.ts'
import { deadline } from './deadline.ts'
import { JoinError } from './errors.ts'
import type { Gate } from './gate.ts'
import { MessagePipe } from './message-pipe.ts'

/** One exchange over one stream: bounded in messages, in bytes and in time. */
export class BoundedExchange implements JoinExchange {
  readonly #pipe: MessagePipe
  readonly #clock: Clock
  #timer: Timer
  #sent = 0
  #received = 0
  #failure: JoinError | undefined

  constructor(stream: Stream, clock: Clock, timeoutMs: number) {
    this.#pipe = new MessagePipe(stream, JOIN_LENGTH_MAX)
    this.#clock = clock
    this.#timer = this.#limit(timeoutMs)
  }

  /** From now on. */
  extend(timeoutMs: number): void {
    this.#timer.cancel()
    this.#timer = this.#limit(timeoutMs)
  }

  async receive(): Promise<Uint8Array> {
    if (this.#received >= JOIN_ROUNDS_MAX) throw this.#fail(`more than ${JOIN_ROUNDS_MAX} messages were asked for`)
    try {
      const message = await this.#pipe.receive()
      this.#received += 1
      return message
    } catch (cause) {
      throw this.#failure ?? new JoinError(`the join broke off: ${messageOf(cause)}`, { cause })
    }
  }

  async send(message: Uint8Array): Promise<void> {
    if (this.#sent >= JOIN_ROUNDS_MAX) throw this.#fail(`more than ${JOIN_ROUNDS_MAX} messages were sent`)
    if (message.byteLength > JOIN_LENGTH_MAX) {
      throw this.#fail(`a message of ${message.byteLength} bytes is over the cap of ${JOIN_LENGTH_MAX}`)
    }
    this.#sent += 1
    try {
      this.#pipe.send(message)
    } catch (cause) {
      throw this.#failure ?? new JoinError(`the join broke off: ${messageOf(cause)}`, { cause })
    }
  }

  /** Ends in good order: what was sent arrives. */
  async finish(): Promise<void> {
    this.#timer.cancel()
    const limit = deadline(this.#clock, CLOSE_TIMEOUT_MS, () => new JoinError('the join did not close in time'))
    try {
      await limit.race(this.#pipe.finish(limit.signal))
    } catch (error) {
      this.abort(messageOf(error))
    } finally {
      limit.done()
    }
  }

  abort(why: string): void {
    this.#timer.cancel()
    this.#pipe.abort(this.#fail(why))
  }

  #limit(timeoutMs: number): Timer {
    return this.#clock.after(timeoutMs, () => this.abort(`it took longer than ${timeoutMs} ms`))
  }

  #fail(why: string): JoinError {
    this.#failure ??= new JoinError(`the join broke off: ${why}`)
    return this.#failure
  }
}

export interface JoinDeskComponents {
  readonly clock: Clock
  readonly logger: Logger
  readonly gate: Gate
  readonly helloTimeoutMs: number
  onJoin: (peer: PeerIdString, exchange: JoinExchange, address: string) => Promise<void>
}

/** Serves `/vsmcp/join/1`, the oldest making room when too many are under way. */
export class JoinDesk {
  readonly #components: JoinDeskComponents
  readonly #active = new Set<BoundedExchange>()

  constructor(components: JoinDeskComponents) {
    this.#components = components
  }

  onStream(stream: Stream, connection: Connection): void {
    const { clock, helloTimeoutMs } = this.#components
    const exchange = new BoundedExchange(stream, clock, helloTimeoutMs)
    this.#active.add(exchange)
    if (this.#active.size > JOINS_MAX) {
      const [oldest] = this.#active
      if (oldest !== undefined) this.#active.delete(oldest)
      oldest?.abort('it made room for a newer one')
    }
    void this.#serve(exchange, connection)
  }

  stop(): void {
    for (const exchange of this.#active) exchange.abort('this node is stopping')
  }

  async #serve(exchange: BoundedExchange, connection: Connection): Promise<void> {
    const { gate, logger, helloTimeoutMs, onJoin } = this.#components
    const peer = connection.remotePeer.toString()
    try {
      const first = await exchange.receive()
      // only who has something to say gets the time of a whole join
      exchange.extend(JOIN_TIMEOUT_MS)
      gate.extend(connection, JOIN_TIMEOUT_MS + helloTimeoutMs)
      await onJoin(peer, startingWith(first, exchange), connection.remoteAddr.toString())
      await exchange.finish()
    } catch (error) {
      logger.info({ peer, address: connection.remoteAddr.toString(), error: messageOf(error) }, 'a join failed')
      exchange.abort(messageOf(error))
    } finally {
      this.#active.delete(exchange)
      gate.extend(connection, helloTimeoutMs)
    }
  }
}

function startingWith(first: Uint8Array, exchange: JoinExchange): JoinExchange {
  let waiting: Uint8Array | undefined = first
  return {
    send: (message) => exchange.send(message),
    async receive() {
      const message = waiting ?? (await exchange.receive())
      waiting = undefined
      return message
    },
  }
}
