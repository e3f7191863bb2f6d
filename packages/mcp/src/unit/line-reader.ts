import { MESSAGE_BYTES_MAX, OVERSIZED_KEPT_BYTES } from './constants.ts'

const NEWLINE = 0x0a

export interface LineReaderInit {
  /** A complete line, without its line break; never blank. */
  onLine: (line: string) => void
  /** A line with nothing in it. @default nothing is done */
  onBlank?: () => void
  /** A line over the bound was skipped; its first and last characters. */
  onOversized: (start: string, end: string) => void
  /** @default MESSAGE_BYTES_MAX */
  lineBytesMax?: number
}

/** Cuts a stream of bytes into lines. Holds at most one line, and of one over the bound only its ends. */
export class LineReader {
  readonly #init: LineReaderInit
  readonly #lineBytesMax: number
  #parts: Buffer[] = []
  #partsBytes = 0
  #skipping: { start: Buffer; end: Buffer } | undefined

  constructor(init: LineReaderInit) {
    this.#init = init
    this.#lineBytesMax = init.lineBytesMax ?? MESSAGE_BYTES_MAX
  }

  push(chunk: Buffer): void {
    let from = 0
    const lastBreak = chunk.lastIndexOf(NEWLINE)
    if (lastBreak >= 0) {
      if (this.#partsBytes > 0 || this.#skipping !== undefined) {
        const firstBreak = chunk.indexOf(NEWLINE)
        this.#extend(chunk.subarray(0, firstBreak))
        this.#endLine()
        from = firstBreak + 1
      }
      if (from <= lastBreak) this.#whole(chunk, from, lastBreak)
      from = lastBreak + 1
    }
    if (from < chunk.length) this.#extend(chunk.subarray(from))
  }

  /** The stream ended: what is left counts as a line. */
  end(): void {
    if (this.#partsBytes > 0 || this.#skipping !== undefined) this.#endLine()
  }

  /** Many whole lines at once: one decoding for all. A line within one chunk is far below the bound. */
  #whole(chunk: Buffer, from: number, to: number): void {
    if (to - from > this.#lineBytesMax) {
      for (let at = from; at <= to;) {
        const next = chunk.indexOf(NEWLINE, at)
        this.#extend(chunk.subarray(at, next))
        this.#endLine()
        at = next + 1
      }
      return
    }
    for (const line of chunk.toString('utf8', from, to).split('\n')) this.#emit(line)
  }

  #extend(part: Buffer): void {
    if (this.#skipping !== undefined) {
      this.#skipping.end = Buffer.concat([this.#skipping.end, part.subarray(-OVERSIZED_KEPT_BYTES)]).subarray(
        -OVERSIZED_KEPT_BYTES,
      )
      return
    }
    this.#parts.push(part)
    this.#partsBytes += part.length
    if (this.#partsBytes <= this.#lineBytesMax) return
    const all = this.#take()
    this.#skipping = {
      start: Buffer.from(all.subarray(0, OVERSIZED_KEPT_BYTES)),
      end: Buffer.from(all.subarray(-OVERSIZED_KEPT_BYTES)),
    }
  }

  #take(): Buffer {
    const all = Buffer.concat(this.#parts, this.#partsBytes)
    this.#parts = []
    this.#partsBytes = 0
    return all
  }

  #endLine(): void {
    if (this.#skipping === undefined) {
      this.#emit(this.#take().toString('utf8'))
      return
    }
    const { start, end } = this.#skipping
    this.#skipping = undefined
    this.#init.onOversized(start.toString('utf8'), end.toString('utf8'))
  }

  #emit(line: string): void {
    if (line.trim() === '') this.#init.onBlank?.()
    else this.#init.onLine(line)
  }
}
