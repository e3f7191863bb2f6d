/** Cuts a stream of bytes into lines of at most `bytesMax`; of a longer one only that it came is told. */
export class LineSplitter {
  readonly #bytesMax: number
  #parts: Buffer[] = []
  #length = 0
  #isSkipping = false

  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax
  }

  /** @returns lines without their end, `undefined` for each that was too long; empty lines are left out */
  push(chunk: Buffer): (Buffer | undefined)[] {
    const lines: (Buffer | undefined)[] = []
    let from = 0
    for (let at = chunk.indexOf(0x0a); at >= 0; at = chunk.indexOf(0x0a, from)) {
      this.#take(chunk.subarray(from, at))
      from = at + 1
      if (this.#isSkipping) lines.push(undefined)
      else if (this.#length > 0) lines.push(this.#line())
      this.#reset()
    }
    this.#take(chunk.subarray(from))
    return lines
  }

  /** What came after the last line end. */
  end(): Buffer | undefined {
    const line = this.#isSkipping || this.#length === 0 ? undefined : this.#line()
    this.#reset()
    return line
  }

  #take(part: Buffer): void {
    this.#length += part.length
    if (this.#length > this.#bytesMax) {
      this.#isSkipping = true
      this.#parts = []
    }
    if (!this.#isSkipping && part.length > 0) this.#parts.push(part)
  }

  #line(): Buffer {
    const line = this.#parts.length === 1 && this.#parts[0] !== undefined ? this.#parts[0] : Buffer.concat(this.#parts)
    return line.at(-1) === 0x0d ? line.subarray(0, -1) : line
  }

  #reset(): void {
    this.#parts = []
    this.#length = 0
    this.#isSkipping = false
  }
}
