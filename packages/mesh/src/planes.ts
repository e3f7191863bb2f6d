import {
  type CallHandler,
  type CallOptions,
  InvalidArgumentError,
  type NoticeHandler,
  NotSentError,
  type PeerIdString,
  type Plane,
} from '@vsmcp/kernel'
import type { Channel, ChannelHandlers } from './channel.ts'

/** A plane over whichever connection leads to the peer now. */
export class RoutedPlane implements Plane {
  readonly #route: (peer: PeerIdString) => Channel | undefined
  readonly #calls = new Map<string, CallHandler>()
  readonly #notices = new Map<string, NoticeHandler>()

  constructor(route: (peer: PeerIdString) => Channel | undefined) {
    this.#route = route
  }

  get handlers(): ChannelHandlers {
    return { calls: this.#calls, notices: this.#notices }
  }

  call(peer: PeerIdString, method: string, payload: Uint8Array, options: CallOptions): Promise<Uint8Array> {
    const channel = this.#route(peer)
    if (channel !== undefined) return channel.call(method, payload, options)
    return Promise.reject(
      new NotSentError(`${method} was not sent: no verified connection to ${peer}`, { details: { peer, method } }),
    )
  }

  notify(peer: PeerIdString, method: string, payload: Uint8Array): boolean {
    return this.#route(peer)?.notify(method, payload) ?? false
  }

  handle(method: string, handler: CallHandler): void {
    if (this.#calls.has(method)) throw new InvalidArgumentError(`${method} has a handler already`)
    this.#calls.set(method, handler)
  }

  onNotice(method: string, handler: NoticeHandler): void {
    if (this.#notices.has(method)) throw new InvalidArgumentError(`${method} has a notice handler already`)
    this.#notices.set(method, handler)
  }
}
