import type { Connection, Stream } from '@libp2p/interface'
import { type Clock, type Logger, messageOf, type PeerIdString } from '@vsmcp/kernel'
import { Channel, type ChannelHandlers, type ChannelHost, type ChannelLimits } from './channel.ts'
import { CLOSE_TIMEOUT_MS, OFFENCES_MAX, PLANE_PROTOCOLS, PLANE_STREAMS_MAX } from './constants.ts'
import type { DownReason, PeerInfo } from './contract.ts'
import { deadline } from './deadline.ts'
import { ConnectionEndedError, MalformedFrameError } from './errors.ts'
import type { Verified } from './hello.ts'
import { Link } from './link.ts'
import type { MessagePipe } from './message-pipe.ts'
import { isRelayed } from './relays.ts'

export type PlaneName = keyof typeof PLANE_PROTOCOLS
export const PLANE_NAMES = ['control', 'state', 'rpc'] as const satisfies readonly PlaneName[]

export interface SessionComponents {
  readonly clock: Clock
  readonly logger: Logger
  readonly limits: ChannelLimits
  readonly handlers: Readonly<Record<PlaneName, ChannelHandlers>>
  needsSweep: (channel: Channel) => void
}

export interface SessionEvents<Info> {
  onReady(session: Session<Info>): void
  /** Once, when the connection is closed. */
  onClosed(session: Session<Info>, reason: DownReason): void
}

/** One verified connection: its link and its three channels. */
export class Session<Info> {
  readonly peer: PeerIdString
  readonly connection: Connection
  readonly verified: Verified<Info>
  readonly link: Link
  readonly #channels: Readonly<Record<PlaneName, Channel>>
  readonly #components: SessionComponents
  readonly #events: SessionEvents<Info>
  #heardAtMs: number
  #offences = 0
  #ending: DownReason | undefined
  #closed = false
  /** Whether the peer said that this node's gossip subscriptions reached it. */
  remoteReady = false

  constructor(
    connection: Connection,
    pipe: MessagePipe,
    verified: Verified<Info>,
    components: SessionComponents,
    events: SessionEvents<Info>,
  ) {
    this.peer = connection.remotePeer.toString()
    this.connection = connection
    this.verified = verified
    this.#components = components
    this.#events = events
    this.#heardAtMs = components.clock.monotonicMs()
    this.#channels = { control: this.#channel('control'), state: this.#channel('state'), rpc: this.#channel('rpc') }
    this.link = new Link(pipe, {
      clock: components.clock,
      onReady: () => {
        this.remoteReady = true
        events.onReady(this)
      },
      onBye: () => this.#onBye(),
      onEnd: (error) => this.#linkEnded(error),
    })
  }

  /** Another member passes on what it carries. */
  get relayed(): boolean {
    return isRelayed(this.connection)
  }

  /** Begins to read the link. */
  run(): void {
    this.connection.addEventListener('close', () => this.#onClose(), { once: true })
    if (this.connection.status === 'open') this.link.run()
    else this.#onClose()
  }

  get closed(): boolean {
    return this.#closed
  }

  /** Monotonic milliseconds of the latest bytes from the peer. */
  get heardAtMs(): number {
    return this.#heardAtMs
  }

  get idle(): boolean {
    return PLANE_NAMES.every((name) => this.#channels[name].idle)
  }

  get info(): Omit<PeerInfo<Info>, 'upSinceMs'> {
    const { info, wire, featureLevel } = this.verified
    const { direction, remoteAddr } = this.connection
    const { rttMs } = this.link
    return { peer: this.peer, info, address: remoteAddr.toString(), relayed: this.relayed, direction, wire, featureLevel, rttMs }
  }

  channel(name: PlaneName): Channel {
    return this.#channels[name]
  }

  heard(): void {
    this.#heardAtMs = this.#components.clock.monotonicMs()
  }

  /** The peer is up: requests are let through. */
  open(): void {
    for (const name of PLANE_NAMES) this.#channels[name].open()
  }

  accept(name: PlaneName, stream: Stream): void {
    this.#channels[name].accept(stream)
  }

  /** Refuses new requests, says good-bye, closes, and aborts what does not close in time. */
  async close(reason: DownReason): Promise<void> {
    if (this.#closed) return
    this.#ending ??= reason
    for (const name of PLANE_NAMES) this.#channels[name].stop()
    const limit = deadline(this.#components.clock, CLOSE_TIMEOUT_MS, () => new ConnectionEndedError('it did not close in time'))
    try {
      await limit.race(this.link.farewell(reason))
      await limit.race(Promise.all(PLANE_NAMES.map((name) => this.#channels[name].drained())))
      await this.connection.close({ signal: limit.signal })
    } catch (cause) {
      this.connection.abort(new ConnectionEndedError(`it did not close in ${CLOSE_TIMEOUT_MS} ms`, { cause }))
    } finally {
      limit.done()
    }
    this.#onClose()
  }

  /** Cuts the connection at once. */
  abort(reason: DownReason, why: string): void {
    if (this.#closed) return
    this.#ending ??= reason
    this.connection.abort(new ConnectionEndedError(why))
    this.#onClose()
  }

  #channel(name: PlaneName): Channel {
    const { clock, logger, limits, handlers, needsSweep } = this.#components
    const protocol = PLANE_PROTOCOLS[name]
    const host: ChannelHost = {
      peer: this.peer,
      clock,
      logger,
      openStream: () =>
        this.connection.newStream(protocol, { runOnLimitedConnection: true, maxOutboundStreams: PLANE_STREAMS_MAX }),
      onHeard: () => this.heard(),
      onOffence: (error) => this.#onOffence(protocol, error),
      onUnread: (error) => this.abort('offence', error.message),
      needsSweep,
    }
    return new Channel(host, handlers[name], limits)
  }

  #onOffence(protocol: string, error: Error): void {
    this.#offences += 1
    const { logger } = this.#components
    logger.warn({ peer: this.peer, protocol, offences: this.#offences, error: error.message }, 'a peer broke the wire format')
    if (this.#offences >= OFFENCES_MAX) this.abort('offence', `it broke the wire format ${this.#offences} times`)
  }

  #linkEnded(error: Error): void {
    if (this.#closed || this.connection.status !== 'open') return
    if (error instanceof MalformedFrameError) this.#onOffence('link', error)
    void this.close(error instanceof MalformedFrameError ? 'offence' : 'lost').catch((failure: unknown) => {
      this.#components.logger.error({ peer: this.peer, error: messageOf(failure) }, 'a connection did not close')
    })
  }

  /** The peer is closing: what is under way may still end well, nothing new is begun. */
  #onBye(): void {
    this.#ending ??= 'closed'
    for (const name of PLANE_NAMES) this.#channels[name].stop()
  }

  #onClose(): void {
    if (this.#closed) return
    this.#closed = true
    const reason = this.#ending ?? 'lost'
    for (const name of PLANE_NAMES) this.#channels[name].close(`the connection to ${this.peer} is gone (${reason})`)
    this.#events.onClosed(this, reason)
  }
}
