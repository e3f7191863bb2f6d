import type { Connection, Stream } from '@libp2p/interface'
import { type Clock, type Logger, messageOf } from '@vsmcp/kernel'
import { CLOSE_TIMEOUT_MS, HELLO_LENGTH_MAX, HELLO_PROTOCOL } from './constants.ts'
import { deadline } from './deadline.ts'
import { ConnectionEndedError, HelloFailedError } from './errors.ts'
import type { Gate } from './gate.ts'
import { answerHello, type HelloContext, sayHello, type Verified } from './hello.ts'
import { MessagePipe } from './message-pipe.ts'

/** Bytes a hello message has besides its payload. */
const HELLO_OVERHEAD = 1_024

/** A connection on its way to a verified hello. */
interface Visit {
  readonly connection: Connection
  readonly outcome: PromiseWithResolvers<void>
  started: boolean
  failed: boolean
}

export interface HelloDeskComponents<Info> {
  readonly clock: Clock
  readonly logger: Logger
  readonly gate: Gate
  readonly helloTimeoutMs: number
  /** Bytes came from the connection. */
  onHeard: (connection: Connection) => void
  /** All of the context but what belongs to the connection. */
  context: (connection: Connection) => Omit<HelloContext<Info>, 'peer' | 'admit'>
  onVerified: (connection: Connection, pipe: MessagePipe, verified: Verified<Info>) => void
  /** The hello was refused here or there, or came to nothing. */
  onFailed: (connection: Connection, error: unknown) => void
}

/** Runs one hello per connection, whoever dialled, within its time; what does not pass is closed. */
export class HelloDesk<Info> {
  readonly #components: HelloDeskComponents<Info>
  readonly #visits = new WeakMap<Connection, Visit>()

  constructor(components: HelloDeskComponents<Info>) {
    this.#components = components
  }

  /** A connection has been opened. */
  track(connection: Connection): void {
    const outcome = Promise.withResolvers<void>()
    // most hellos nobody waits for
    outcome.promise.catch(() => {})
    this.#visits.set(connection, { connection, outcome, started: false, failed: false })
    connection.addEventListener('close', ({ error }) => {
      outcome.reject(new HelloFailedError(error?.message ?? 'the connection was closed', { cause: error }))
    })
  }

  /** Says hello on a connection of ours, or waits for the hello of the other side's; rejects when it fails. */
  async greet(connection: Connection): Promise<void> {
    const visit = this.#visits.get(connection)
    if (visit === undefined) throw new HelloFailedError('the connection was closed before its hello')
    if (connection.direction === 'outbound' && !visit.started) {
      visit.started = true
      void this.#run(visit, () => this.#open(connection), sayHello)
    }
    await visit.outcome.promise
  }

  /** Whether its hello has failed, so that the desk closes it once the refusal is out. */
  closes(connection: Connection): boolean {
    return this.#visits.get(connection)?.failed === true
  }

  /** A stranger's hello; one per connection, from the side that dialled. */
  onStream(stream: Stream, connection: Connection): void {
    const visit = this.#visits.get(connection)
    if (visit === undefined || visit.started || connection.direction === 'outbound') {
      stream.abort(new ConnectionEndedError('one hello per connection, said by the side that dialled'))
      return
    }
    visit.started = true
    const pipe = this.#pipe(stream, connection)
    void this.#run(visit, async () => pipe, answerHello)
  }

  async #run(
    visit: Visit,
    open: () => Promise<MessagePipe>,
    half: (pipe: MessagePipe, context: HelloContext<Info>) => Promise<Verified<Info>>,
  ): Promise<void> {
    const { connection, outcome } = visit
    const { clock, gate, helloTimeoutMs, onVerified, onFailed, context } = this.#components
    const limit = deadline(clock, helloTimeoutMs, () => new HelloFailedError(`no hello within ${helloTimeoutMs} ms`))
    let pipe: MessagePipe | undefined
    try {
      pipe = await limit.race(open())
      const peer = connection.remotePeer.toString()
      const whole: HelloContext<Info> = { ...context(connection), peer, admit: () => gate.admit(connection) }
      const verified = await limit.race(half(pipe, whole))
      onVerified(connection, pipe, verified)
      outcome.resolve()
    } catch (error) {
      visit.failed = true
      outcome.reject(error)
      onFailed(connection, error)
      await this.#showOut(connection, pipe)
    } finally {
      limit.done()
    }
  }

  async #open(connection: Connection): Promise<MessagePipe> {
    const stream = await connection.newStream(HELLO_PROTOCOL, { runOnLimitedConnection: true })
    return this.#pipe(stream, connection)
  }

  #pipe(stream: Stream, connection: Connection): MessagePipe {
    return new MessagePipe(stream, HELLO_LENGTH_MAX + HELLO_OVERHEAD, () => this.#components.onHeard(connection))
  }

  /** The refusal goes out before the connection ends. */
  async #showOut(connection: Connection, pipe: MessagePipe | undefined): Promise<void> {
    const { clock, logger } = this.#components
    const limit = deadline(clock, CLOSE_TIMEOUT_MS, () => new ConnectionEndedError('it did not close in time'))
    try {
      await limit.race(pipe?.finish(limit.signal) ?? Promise.resolve())
      await limit.race(connection.close({ signal: limit.signal }))
    } catch (error) {
      logger.debug({ peer: connection.remotePeer.toString(), error: messageOf(error) }, 'a refused connection was cut')
      connection.abort(new ConnectionEndedError('its hello failed', { cause: error }))
    } finally {
      limit.done()
    }
  }
}
