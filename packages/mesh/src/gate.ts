import type { Socket } from 'node:net'
import type { Connection, MultiaddrConnection, StreamMiddleware } from '@libp2p/interface'
import type { Clock, Logger, Timer } from '@vsmcp/kernel'
import { HANDSHAKES_MAX, PROTOCOLS_FOR_STRANGERS, STRANGER_STREAMS_MAX, UPGRADE_TIMEOUT_MS } from './constants.ts'
import { ConnectionEndedError } from './errors.ts'
import type { Registrar } from './gossip.ts'
import { InboundRate } from './inbound-rate.ts'

export interface GateInit {
  readonly strangersMax: number
  readonly inboundPerSecondPerIp: number
  readonly helloTimeoutMs: number
}

/** What has come in and is not encrypted yet: a connection, or a socket that may become one. */
interface Handshake {
  abort(error: Error): void
}

interface Stranger {
  readonly connection: Connection
  timer: Timer
}

/** Where a connection over plain TCP comes from. */
const TCP = /^\/ip[46]\/([^/]+)\/tcp\/\d+$/

/**
 * Keeps strangers out and few. Until a connection is admitted every protocol but hello and join is aborted on it, in both
 * directions; connections without a handshake or without a hello are bounded in number and in time, and the oldest makes
 * room for the newest, so that a flood delays members but does not lock them out.
 */
export class Gate {
  readonly #init: GateInit
  readonly #clock: Clock
  readonly #logger: Logger
  readonly #admitted = new WeakSet<Connection>()
  /** Streams that were aborted on connections without a hello. */
  readonly #refused = new WeakMap<Connection, number>()
  readonly #strangers = new Map<Connection, Stranger>()
  /** Oldest first. */
  readonly #handshakes = new Set<Handshake>()
  readonly #rate: InboundRate

  constructor(init: GateInit, components: { clock: Clock; logger: Logger }) {
    this.#init = init
    this.#clock = components.clock
    this.#logger = components.logger
    this.#rate = new InboundRate(init.inboundPerSecondPerIp, components.clock)
  }

  get strangers(): number {
    return this.#strangers.size
  }

  /**
   * Puts the gate before every protocol, those included that somebody registers later. The list is built anew each time:
   * libp2p 3.3 appends the handler to the list it is given, so a list passed to `registrar.use` would run the handlers of
   * all earlier streams once more for each new one. Nor does anybody get a list of the protocols (multistream's `ls`), by which a
   * stranger would learn what runs here, and which versions; members know what they ask for.
   */
  guard(registrar: Registrar): void {
    const middleware: StreamMiddleware = (stream, connection, next) => {
      if (this.#admitted.has(connection)) return next(stream, connection)
      this.#countRefused(connection)
      const peer = connection.remotePeer.toString()
      this.#logger.debug({ peer, protocol: stream.protocol }, 'a stream of a peer without a hello was aborted')
      throw new ConnectionEndedError(`${stream.protocol} is closed before the hello`)
    }
    registrar.getMiddleware = (protocol) => (PROTOCOLS_FOR_STRANGERS.has(protocol) ? [] : [middleware])
    const getProtocols = registrar.getProtocols.bind(registrar)
    registrar.getProtocols = () => unlisted(getProtocols())
  }

  /** Who says hello first never comes here; who goes on knocking costs members their time. */
  #countRefused(connection: Connection): void {
    const count = (this.#refused.get(connection) ?? 0) + 1
    this.#refused.set(connection, count)
    if (count < STRANGER_STREAMS_MAX) return
    this.#forget(connection)
    connection.abort(new ConnectionEndedError(`${count} streams before a hello`))
  }

  admits(connection: Connection): boolean {
    return this.#admitted.has(connection)
  }

  /** Its hello is verified: every protocol is open, no time limit any more. */
  admit(connection: Connection): void {
    this.#admitted.add(connection)
    this.#forget(connection)
  }

  /**
   * A socket came in that asks for nothing yet.
   * @returns what to call once it does, or is gone; undefined when its source sends too many
   */
  onSocket(socket: Socket): (() => void) | undefined {
    const { remoteAddress } = socket
    if (remoteAddress === undefined || !this.#rate.takes(remoteAddress)) return undefined
    const handshake: Handshake = { abort: () => void socket.destroy() }
    const timer = this.#clock.after(UPGRADE_TIMEOUT_MS, () => void socket.destroy())
    this.#shake(handshake)
    return () => {
      timer.cancel()
      this.#handshakes.delete(handshake)
    }
  }

  /**
   * A connection came in: over TCP from a source that is counted now, over a WebSocket from one that was counted before, over
   * a relay from a member.
   * @returns whether it may go on
   */
  onHandshake(maConn: MultiaddrConnection): boolean {
    const ip = TCP.exec(maConn.remoteAddr.toString())?.[1]
    if (ip !== undefined && !this.#rate.takes(ip)) return false
    this.#shake(maConn)
    maConn.addEventListener('close', () => this.#handshakes.delete(maConn))
    return true
  }

  #shake(handshake: Handshake): void {
    this.#handshakes.add(handshake)
    if (this.#handshakes.size <= HANDSHAKES_MAX) return
    const [oldest] = this.#handshakes
    if (oldest === undefined) return
    this.#handshakes.delete(oldest)
    oldest.abort(new ConnectionEndedError('it made room for a newer connection'))
  }

  onHandshakeDone(maConn: MultiaddrConnection): void {
    this.#handshakes.delete(maConn)
  }

  /** A connection came in; who it is is proved, whether it belongs here is not. */
  onStranger(connection: Connection): void {
    const timer = this.#timer(connection, this.#init.helloTimeoutMs)
    this.#strangers.set(connection, { connection, timer })
    connection.addEventListener('close', () => this.#forget(connection))
    if (this.#strangers.size <= this.#init.strangersMax) return
    const [oldest] = this.#strangers.keys()
    if (oldest !== undefined) this.#drop(oldest, 'it made room for a newer connection')
  }

  /** The stranger is doing something that takes longer than a hello. */
  extend(connection: Connection, timeoutMs: number): void {
    const stranger = this.#strangers.get(connection)
    if (stranger === undefined) return
    stranger.timer.cancel()
    stranger.timer = this.#timer(connection, timeoutMs)
  }

  stop(): void {
    for (const { timer } of this.#strangers.values()) timer.cancel()
    this.#strangers.clear()
  }

  #timer(connection: Connection, timeoutMs: number): Timer {
    return this.#clock.after(timeoutMs, () => this.#drop(connection, `no hello in ${timeoutMs} ms`))
  }

  #drop(connection: Connection, why: string): void {
    if (!this.#strangers.has(connection)) return
    this.#forget(connection)
    const address = connection.remoteAddr.toString()
    this.#logger.debug({ peer: connection.remotePeer.toString(), address, why }, 'a stranger was let go')
    connection.abort(new ConnectionEndedError(why))
  }

  #forget(connection: Connection): void {
    this.#strangers.get(connection)?.timer.cancel()
    this.#strangers.delete(connection)
  }
}

/** Protocols that can be asked for by name; the list that multistream makes of them by `map` is empty. */
function unlisted(protocols: readonly string[]): string[] {
  return Object.defineProperty([...protocols], 'map', { value: () => [], enumerable: false })
}
