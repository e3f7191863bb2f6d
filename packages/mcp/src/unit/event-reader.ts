import { MESSAGE_BYTES_MAX } from './constants.ts'
import { LineReader } from './line-reader.ts'

export interface EventReaderInit {
  /** The data of a complete event. */
  onEvent: (data: string) => void
  /** An event over the bound was dropped. */
  onOversized: () => void
}

/**
 * Reads server-sent events (WHATWG HTML, "Parsing an event stream"): their data, the last id and the time to wait before
 * coming back. It holds one event of bounded size at most; libraries hold whatever a server sends.
 */
export class EventReader {
  /** To be given when the stream is taken up again; `undefined` when the server keeps nothing for that. */
  lastEventId: string | undefined
  retryMs: number | undefined
  readonly #init: EventReaderInit
  readonly #lines: LineReader
  #data: string[] = []
  #length = 0

  constructor(init: EventReaderInit) {
    this.#init = init
    this.#lines = new LineReader({
      onLine: (line) => this.#onLine(line),
      onBlank: () => this.#dispatch(),
      onOversized: () => {
        this.#length = Number.POSITIVE_INFINITY
      },
    })
  }

  push(chunk: Buffer): void {
    this.#lines.push(chunk)
  }

  #onLine(raw: string): void {
    const line = raw.endsWith('\r') ? raw.slice(0, -1) : raw
    const colon = line.indexOf(':')
    if (colon === 0) return
    const field = colon < 0 ? line : line.slice(0, colon)
    const from = line[colon + 1] === ' ' ? colon + 2 : colon + 1
    const value = colon < 0 ? '' : line.slice(from)
    if (field === 'data') this.#add(value)
    else if (field === 'id' && !value.includes('\0')) this.lastEventId = value === '' ? undefined : value
    else if (field === 'retry' && /^\d{1,6}$/.test(value)) this.retryMs = Number(value)
  }

  #add(data: string): void {
    this.#length += data.length
    if (this.#length > MESSAGE_BYTES_MAX) this.#data = []
    else this.#data.push(data)
  }

  #dispatch(): void {
    const data = this.#data
    const isOversized = this.#length > MESSAGE_BYTES_MAX
    this.#data = []
    this.#length = 0
    if (isOversized) this.#init.onOversized()
    else if (data.length > 0) this.#init.onEvent(data.join('\n'))
  }
}
