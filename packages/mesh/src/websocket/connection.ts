import type { AbortOptions, Logger, MessageStreamDirection } from '@libp2p/interface'
import { AbstractMultiaddrConnection, type SendResult } from '@libp2p/utils'
import type { Multiaddr } from '@multiformats/multiaddr'
import type { WebSocket } from 'ws'
import { WEBSOCKET_BUFFERED_MAX, WEBSOCKET_MESSAGE_LENGTH } from '../constants.ts'

export interface WebSocketConnectionInit {
  readonly websocket: WebSocket
  readonly remoteAddr: Multiaddr
  readonly direction: MessageStreamDirection
  readonly log: Logger
}

/** Bytes over binary messages, with the back-pressure of the socket beneath in both directions. */
export class WebSocketConnection extends AbstractMultiaddrConnection {
  readonly #websocket: WebSocket

  /** Attaches to the socket at once: the first message may come with the answer to the upgrade. */
  constructor({ websocket, ...init }: WebSocketConnectionInit) {
    super({ ...init, maxMessageSize: WEBSOCKET_MESSAGE_LENGTH })
    this.#websocket = websocket
    websocket.on('message', (data, isBinary) => {
      if (isBinary && data instanceof Uint8Array) this.onData(data)
      else this.abort(new Error('a text message came where bytes belong'))
    })
    websocket.on('ping', (data) => {
      // whoever sends pings and reads nothing gets no pile of answers
      if (websocket.bufferedAmount < WEBSOCKET_BUFFERED_MAX) websocket.pong(data)
    })
    websocket.on('error', (error) => this.abort(error))
    websocket.on('close', () => this.onTransportClosed())
  }

  sendData(data: Parameters<AbstractMultiaddrConnection['sendData']>[0]): SendResult {
    this.#websocket.send(data.subarray(), { binary: true }, () => this.#flushed())
    return { sentBytes: data.byteLength, canSendMore: this.#websocket.bufferedAmount < WEBSOCKET_BUFFERED_MAX }
  }

  sendReset(): void {
    this.#websocket.terminate()
  }

  async sendClose({ signal }: AbortOptions = {}): Promise<void> {
    const websocket = this.#websocket
    if (websocket.readyState === websocket.CLOSED) return
    const { promise, resolve } = Promise.withResolvers<void>()
    const cut = (): void => websocket.terminate()
    websocket.once('close', () => resolve())
    signal?.addEventListener('abort', cut, { once: true })
    websocket.close()
    await promise
    signal?.removeEventListener('abort', cut)
  }

  sendPause(): void {
    this.#websocket.pause()
  }

  sendResume(): void {
    this.#websocket.resume()
  }

  #flushed(): void {
    if (this.writableNeedsDrain && this.#websocket.bufferedAmount < WEBSOCKET_BUFFERED_MAX / 2) this.safeDispatchEvent('drain')
  }
}
