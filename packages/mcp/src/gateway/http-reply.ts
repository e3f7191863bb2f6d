import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Clock } from '@vsmcp/kernel'
import { SEND_TIMEOUT_MS } from './constants.ts'
import { EventStream } from './event-stream.ts'
import { errorText, type RpcError, TRANSPORT_ERROR } from './rpc.ts'

/** Longer answers are not handed to the kernel at once: a client that does not take them in is cut off after a while. */
const WATCHED_BYTES = 64 * 1024

export function accepts(request: IncomingMessage, type: 'application/json' | 'text/event-stream'): boolean {
  const { accept } = request.headers
  return accept === undefined || accept.includes(type) || accept.includes('*/*')
}

/** Sends one JSON text, or no body for `undefined`. */
export function sendJson(
  response: ServerResponse,
  status: number,
  json: string | undefined,
  clock: Clock,
  headers: Readonly<Record<string, string>> = {},
): void {
  if (response.headersSent || response.destroyed) return
  if (json === undefined) {
    response.writeHead(status, headers)
    response.end()
    return
  }
  const length = Buffer.byteLength(json)
  response.writeHead(status, { 'Content-Type': 'application/json', 'Content-Length': length, ...headers })
  response.end(json)
  if (length > WATCHED_BYTES) watchSending(response, clock)
}

function watchSending(response: ServerResponse, clock: Clock): void {
  const timer = clock.after(SEND_TIMEOUT_MS, () => response.destroy())
  response.once('close', () => timer.cancel())
}

/** A refusal by the transport: an HTTP status and, for those who look, a JSON-RPC error. */
export function refuse(
  response: ServerResponse,
  status: number,
  message: string,
  clock: Clock,
  code: number = TRANSPORT_ERROR,
): void {
  sendJson(response, status, errorText(null, { code, message }), clock)
}

export function sendError(response: ServerResponse, idJson: string | null, error: RpcError, clock: Clock): void {
  sendJson(response, error.httpStatus ?? 200, errorText(idJson, error), clock)
}

/**
 * The reply to one POST with requests in it: plain JSON when there is nothing to say before the answer, which is cheapest; an
 * event stream from the first notification on.
 */
export class HttpReply {
  readonly #response: ServerResponse
  readonly #clock: Clock
  readonly #canStream: boolean
  #stream: EventStream | undefined

  constructor(request: IncomingMessage, response: ServerResponse, clock: Clock) {
    this.#response = response
    this.#clock = clock
    this.#canStream = accepts(request, 'text/event-stream')
    if (!accepts(request, 'application/json')) this.#stream = new EventStream(response, clock)
  }

  get isStream(): boolean {
    return this.#stream !== undefined
  }

  /** Left out when the client takes no stream. */
  notify(json: string): void {
    if (!this.#canStream || this.#response.destroyed) return
    this.#stream ??= new EventStream(this.#response, this.#clock)
    this.#stream.send(json)
  }

  /** One of several answers; needs `isStream`. */
  sendAnswer(json: string): void {
    this.#stream?.sendAnswer(json)
  }

  /** The last or only message. */
  end(json: string, status = 200): void {
    if (this.#stream === undefined) {
      sendJson(this.#response, status, json, this.#clock)
      return
    }
    this.#stream.sendAnswer(json)
    this.#close(this.#stream)
  }

  /** Ends the reply with nothing more to say, as for a cancelled request: a stream without an answer. */
  endWithout(): void {
    if (this.#stream === undefined && !this.#canStream) {
      sendJson(this.#response, 202, undefined, this.#clock)
      return
    }
    if (this.#response.destroyed) return
    this.#close((this.#stream ??= new EventStream(this.#response, this.#clock)))
  }

  #close(stream: EventStream): void {
    stream.end()
    watchSending(this.#response, this.#clock)
  }
}
