import type { Clock, Timer } from '@vsmcp/kernel'
import { messageOf } from '@vsmcp/kernel'
import { Changes } from './changes.ts'
import {
  BODY_BYTES_MAX,
  PAGE_LENGTH_MAX,
  PIPE_DRAIN_MS,
  REQUEST_TIMEOUT_MS,
  STREAM_BACKLOG_BYTES_MAX,
  SUBSCRIPTIONS_PER_PIPE_MAX,
} from './constants.ts'
import type { StdioComponents, StdioInit } from './contract.ts'
import { Dispatcher } from './dispatcher.ts'
import { Identity } from './identity.ts'
import { onOneLine } from './json-text.ts'
import { ListingPages } from './listing-pages.ts'
import { Pipe } from './pipe.ts'
import { Quota } from './quota.ts'
import { errorText, INVALID_REQUEST } from './rpc.ts'
import { Subscriptions } from './subscriptions.ts'
import { LineReader } from '../unit/line-reader.ts'

/** Serves one client on two streams until the first ends, or the second cannot be written any more. */
export class StdioService {
  readonly #init: StdioInit
  readonly #components: StdioComponents
  readonly #clock: Clock
  readonly #changes: Changes
  readonly #dispatcher: Dispatcher
  readonly #subscriptions: Subscriptions
  readonly #pipe: Pipe
  readonly #lines: LineReader
  readonly #working = new Set<Promise<void>>()

  constructor(init: StdioInit, components: StdioComponents) {
    const { clock, logger } = components
    const { backend: router } = init
    this.#init = init
    this.#components = components
    this.#clock = clock
    this.#changes = new Changes(router, clock, logger)
    const identity = new Identity(init)
    const pages = new ListingPages(() => router.listing(), identity, init.pageLengthMax ?? PAGE_LENGTH_MAX)
    const requestTimeoutMs = init.requestTimeoutMs ?? REQUEST_TIMEOUT_MS
    this.#dispatcher = new Dispatcher({ requestTimeoutMs }, { router, pages, identity, clock, logger })
    this.#subscriptions = new Subscriptions(this.#changes, identity, new Quota(SUBSCRIPTIONS_PER_PIPE_MAX))
    this.#pipe = new Pipe({
      dispatcher: this.#dispatcher,
      identity,
      changes: this.#changes,
      subscriptions: this.#subscriptions,
      send: (json) => this.#send(json),
      notify: (json) => {
        if (init.stdout.writableLength <= STREAM_BACKLOG_BYTES_MAX) this.#send(json)
      },
    })
    this.#lines = new LineReader({
      lineBytesMax: BODY_BYTES_MAX,
      onLine: (line) => this.#receive(line),
      onOversized: () => {
        this.#send(errorText(null, { code: INVALID_REQUEST, message: `Invalid Request: larger than ${BODY_BYTES_MAX} bytes` }))
      },
    })
  }

  async run(): Promise<void> {
    const { stdin, signal } = this.#init
    await this.#changes.start()
    try {
      await this.#readAll()
      if (signal?.aborted !== true) this.#lines.end()
      await this.#settle()
    } finally {
      this.#subscriptions.closeAll()
      this.#pipe.close()
      await this.#dispatcher.drain(0)
      await this.#changes.stop()
      stdin.pause()
    }
  }

  /** Resolves at the end of stdin, when stdout breaks, or on the signal. */
  async #readAll(): Promise<void> {
    const { stdin, stdout, signal } = this.#init
    const { promise, resolve } = Promise.withResolvers<void>()
    const onData = (chunk: Buffer | string): void => this.#lines.push(typeof chunk === 'string' ? Buffer.from(chunk) : chunk)
    const onError = (error: unknown): void => {
      this.#components.logger.debug({ err: messageOf(error) }, 'the MCP client went away')
      resolve()
    }
    const onDrain = (): void => void stdin.resume()
    stdin.on('data', onData).once('end', resolve).once('close', resolve).on('error', onError)
    stdout.on('drain', onDrain).on('error', onError)
    const onAbort = (): void => resolve()
    signal?.addEventListener('abort', onAbort, { once: true })
    if (signal?.aborted === true) resolve()
    await promise
    stdin.off('data', onData).off('end', resolve).off('close', resolve)
    stdout.off('drain', onDrain)
    signal?.removeEventListener('abort', onAbort)
    // The listeners for errors stay: a late one must not end the process.
  }

  #receive(line: string): void {
    const work = this.#pipe.receive(line).catch((error: unknown) => {
      this.#components.logger.error({ err: error }, 'serving an MCP message failed')
    })
    this.#working.add(work)
    void work.finally(() => this.#working.delete(work))
  }

  /** Gives what is in flight a little time to be answered. */
  async #settle(): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>()
    const timer: Timer = this.#clock.after(PIPE_DRAIN_MS, resolve)
    await Promise.race([Promise.all(this.#working), promise])
    timer.cancel()
  }

  /** While the client does not read, nothing more is read from it: what it asks for is what fills the pipe. */
  #send(json: string): void {
    const { stdin, stdout } = this.#init
    if (stdout.writable && !stdout.write(`${onOneLine(json)}\n`)) stdin.pause()
  }
}
