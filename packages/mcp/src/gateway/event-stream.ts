import type { ServerResponse } from 'node:http'
import type { Clock, Timer } from '@vsmcp/kernel'
import { STREAM_BACKLOG_BYTES_MAX, STREAM_KEEP_ALIVE_MS } from './constants.ts'
import { onOneLine } from './json-text.ts'

const HEADERS = {
  'Content-Type': 'text/event-stream',
  'Cache-Control': 'no-cache, no-transform',
  // Proxies such as nginx hold back what they may buffer (2026-07-28, "Receiving Messages").
  'X-Accel-Buffering': 'no',
}

/** A response that carries messages as server-sent events until it is ended. */
export class EventStream {
  readonly #response: ServerResponse
  readonly #keepAlive: Timer
  #isOpen = true

  constructor(response: ServerResponse, clock: Clock, headers: Readonly<Record<string, string>> = {}) {
    this.#response = response
    response.writeHead(200, { ...HEADERS, ...headers })
    response.flushHeaders()
    this.#keepAlive = clock.every(STREAM_KEEP_ALIVE_MS, () => this.#write(': keepalive\n\n'))
    response.once('close', () => this.#shut())
  }

  get isOpen(): boolean {
    return this.#isOpen
  }

  /** A message that may be left out when the client does not keep up. */
  send(json: string): void {
    if (this.#response.writableLength <= STREAM_BACKLOG_BYTES_MAX) this.#write(frame(json))
  }

  /** A message that must arrive. */
  sendAnswer(json: string): void {
    this.#write(frame(json))
  }

  end(): void {
    if (!this.#isOpen) return
    this.#shut()
    this.#response.end()
  }

  #write(text: string): void {
    if (this.#isOpen) this.#response.write(text)
  }

  #shut(): void {
    this.#isOpen = false
    this.#keepAlive.cancel()
  }
}

function frame(json: string): string {
  return `event: message\ndata: ${onOneLine(json)}\n\n`
}
