import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import { join, resolve } from 'node:path'
import { type Logger, silentLogger, type Startable, systemClock } from '@vsmcp/kernel'
import { fastify, type FastifyInstance } from 'fastify'
import { BODY_MAX_BYTES, CONNECTIONS_MAX, DRAIN_TIMEOUT_MS, HEADERS_TIMEOUT_MS, SOCKET_NAME } from './constants.ts'
import { BadRequestError, RouteNotFoundError, TooLargeError } from './errors.ts'
import { httpStatusOf, toWireError } from './http-status.ts'
import { listenPrivately, type PrivateSocket } from './private-socket.ts'
import type { AnyRoute } from './route.ts'
import { ROUTES } from './routes.ts'
import { serveRoute } from './serve-route.ts'
import type { ApiServerInit } from './index.ts'

/** `/v1` by fastify and `/mcp` by the node's own handler, on one private Unix socket. */
export class ControlServer implements Startable {
  readonly #init: ApiServerInit
  readonly #logger: Logger
  /** Aborted when the server stops: ends the streams that would never end by themselves. */
  readonly #stopping = new AbortController()
  #app: FastifyInstance | undefined
  #server: Server | undefined
  #socket: PrivateSocket | undefined

  constructor(init: ApiServerInit) {
    this.#init = init
    this.#logger = init.logger ?? silentLogger
  }

  async start(): Promise<void> {
    const app = this.#createApp()
    await app.ready()
    const server = this.#server
    if (server === undefined) throw new Error('fastify made no server')
    const inside = join(resolve(this.#init.dataDir), SOCKET_NAME)
    const linkAt = this.#init.socketPath === inside ? undefined : inside
    this.#socket = await listenPrivately(server, this.#init.socketPath, linkAt)
    server.on('error', (error) => this.#logger.error({ err: error }, 'control socket failed'))
    this.#app = app
    this.#logger.debug({ path: this.#init.socketPath }, 'control socket open')
  }

  async stop(): Promise<void> {
    const server = this.#server
    if (server === undefined || this.#socket === undefined) return
    this.#stopping.abort()
    await this.#socket.release()
    this.#socket = undefined
    const closed = new Promise<void>((done) => server.close(() => done()))
    server.closeIdleConnections()
    const cut = systemClock.after(DRAIN_TIMEOUT_MS, () => server.closeAllConnections())
    await closed
    cut.cancel()
    await this.#app?.close()
  }

  #createApp(): FastifyInstance {
    const { mcpHandler, control } = this.#init
    const app = fastify({
      bodyLimit: BODY_MAX_BYTES,
      // Answers are checked by the route's own schema; nothing of fastify's compilers is used.
      logger: false,
      serverFactory: (handler) => {
        const options = { headersTimeout: HEADERS_TIMEOUT_MS, requireHostHeader: false }
        const server = createServer(options, (request: IncomingMessage, response: ServerResponse) => {
          if (isMcp(request.url)) mcpHandler(request, response)
          else handler(request, response)
        })
        server.maxConnections = CONNECTIONS_MAX
        this.#server = server
        return server
      },
    })
    app.setNotFoundHandler((request, reply) =>
      reply.code(404).send({
        error: toWireError(new RouteNotFoundError(`there is no ${request.method} ${request.url.split('?')[0] ?? ''}`)),
      }),
    )
    app.setErrorHandler((error, _request, reply) => {
      const wire = toWireError(fromFastify(error))
      return reply.code(httpStatusOf(wire.code)).send({ error: wire })
    })
    for (const route of Object.values<AnyRoute>(ROUTES)) {
      app.route({
        method: route.method,
        url: route.path,
        handler: (request, reply) => serveRoute(route, { control, request, reply, stopping: this.#stopping.signal }),
      })
    }
    return app
  }
}

function isMcp(url: string | undefined): boolean {
  return url !== undefined && /^\/mcp(?:[/?]|$)/.test(url)
}

/** Fastify's own refusals, in our words. */
function fromFastify(error: unknown): unknown {
  const code = (error as { code?: unknown }).code
  if (typeof code !== 'string' || !code.startsWith('FST_')) return error
  if (code === 'FST_ERR_CTP_BODY_TOO_LARGE') {
    return new TooLargeError(`the request body is larger than ${BODY_MAX_BYTES} bytes`, { cause: error })
  }
  return new BadRequestError(`the request is malformed: ${(error as Error).message}`, {
    hint: 'Send one JSON object as application/json.',
    cause: error,
  })
}
