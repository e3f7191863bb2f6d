import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Clock } from '@vsmcp/kernel'
import type { Dispatcher } from './dispatcher.ts'
import { checkMirrorHeaders, type MirrorHeaders } from './envelope.ts'
import { EventStream } from './event-stream.ts'
import { accepts, HttpReply, sendError, sendJson } from './http-reply.ts'
import type { ListingPages } from './listing-pages.ts'
import type { NotificationMessage, RequestMessage } from './message.ts'
import { checkParamHeaders } from './param-headers.ts'
import { errorText, notificationText, resultText, type RpcError } from './rpc.ts'
import type { Subscriptions } from './subscriptions.ts'

export interface ModernHttpComponents {
  dispatcher: Dispatcher
  pages: ListingPages
  subscriptions: Subscriptions
  clock: Clock
}

/** The modern era over HTTP: every POST stands for itself, and closing it is how the client cancels. */
export class ModernHttp {
  readonly #dispatcher: Dispatcher
  readonly #pages: ListingPages
  readonly #subscriptions: Subscriptions
  readonly #clock: Clock

  constructor({ dispatcher, pages, subscriptions, clock }: ModernHttpComponents) {
    this.#dispatcher = dispatcher
    this.#pages = pages
    this.#subscriptions = subscriptions
    this.#clock = clock
  }

  /** The revision knows no notification from a client over HTTP: accepted, without effect. */
  notification(_message: NotificationMessage, response: ServerResponse): void {
    sendJson(response, 202, undefined, this.#clock)
  }

  async request(
    message: RequestMessage,
    headers: MirrorHeaders,
    request: IncomingMessage,
    response: ServerResponse,
  ): Promise<void> {
    const refused = checkMirrorHeaders(message, headers) ?? this.#checkParams(message, request)
    if (refused !== undefined) {
      sendError(response, message.idJson, refused, this.#clock)
      return
    }
    if (message.method === 'subscriptions/listen') {
      this.#listen(message, request, response)
      return
    }
    const abort = new AbortController()
    response.once('close', () => {
      if (!response.writableFinished) abort.abort()
    })
    const reply = new HttpReply(request, response, this.#clock)
    const outcome = await this.#dispatcher.handle(message, { era: 'modern' }, abort, (method, paramsJson) =>
      reply.notify(notificationText(method, paramsJson)),
    )
    if (response.destroyed) return
    if ('error' in outcome) reply.end(errorText(message.idJson, outcome.error), outcome.error.httpStatus)
    else reply.end(resultText(message.idJson, outcome.resultJson))
  }

  #checkParams({ method, params }: RequestMessage, request: IncomingMessage): RpcError | undefined {
    if (method !== 'tools/call' || typeof params['name'] !== 'string') return undefined
    const mirrored = this.#pages.mirrored(params['name'])
    return mirrored.length === 0 ? undefined : checkParamHeaders(mirrored, params['arguments'], request.headers)
  }

  #listen(message: RequestMessage, request: IncomingMessage, response: ServerResponse): void {
    const open = accepts(request, 'text/event-stream') ? this.#subscriptions.prepare(message) : undefined
    if (typeof open !== 'function') {
      const unacceptable = { code: -32600, message: 'a subscription needs "Accept: text/event-stream"', httpStatus: 406 }
      sendError(response, message.idJson, open ?? unacceptable, this.#clock)
      return
    }
    const stream = new EventStream(response, this.#clock)
    const subscription = open({
      send: (json) => stream.send(json),
      end: (json) => {
        stream.sendAnswer(json)
        stream.end()
      },
    })
    response.once('close', () => subscription.cancel())
  }
}
