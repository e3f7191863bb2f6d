import { once } from 'node:events'
import { createServer, type IncomingMessage, type Server } from 'node:http'
import type { Duplex } from 'node:stream'
import type { Socket } from 'node:net'
import { type ComponentLogger, type Listener, type ListenerEvents, TypedEventEmitter, type Upgrader } from '@libp2p/interface'
import { getNetConfig, getThinWaistAddresses, ipPortToMultiaddr } from '@libp2p/utils'
import type { Multiaddr } from '@multiformats/multiaddr'
import type { WebSocketServer } from 'ws'
import { LISTEN_BACKLOG, REQUEST_LENGTH_MAX, UPGRADE_TIMEOUT_MS, WEBSOCKET_MESSAGE_LENGTH_MAX } from '../constants.ts'
import { WebSocketConnection } from './connection.ts'

export interface WebSocketListenerInit {
  readonly upgrader: Upgrader
  readonly logger: ComponentLogger
  /**
   * A socket came in that has not asked for anything yet.
   * @returns what to call once it is a WebSocket; undefined when it is not wanted
   */
  readonly onSocket: (socket: Socket) => (() => void) | undefined
}

/** Takes WebSockets in, and nothing else: no pages, no redirects, nobody's browser. */
export class WebSocketListener extends TypedEventEmitter<ListenerEvents> implements Listener {
  readonly #init: WebSocketListenerInit
  readonly #upgraded = new WeakMap<Duplex, () => void>()
  readonly #sockets = new Set<Socket>()
  readonly #stop = new AbortController()
  #server: Server | undefined
  #address: Multiaddr | undefined

  constructor(init: WebSocketListenerInit) {
    super()
    this.#init = init
  }

  async listen(address: Multiaddr): Promise<void> {
    const { WebSocketServer } = await import('ws')
    const sockets = new WebSocketServer({
      noServer: true,
      clientTracking: false,
      perMessageDeflate: false,
      autoPong: false,
      maxPayload: WEBSOCKET_MESSAGE_LENGTH_MAX,
    })
    const timeouts = { headersTimeout: UPGRADE_TIMEOUT_MS, requestTimeout: UPGRADE_TIMEOUT_MS }
    const server = createServer({ ...timeouts, maxHeaderSize: REQUEST_LENGTH_MAX }, (_request, response) => {
      response.writeHead(426, { Upgrade: 'websocket', Connection: 'close' }).end('a WebSocket is served here\n')
    })
    server.on('connection', (socket) => this.#onConnection(socket))
    server.on('clientError', (_error, socket) => void socket.destroy())
    server.on('upgrade', (request, socket, head) => this.#onUpgrade(sockets, request, socket, head))
    this.#server = server
    this.#address = address
    const { host, port, type } = getNetConfig(address)
    server.listen({ host, port: port ?? 0, backlog: LISTEN_BACKLOG, ipv6Only: type === 'ip6' })
    await once(server, 'listening')
    this.safeDispatchEvent('listening')
  }

  getAddrs(): Multiaddr[] {
    const address = this.#server?.address()
    if (this.#address === undefined || address === null || typeof address !== 'object') return []
    return getThinWaistAddresses(this.#address, address.port).map((each) => each.encapsulate('/ws'))
  }

  updateAnnounceAddrs(): void {}

  async close(): Promise<void> {
    const server = this.#server
    if (server?.listening === true) {
      const closed = once(server, 'close')
      server.close()
      this.#stop.abort()
      for (const socket of this.#sockets) socket.destroy()
      await closed
    }
    this.safeDispatchEvent('close')
  }

  #onConnection(socket: Socket): void {
    const upgraded = this.#init.onSocket(socket)
    if (upgraded === undefined) {
      socket.destroy()
      return
    }
    this.#upgraded.set(socket, upgraded)
    this.#sockets.add(socket)
    socket.once('close', () => {
      upgraded()
      this.#sockets.delete(socket)
    })
  }

  #onUpgrade(sockets: WebSocketServer, request: IncomingMessage, socket: Duplex, head: Buffer): void {
    // no member is a browser; a page that somebody at this machine looks at must not speak to a node
    if (request.headers.origin !== undefined) {
      socket.end('HTTP/1.1 403 Forbidden\r\nConnection: close\r\nContent-Length: 0\r\n\r\n')
      return
    }
    const { remoteAddress, remotePort } = request.socket
    if (remoteAddress === undefined || remotePort === undefined) {
      socket.destroy()
      return
    }
    sockets.handleUpgrade(request, socket, head, (websocket) => {
      const log = this.#init.logger.forComponent('vsmcp:websocket')
      const remoteAddr = ipPortToMultiaddr(remoteAddress, remotePort).encapsulate('/ws')
      const connection = new WebSocketConnection({ websocket, remoteAddr, direction: 'inbound', log })
      this.#upgraded.get(socket)?.()
      this.#init.upgrader
        .upgradeInbound(connection, { signal: this.#stop.signal })
        .catch((error: Error) => connection.abort(error))
    })
  }
}
