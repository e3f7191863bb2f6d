import { type ClientRequest, type IncomingMessage, request as httpRequest } from 'node:http'
import { BusyError, OutcomeUnknownError, systemClock, TimeoutError, type Timer } from '@vsmcp/kernel'
import { BODY_MAX_BYTES } from './constants.ts'
import { type Endpoint, type EndpointName, ENDPOINTS } from './endpoints.ts'
import { ApiDeniedError, BadAnswerError, NodeError, NoNodeError, TooLargeError, type WireError } from './errors.ts'

const NOT_OURS = 'what listens on the control socket does not speak this API'
const NOT_OURS_HINT = 'Is it a node, and of this version? "vsmcp doctor" compares them.'

/** Whom to speak to. */
export interface Target {
  socketPath: string
  /** Named in errors. */
  dataDir: string
}

export interface ExchangeOptions {
  input?: object
  /** Until the answer is whole. @default for ever */
  timeoutMs?: number
  signal?: AbortSignal
}

/** One request, one JSON answer. */
export async function exchange(target: Target, name: EndpointName, options: ExchangeOptions): Promise<unknown> {
  const conversation = new Conversation(target, ENDPOINTS[name])
  try {
    return parse(await conversation.readAll(await conversation.send(options, 'application/json')))
  } finally {
    conversation.end()
  }
}

/** One request, lines as they come. A last line `{"error":…}` is thrown; an abort ends the lines. */
export async function* exchangeLines(target: Target, name: EndpointName, options: ExchangeOptions): AsyncGenerator {
  const conversation = new Conversation(target, ENDPOINTS[name])
  try {
    const response = await conversation.send(options, 'application/x-ndjson')
    for await (const line of conversation.lines(response)) {
      const value = parse(line) as { error?: unknown }
      if (isWireError(value.error)) throw new NodeError(value.error)
      yield value
    }
  } catch (error) {
    if (options.signal?.aborted === true) return
    throw error
  } finally {
    conversation.end()
  }
}

/** One request and its answer over a connection of their own. */
class Conversation {
  readonly #target: Target
  readonly #endpoint: Endpoint
  #request: ClientRequest | undefined
  #timer: Timer | undefined
  #timeout: TimeoutError | undefined

  constructor(target: Target, endpoint: Endpoint) {
    this.#target = target
    this.#endpoint = endpoint
  }

  /** @returns the answer, when it is not a failure */
  async send(options: ExchangeOptions, accept: string): Promise<IncomingMessage> {
    const { path, body } = place(this.#endpoint, options.input ?? {})
    const request = httpRequest({
      socketPath: this.#target.socketPath,
      method: this.#endpoint.method,
      path,
      headers: {
        accept,
        host: 'localhost',
        ...(body === undefined ? {} : { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) }),
      },
      agent: false,
      ...(options.signal === undefined ? {} : { signal: options.signal }),
    })
    this.#request = request
    if (options.timeoutMs !== undefined) this.#timer = systemClock.after(options.timeoutMs, () => this.#giveUp())
    const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>()
    request.once('response', resolve)
    // `on`: after an abort a second error may follow, and one without a listener would end the process.
    request.on('error', (error) => reject(this.#explain(error)))
    request.end(body)
    const response = await promise
    if (response.statusCode === 200) return response
    const failure = parse(await this.readAll(response)) as { error?: unknown }
    if (isWireError(failure.error)) throw new NodeError(failure.error)
    throw new BadAnswerError(`the node answered ${this.#name} with status ${response.statusCode}`)
  }

  async readAll(response: IncomingMessage): Promise<string> {
    const chunks: Buffer[] = []
    try {
      for await (const chunk of response) chunks.push(chunk as Buffer)
    } catch (error) {
      throw this.#explain(error as Error)
    }
    return Buffer.concat(chunks).toString()
  }

  async *lines(response: IncomingMessage): AsyncGenerator<string> {
    response.setEncoding('utf8')
    let begun: string[] = []
    let begunLength = 0
    try {
      for await (const chunk of response) {
        const [first = '', ...others] = String(chunk).split('\n')
        begun.push(first)
        begunLength += first.length
        if (begunLength > BODY_MAX_BYTES) throw new BadAnswerError(`the node sent a line of over ${BODY_MAX_BYTES} bytes`)
        const last = others.pop()
        if (last === undefined) continue
        yield begun.join('')
        yield* others
        begun = [last]
        begunLength = last.length
      }
    } catch (error) {
      throw error instanceof BadAnswerError ? error : this.#explain(error as Error)
    }
  }

  end(): void {
    this.#timer?.cancel()
    this.#request?.destroy()
  }

  get #name(): string {
    return `${this.#endpoint.method} ${this.#endpoint.path}`
  }

  #giveUp(): void {
    this.#timeout = new TimeoutError(`the node on ${this.#target.dataDir} did not answer ${this.#name} in time`, {
      hint: 'It may be stopped or overloaded: see "vsmcp doctor" and its log.',
    })
    this.#request?.destroy(this.#timeout)
  }

  #explain(error: Error): Error {
    if (this.#timeout !== undefined) return this.#timeout
    if (error.name === 'AbortError') return error
    const { code } = error as NodeJS.ErrnoException
    const { dataDir, socketPath } = this.#target
    if (code === 'EACCES' || code === 'EPERM') {
      return new ApiDeniedError(`this user may not open the control socket ${socketPath}`, {
        hint: 'Run the command as the user who runs the node.',
        cause: error,
      })
    }
    if (code === 'EAGAIN') return new BusyError(`the node on ${dataDir} accepts no more connections`, { cause: error })
    if (code === 'ENOENT' || code === 'ECONNREFUSED' || code === 'ENOTDIR' || code === 'ENOTSOCK') {
      return new NoNodeError(`no node is running on ${dataDir}`, {
        hint: 'Start it with "vsmcp up", or name another directory with --data-dir or VSMCP_DATA_DIR.',
        cause: error,
      })
    }
    if (code?.startsWith('HPE_') === true) return new BadAnswerError(NOT_OURS, { hint: NOT_OURS_HINT, cause: error })
    // It went away between request and answer: a read can be repeated, a change may have been made.
    if (this.#endpoint.idempotent) {
      return new NoNodeError(`the node on ${dataDir} stopped before it answered`, {
        hint: 'Start it again with "vsmcp up"; then "vsmcp logs" says what happened.',
        cause: error,
      })
    }
    return new OutcomeUnknownError(`the node on ${dataDir} stopped before it answered ${this.#name}`, {
      hint: 'It may or may not have been done: start the node again and look before repeating it.',
      cause: error,
    })
  }
}

/** Puts each field of the input where the endpoint wants it: path, query or body. */
function place(endpoint: Endpoint, input: object): { path: string; body: string | undefined } {
  const rest = new Map<string, unknown>(Object.entries(input))
  let path = endpoint.path.replace(/:(\w+)/g, (_, field: string) => {
    const value = rest.get(field)
    rest.delete(field)
    return encodeURIComponent(asText(value))
  })
  if (endpoint.method === 'POST' || endpoint.method === 'PUT') {
    const body = JSON.stringify(Object.fromEntries(rest))
    if (Buffer.byteLength(body) > BODY_MAX_BYTES) {
      throw new TooLargeError(`the request is larger than ${BODY_MAX_BYTES} bytes`, { hint: 'Pass large data by reference.' })
    }
    return { path, body }
  }
  const query = new URLSearchParams()
  for (const [field, value] of rest) if (value !== undefined) query.set(field, asText(value))
  if (query.size > 0) path += `?${query.toString()}`
  return { path, body: undefined }
}

function asText(value: unknown): string {
  return typeof value === 'string' ? value : JSON.stringify(value)
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch (error) {
    throw new BadAnswerError(NOT_OURS, { hint: NOT_OURS_HINT, cause: error })
  }
}

function isWireError(value: unknown): value is WireError {
  return typeof value === 'object' && value !== null && typeof (value as WireError).code === 'string'
}
