import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Clock } from '@vsmcp/kernel'
import type { Changes } from './changes.ts'
import { LEGACY_VERSIONS } from './constants.ts'
import type { Dispatcher, Outcome } from './dispatcher.ts'
import { EventStream } from './event-stream.ts'
import { HttpReply, refuse, sendError, sendJson } from './http-reply.ts'
import type { Identity } from './identity.ts'
import { changeTexts, LegacyPeer } from './legacy-peer.ts'
import type { Message, NotificationMessage, RequestMessage, ResponseMessage } from './message.ts'
import type { Quota } from './quota.ts'
import { errorText, INVALID_REQUEST, notificationText, resultText, rpcError, SESSION_NOT_FOUND } from './rpc.ts'
import type { Session, Sessions } from './sessions.ts'

const SESSION_HEADER = 'mcp-session-id'

export interface LegacyHttpComponents {
  dispatcher: Dispatcher
  identity: Identity
  sessions: Sessions
  changes: Changes
  /** Streams that only listen. */
  streams: Quota
  clock: Clock
}

function textOf(message: RequestMessage, outcome: Outcome): string {
  return 'error' in outcome ? errorText(message.idJson, outcome.error) : resultText(message.idJson, outcome.resultJson)
}

/** The legacy era over HTTP: sessions, a listening stream by GET, the end by DELETE (2025-11-25, "Streamable HTTP"). */
export class LegacyHttp {
  readonly #dispatcher: Dispatcher
  readonly #identity: Identity
  readonly #sessions: Sessions
  readonly #changes: Changes
  readonly #streams: Quota
  readonly #clock: Clock
  #unsubscribe: (() => void) | undefined

  constructor({ dispatcher, identity, sessions, changes, streams, clock }: LegacyHttpComponents) {
    this.#dispatcher = dispatcher
    this.#identity = identity
    this.#sessions = sessions
    this.#changes = changes
    this.#streams = streams
    this.#clock = clock
  }

  start(): void {
    this.#unsubscribe ??= this.#changes.subscribe((kinds) => {
      const texts = changeTexts(kinds)
      for (const session of this.#sessions) for (const text of texts) session.push(text)
    })
  }

  stop(): void {
    this.#unsubscribe?.()
    this.#unsubscribe = undefined
    this.#sessions.endAll()
  }

  /** One message. */
  async post(
    message: RequestMessage | NotificationMessage | ResponseMessage,
    request: IncomingMessage,
    response: ServerResponse,
  ): Promise<void> {
    if (message.kind === 'request' && message.method === 'initialize') {
      this.#initialize(message, response)
      return
    }
    const session = this.#session(request, response)
    if (session === undefined) return
    if (message.kind !== 'request') {
      if (message.kind === 'notification') session.peer.notification(message)
      sendJson(response, 202, undefined, this.#clock)
      return
    }
    const reply = new HttpReply(request, response, this.#clock)
    const outcome = await session.peer.request(message, (method, json) => reply.notify(notificationText(method, json)))
    if (outcome === undefined) reply.endWithout()
    else reply.end(textOf(message, outcome))
  }

  /** Several messages at once, which one revision allows. */
  async postBatch(messages: readonly Message[], request: IncomingMessage, response: ServerResponse): Promise<void> {
    const session = this.#session(request, response)
    if (session === undefined) return
    const unfit = this.#unfitForBatch(session, messages)
    if (unfit !== undefined) {
      sendError(response, null, rpcError(INVALID_REQUEST, `Invalid Request: ${unfit}`, undefined, 400), this.#clock)
      return
    }
    for (const message of messages) if (message.kind === 'notification') session.peer.notification(message)
    const requests = messages.filter((message) => message.kind === 'request')
    if (requests.length === 0) {
      sendJson(response, 202, undefined, this.#clock)
      return
    }
    const reply = new HttpReply(request, response, this.#clock)
    const answers: string[] = []
    await Promise.all(
      requests.map(async (message) => {
        const outcome = await session.peer.request(message, (method, json) => reply.notify(notificationText(method, json)))
        if (outcome === undefined) return
        if (reply.isStream) reply.sendAnswer(textOf(message, outcome))
        else answers.push(textOf(message, outcome))
      }),
    )
    if (!reply.isStream && answers.length > 0) {
      reply.end(`[${answers.join(',')}]`)
      return
    }
    for (const answer of answers) reply.sendAnswer(answer)
    reply.endWithout()
  }

  /** Opens a stream on which the client hears what it did not ask for. */
  listen(request: IncomingMessage, response: ServerResponse): void {
    if (!(request.headers.accept ?? '').includes('text/event-stream')) {
      refuse(response, 406, 'Not Acceptable: Client must accept text/event-stream', this.#clock)
      return
    }
    const session = this.#session(request, response)
    if (session === undefined) return
    if (!this.#streams.take()) {
      refuse(response, 503, 'Too many listening streams are open', this.#clock)
      return
    }
    const stream = new EventStream(response, this.#clock, { [SESSION_HEADER]: session.id })
    session.add(stream)
    response.once('close', () => {
      this.#streams.release()
      session.remove(stream)
      this.#sessions.get(session.id)
    })
  }

  end(request: IncomingMessage, response: ServerResponse): void {
    const session = this.#session(request, response)
    if (session === undefined) return
    this.#sessions.end(session)
    sendJson(response, 200, undefined, this.#clock)
  }

  #initialize(message: RequestMessage, response: ServerResponse): void {
    const peer = new LegacyPeer(this.#dispatcher)
    const outcome = peer.initialize(message, this.#identity)
    const headers = 'error' in outcome ? {} : { [SESSION_HEADER]: this.#sessions.create(peer).id }
    sendJson(response, 200, textOf(message, outcome), this.#clock, headers)
  }

  /** Answers the request itself when there is no session for it. */
  #session(request: IncomingMessage, response: ServerResponse): Session | undefined {
    const id = request.headers[SESSION_HEADER]
    if (typeof id !== 'string' || id === '') {
      refuse(response, 400, 'Bad Request: Mcp-Session-Id header is required', this.#clock)
      return undefined
    }
    const session = this.#sessions.get(id)
    if (session === undefined) {
      const owner = this.#sessions.ownerOf(id)
      const where = owner === undefined ? '' : `: it was begun at ${owner}, and has ended there or goes on there only`
      refuse(response, 404, `Session not found${where}`, this.#clock, SESSION_NOT_FOUND)
      return undefined
    }
    const version = request.headers['mcp-protocol-version']?.toString()
    if (version !== undefined && !LEGACY_VERSIONS.includes(version)) {
      const supported = LEGACY_VERSIONS.join(', ')
      refuse(
        response,
        400,
        `Bad Request: Unsupported protocol version: ${version} (supported versions: ${supported})`,
        this.#clock,
      )
      return undefined
    }
    return session
  }

  #unfitForBatch(session: Session, messages: readonly Message[]): string | undefined {
    if (!session.peer.allowsBatches) return `batches are not part of protocol revision ${session.peer.protocolVersion}`
    if (messages.some((message) => message.kind === 'invalid')) return 'the batch contains what is no JSON-RPC message'
    const isHandshake = messages.some((message) => message.kind === 'request' && message.method === 'initialize')
    return isHandshake ? 'initialize must not be part of a batch' : undefined
  }
}
