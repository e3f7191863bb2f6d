import { type Clock, BusyError, NotSentError, type Timer } from '@vsmcp/kernel'
import type { Dispatcher } from 'undici'
import type { Call, GivenUpReason } from './call.ts'
import { HTTP_ERROR_BYTES_MAX, MESSAGE_BYTES_MAX, RESUME_ATTEMPTS_MAX, RESUME_DELAY_MS, STREAM_END_MS } from './constants.ts'
import { EventReader } from './event-reader.ts'
import { type Incoming, readIncoming } from './incoming.ts'

/** What an exchange needs of its connection. */
export interface ExchangeLink {
  clock: Clock
  dispatcher: Dispatcher
  /** Where requests go now, redirects followed. */
  url(): URL
  /** Of the next request, those of this call included. */
  headers: Readonly<Record<string, string>>
  hasSession: boolean
  /** Whether the stream of an answer can be taken up again when it is cut (legacy, "Resumability and Redelivery"). */
  isResumable: boolean
  onMessage(call: Call, incoming: Incoming): void
  /** The server moved within its origin. */
  onMoved(url: URL): void
  /** The server cannot be reached at all, or has forgotten the session. */
  onLost(reason: string): void
  onEnd(): void
}

/** Codes of errors that come before a byte was sent. */
const UNREACHABLE: ReadonlySet<unknown> = new Set(
  (
    'ECONNREFUSED ENOTFOUND EAI_AGAIN EHOSTUNREACH ENETUNREACH UND_ERR_CONNECT_TIMEOUT ' +
    'CERT_HAS_EXPIRED DEPTH_ZERO_SELF_SIGNED_CERT ERR_TLS_CERT_ALTNAME_INVALID UNABLE_TO_VERIFY_LEAF_SIGNATURE'
  ).split(' '),
)

type Body = { kind: 'events'; reader: EventReader } | { kind: 'json' | 'error'; status: number; chunks: Buffer[]; length: number }

/** One call to an HTTP server: a POST and its answer, as JSON or as a stream of events, taken up again when it is cut. */
export class HttpExchange {
  readonly #call: Call
  readonly #body: string
  readonly #link: ExchangeLink
  #controller: Dispatcher.DispatchController | undefined
  #answer: Body | undefined
  #attempts = 0
  #retry: Timer | undefined
  #isOver = false
  #hasMoved = false
  /** Counts the requests of this exchange: what comes of an earlier one is dropped. */
  #turn = 0

  constructor(call: Call, body: string, link: ExchangeLink) {
    this.#call = call
    this.#body = body
    this.#link = link
  }

  start(): void {
    this.#dispatch('POST', this.#body, {})
  }

  /** Nobody waits any more, or the connection ends. Closing the stream is how a modern server is told. */
  abort(reason: GivenUpReason | 'died', what = 'the connection was closed'): void {
    if (this.#isOver) return
    if (reason === 'died') this.#call.fail('died', what)
    this.#over()
    this.#controller?.abort(new Error(reason))
  }

  #over(): void {
    if (this.#isOver) return
    this.#isOver = true
    this.#retry?.cancel()
    this.#link.onEnd()
  }

  #fail(reason: 'died' | 'too-large', what: string): void {
    this.#call.fail(reason, what)
    this.#over()
    this.#controller?.abort(new Error(what))
  }

  #dispatch(method: 'POST' | 'GET', body: string | null, extra: Readonly<Record<string, string>>): void {
    const url = this.#link.url()
    const turn = ++this.#turn
    const ifCurrent = (then: () => void): void => {
      if (turn === this.#turn) then()
    }
    this.#answer = undefined
    this.#link.dispatcher.dispatch(
      { origin: url.origin, path: url.pathname + url.search, method, body, headers: { ...this.#link.headers, ...extra } },
      {
        onRequestStart: (controller) => {
          this.#controller = controller
          if (this.#isOver) controller.abort(new Error('given up'))
          else this.#call.isWritten = true
        },
        onResponseStart: (_controller, status, headers) => ifCurrent(() => this.#onStart(status, headers)),
        onResponseData: (_controller, chunk) => ifCurrent(() => this.#onData(chunk)),
        onResponseEnd: () => ifCurrent(() => this.#onEnd()),
        onResponseError: (_controller, error) => ifCurrent(() => this.#onError(error)),
      },
    )
  }

  #onStart(status: number, headers: Readonly<Record<string, string | string[] | undefined>>): void {
    const type = String(headers['content-type'] ?? '').toLowerCase()
    if (status === 307 || status === 308) return this.#redirect(String(headers['location'] ?? ''))
    if (status >= 200 && status < 300 && type.startsWith('text/event-stream')) {
      const reader = new EventReader({
        onEvent: (data) => this.#onMessage(data),
        onOversized: () => this.#fail('too-large', 'an event is over 16 MiB'),
      })
      this.#answer = { kind: 'events', reader }
      return
    }
    const kind = status >= 200 && status < 300 ? 'json' : 'error'
    this.#answer = { kind, status, chunks: [], length: 0 }
  }

  #redirect(location: string): void {
    const from = this.#link.url()
    const to = URL.canParse(location, from) ? new URL(location, from) : undefined
    if (this.#hasMoved || to === undefined || to.origin !== from.origin) {
      return this.#refuse(
        new NotSentError('the server redirects elsewhere', { hint: 'Attach it by the address it redirects to.' }),
      )
    }
    this.#hasMoved = true
    this.#link.onMoved(to)
    this.#turn++
    this.#controller?.abort(new Error('redirected'))
    this.#call.isWritten = false
    this.#dispatch('POST', this.#body, {})
  }

  #refuse(error: NotSentError | BusyError): void {
    this.#call.reject(error)
    this.#over()
    this.#controller?.abort(error)
  }

  #onData(chunk: Buffer): void {
    const answer = this.#answer
    if (answer === undefined || this.#isOver) return
    if (answer.kind === 'events') return answer.reader.push(chunk)
    answer.length += chunk.length
    const lengthMax = answer.kind === 'json' ? MESSAGE_BYTES_MAX : HTTP_ERROR_BYTES_MAX
    if (answer.length <= lengthMax) answer.chunks.push(chunk)
    else if (answer.kind === 'json') this.#fail('too-large', 'the answer is over 16 MiB')
  }

  #onMessage(text: string): void {
    const incoming = readIncoming(text)
    if (incoming === undefined) return
    if (incoming.kind === 'answer' && incoming.id !== this.#call.id) return
    this.#link.onMessage(this.#call, incoming)
    if (!this.#call.isEnded) return
    this.#over()
    // The stream ends after its answer. One that does not must not keep its connection from other calls.
    if (this.#answer?.kind === 'events')
      this.#retry = this.#link.clock.after(STREAM_END_MS, () => this.#controller?.abort(new Error('answered')))
  }

  #onEnd(): void {
    const answer = this.#answer
    if (this.#isOver) this.#retry?.cancel()
    if (answer === undefined || this.#isOver) return
    if (answer.kind === 'events') return this.#resume(answer.reader, 'the stream of its answer ended without one')
    const text = Buffer.concat(answer.chunks).toString('utf8')
    if (!this.#isSessionLost(answer.status, text)) this.#onMessage(text)
    if (this.#isOver) return
    if (answer.kind === 'json') return this.#fail('died', `it answered ${answer.status} without a JSON-RPC answer`)
    this.#onRefusal(answer.status, readIncoming(text))
  }

  /** A server that was started again knows no session; some say so with the request's id, as if it were an answer. */
  #isSessionLost(status: number, text: string): boolean {
    return this.#link.hasSession && (status === 404 || (status === 400 && /session/i.test(text)))
  }

  /** An HTTP error whose body is no answer to this call. */
  #onRefusal(status: number, incoming: Incoming | undefined): void {
    const said = incoming?.kind === 'answer' ? incoming.error?.message : undefined
    const isLost = this.#isSessionLost(status, said ?? '')
    const what = `the server answered HTTP ${status}${said === undefined ? '' : ` (${said})`}`
    if (this.#attempts > 0) return this.#fail('died', what)
    if (status === 401 || status === 403) {
      return this.#refuse(
        new NotSentError(what, { hint: 'Look at the headers the server was attached with: it refuses the credentials.' }),
      )
    }
    if (status === 429 || status === 503)
      return this.#refuse(new BusyError(what, { hint: 'Nothing was executed. Try again in a moment.' }))
    if (status >= 500) return this.#fail('died', what)
    this.#refuse(new NotSentError(what, { hint: 'Nothing was executed; it is safe to try again.' }))
    if (isLost) this.#link.onLost('the server has ended the session')
  }

  #onError(error: Error & { code?: unknown }): void {
    if (this.#isOver) return
    const answer = this.#answer
    if (answer?.kind === 'events') return this.#resume(answer.reader, error.message)
    const isUnreachable = UNREACHABLE.has(error.code) && !this.#call.isWritten
    this.#call.fail('died', error.message)
    this.#over()
    if (isUnreachable) this.#link.onLost(`it cannot be reached: ${error.message}`)
  }

  #resume({ lastEventId, retryMs }: EventReader, why: string): void {
    if (!this.#link.isResumable || lastEventId === undefined || ++this.#attempts > RESUME_ATTEMPTS_MAX)
      return this.#fail('died', why)
    this.#retry = this.#link.clock.after(retryMs ?? RESUME_DELAY_MS, () => {
      if (!this.#isOver) this.#dispatch('GET', null, { 'last-event-id': lastEventId })
    })
  }
}
