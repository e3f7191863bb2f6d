import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo, Socket } from 'node:net'
import { type Clock, InvalidArgumentError, type Logger, messageOf, StoppedError, type Timer } from '@vsmcp/kernel'
import { Access, isLoopback } from './access.ts'
import { Changes } from './changes.ts'
import { Connections } from './connections.ts'
import {
  BODIES_BYTES_MAX,
  CONNECTIONS_CHECK_MS,
  CONNECTIONS_MAX,
  DEFAULT_HOST,
  DEFAULT_PORT,
  DRAIN_MS,
  HEADERS_BYTES_MAX,
  HEADERS_TIMEOUT_MS,
  KEEP_ALIVE_TIMEOUT_MS,
  MCP_PATH,
  PAGE_LENGTH_MAX,
  RECEIVE_TIMEOUT_MS,
  REQUEST_TIMEOUT_MS,
  SESSION_IDLE_MS,
  SESSION_SWEEP_MS,
  SESSIONS_MAX,
  STREAMS_MAX,
} from './constants.ts'
import type { Gateway, GatewayComponents, GatewayInit, GatewayStats } from './contract.ts'
import { Dispatcher } from './dispatcher.ts'
import { ListenError } from './errors.ts'
import { HttpFront } from './http-front.ts'
import { LegacyHttp } from './http-legacy.ts'
import { ModernHttp } from './http-modern.ts'
import { refuse } from './http-reply.ts'
import { Identity } from './identity.ts'
import { ListingPages } from './listing-pages.ts'
import { Quota } from './quota.ts'
import { randomSessionIds } from './random-session-ids.ts'
import { Sessions } from './sessions.ts'
import { Subscriptions } from './subscriptions.ts'

const SERVER_OPTIONS = {
  headersTimeout: HEADERS_TIMEOUT_MS,
  requestTimeout: RECEIVE_TIMEOUT_MS,
  keepAliveTimeout: KEEP_ALIVE_TIMEOUT_MS,
  connectionsCheckingInterval: CONNECTIONS_CHECK_MS,
  maxHeaderSize: HEADERS_BYTES_MAX,
  // A missing Host is refused like a wrong one.
  requireHostHeader: false,
}

/** What is still being written when the gateway stops gets this long, ms. */
const FLUSH_MS = 1_000

/** Port 0 on two addresses: the free one of the first may be taken on the second. */
const PAIR_ATTEMPTS_MAX = 5

const STATUS_LINES: Readonly<Record<string, string>> = {
  HPE_HEADER_OVERFLOW: '431 Request Header Fields Too Large',
  ERR_HTTP_REQUEST_TIMEOUT: '408 Request Timeout',
}

/** Answers what the HTTP parser did not understand, or not in time. */
function onClientError(error: NodeJS.ErrnoException, socket: Socket): void {
  if (socket.writable)
    socket.end(
      `HTTP/1.1 ${STATUS_LINES[error.code ?? ''] ?? '400 Bad Request'}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`,
    )
  socket.destroySoon()
}

export class McpGateway implements Gateway {
  readonly #host: string
  /** Once it is open: where it is, so that a start after a stop finds it there again. */
  #port: number
  readonly #clock: Clock
  readonly #logger: Logger
  readonly #changes: Changes
  readonly #dispatcher: Dispatcher
  readonly #subscriptions: Subscriptions
  readonly #sessions: Sessions
  readonly #legacy: LegacyHttp
  readonly #front: HttpFront
  readonly #connections: Connections
  #servers: Server[] = []
  #sweep: Timer | undefined
  #isServing = false

  constructor(init: GatewayInit, { router, sessionIds = randomSessionIds, clock, logger }: GatewayComponents) {
    this.#host = init.host ?? DEFAULT_HOST
    this.#port = init.port ?? DEFAULT_PORT
    if (!isLoopback(this.#host) && init.token === undefined) {
      throw new InvalidArgumentError(`the MCP endpoint would be open to the network on ${this.#host}`, {
        hint: 'Listen on localhost, or give a token that clients must send.',
      })
    }
    this.#clock = clock
    this.#logger = logger
    const identity = new Identity(init)
    const pages = new ListingPages(() => router.listing(), identity, init.pageLengthMax ?? PAGE_LENGTH_MAX)
    const streams = new Quota(STREAMS_MAX)
    const requestTimeoutMs = init.requestTimeoutMs ?? REQUEST_TIMEOUT_MS
    this.#changes = new Changes(router, clock, logger)
    this.#dispatcher = new Dispatcher({ requestTimeoutMs }, { router, pages, identity, clock, logger })
    this.#subscriptions = new Subscriptions(this.#changes, identity, streams)
    this.#sessions = new Sessions(clock, sessionIds, init.sessionsMax ?? SESSIONS_MAX, init.sessionIdleMs ?? SESSION_IDLE_MS)
    this.#legacy = new LegacyHttp({
      dispatcher: this.#dispatcher,
      identity,
      sessions: this.#sessions,
      changes: this.#changes,
      streams,
      clock,
    })
    const modern = new ModernHttp({ dispatcher: this.#dispatcher, pages, subscriptions: this.#subscriptions, clock })
    const { allowedHosts = [], allowedOrigins = [], token } = init
    const access = new Access({ host: this.#host, token, allowedHosts, allowedOrigins })
    this.#front = new HttpFront({ access, modern, legacy: this.#legacy, bodies: new Quota(BODIES_BYTES_MAX), clock, logger })
    this.#connections = new Connections(init.connectionsMax ?? CONNECTIONS_MAX)
  }

  async start(): Promise<void> {
    await this.#changes.start()
    this.#legacy.start()
    this.#isServing = true
    try {
      await this.#listen()
      this.#port = (this.#servers[0]?.address() as AddressInfo | null)?.port ?? this.#port
    } catch (error) {
      await this.stop()
      throw error
    }
    this.#sweep = this.#clock.every(SESSION_SWEEP_MS, () => this.#sessions.sweep())
    this.#logger.info({ url: this.url() }, 'MCP endpoint open')
  }

  async stop(): Promise<void> {
    this.#isServing = false
    this.#sweep?.cancel()
    const closed = this.#servers.map((server) => new Promise<void>((done) => server.close(() => done())))
    this.#subscriptions.closeAll()
    await this.#dispatcher.drain(DRAIN_MS)
    this.#legacy.stop()
    for (const server of this.#servers) server.closeIdleConnections()
    const cut = this.#clock.after(FLUSH_MS, () => this.#connections.closeAll())
    await Promise.all(closed)
    cut.cancel()
    this.#servers = []
    await this.#changes.stop()
  }

  url(): string {
    const [server] = this.#servers
    const address = server?.address() as AddressInfo | null | undefined
    if (address === null || address === undefined) throw new StoppedError('the MCP endpoint is not open')
    const isWildcard = address.address === '0.0.0.0' || address.address === '::'
    const host = isWildcard ? '127.0.0.1' : address.family === 'IPv6' ? `[${address.address}]` : address.address
    return `http://${host}:${address.port}${MCP_PATH}`
  }

  handle(request: IncomingMessage, response: ServerResponse): void {
    this.#handle(request, response, true)
  }

  stats(): GatewayStats {
    return {
      connections: this.#connections.size,
      sessions: this.#sessions.size,
      subscriptions: this.#subscriptions.size,
      inFlight: this.#dispatcher.inFlight,
    }
  }

  #handle(request: IncomingMessage, response: ServerResponse, isTrusted: boolean): void {
    if (this.#isServing) {
      this.#front.handle(request, response, isTrusted)
      return
    }
    request.resume()
    response.setHeader('Connection', 'close')
    refuse(response, 503, 'The MCP endpoint is closing', this.#clock)
  }

  async #listen(): Promise<void> {
    if (this.#host !== DEFAULT_HOST) {
      this.#servers = [await this.#open(this.#host, this.#port)]
      return
    }
    for (let attempt = 1; this.#servers.length === 0; attempt++) {
      const first = await this.#open('127.0.0.1', this.#port)
      const { port } = first.address() as AddressInfo
      try {
        this.#servers = [first, await this.#open('::1', port)]
      } catch (error) {
        const { code } = (error as ListenError).cause as NodeJS.ErrnoException
        if (code === 'EADDRINUSE' && this.#port === 0 && attempt < PAIR_ATTEMPTS_MAX) first.close()
        else {
          this.#logger.warn({ err: messageOf(error) }, 'MCP endpoint not open on [::1]')
          this.#servers = [first]
        }
      }
    }
  }

  async #open(host: string, port: number): Promise<Server> {
    const server = createServer(SERVER_OPTIONS, (request, response) => this.#handle(request, response, false))
    server.on('clientError', onClientError)
    this.#connections.watch(server)
    const { promise, resolve, reject } = Promise.withResolvers<void>()
    server.once('error', reject)
    server.listen({ host, port }, resolve)
    try {
      await promise
    } catch (error) {
      throw new ListenError(`cannot listen on ${host} port ${port}: ${messageOf(error)}`, {
        hint: 'Choose another address with --http HOST:PORT, or stop what listens there.',
        cause: error,
      })
    }
    server.off('error', reject)
    server.on('error', (error) => this.#logger.error({ err: error }, 'MCP endpoint failed'))
    return server
  }
}
