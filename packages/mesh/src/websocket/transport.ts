import {
  type ComponentLogger,
  type Connection,
  type CreateListenerOptions,
  type DialTransportOptions,
  type Listener,
  serviceCapabilities,
  type Transport,
  transportSymbol,
} from '@libp2p/interface'
import { CODE_P2P, type Multiaddr } from '@multiformats/multiaddr'
import { WEBSOCKET_MESSAGE_LENGTH_MAX } from '../constants.ts'
import { WebSocketConnection } from './connection.ts'
import { WebSocketListener, type WebSocketListenerInit } from './listener.ts'

const ADDRESS = /^\/(?:ip4|ip6|dns|dns4|dns6)\/([^/]+)\/tcp\/(\d+)\/(ws|wss|tls\/(?:sni\/[^/]+\/)?ws)$/

/**
 * libp2p over WebSockets, for networks that let nothing else through. Not `@libp2p/websockets`: that one reads messages of
 * 100 MiB from anybody, leaves sockets that ask for nothing open for ever, knows no back-pressure and cannot abort (ADR 0007).
 * What needs `ws` loads it when the first address asks for it.
 */
export class WebSocketTransport implements Transport {
  readonly [transportSymbol] = true as const
  readonly [Symbol.toStringTag] = '@vsmcp/websocket'
  readonly [serviceCapabilities] = ['@libp2p/transport']
  readonly #logger: ComponentLogger
  readonly #onSocket: WebSocketListenerInit['onSocket']

  constructor(logger: ComponentLogger, onSocket: WebSocketListenerInit['onSocket']) {
    this.#logger = logger
    this.#onSocket = onSocket
  }

  async dial(address: Multiaddr, options: DialTransportOptions): Promise<Connection> {
    const connection = await this.#connect(address, options.signal)
    try {
      return await options.upgrader.upgradeOutbound(connection, options)
    } catch (error) {
      connection.abort(error instanceof Error ? error : new Error(String(error)))
      throw error
    }
  }

  createListener({ upgrader }: CreateListenerOptions): Listener {
    return new WebSocketListener({ upgrader, logger: this.#logger, onSocket: this.#onSocket })
  }

  listenFilter(addresses: Multiaddr[]): Multiaddr[] {
    return addresses.filter((address) => ADDRESS.exec(bare(address))?.[3] === 'ws')
  }

  dialFilter(addresses: Multiaddr[]): Multiaddr[] {
    return addresses.filter((address) => ADDRESS.test(bare(address)))
  }

  async #connect(address: Multiaddr, signal: AbortSignal): Promise<WebSocketConnection> {
    const { WebSocket } = await import('ws')
    signal.throwIfAborted()
    const websocket = new WebSocket(urlOf(address), {
      perMessageDeflate: false,
      autoPong: false,
      maxPayload: WEBSOCKET_MESSAGE_LENGTH_MAX,
      followRedirects: false,
    })
    const cut = (): void => websocket.terminate()
    signal.addEventListener('abort', cut, { once: true })
    const { promise, resolve, reject } = Promise.withResolvers<WebSocketConnection>()
    websocket.once('error', reject)
    websocket.once('open', () => {
      const log = this.#logger.forComponent('vsmcp:websocket')
      resolve(new WebSocketConnection({ websocket, remoteAddr: address, direction: 'outbound', log }))
    })
    try {
      return await promise
    } finally {
      signal.removeEventListener('abort', cut)
    }
  }
}

function bare(address: Multiaddr): string {
  return address.decapsulateCode(CODE_P2P).toString()
}

/** Throws when the address is not one of a WebSocket. */
function urlOf(address: Multiaddr): string {
  const [, host = '', port = '', kind = ''] = ADDRESS.exec(bare(address)) ?? []
  if (host === '') throw new TypeError(`${address.toString()} is no WebSocket address`)
  return `${kind === 'ws' ? 'ws' : 'wss'}://${host.includes(':') ? `[${host}]` : host}:${port}/`
}
