import { bytesOf, textOf } from './form.ts'

/** Writes numbers, bytes and texts one after the other, each only as long as it must be. */
export class CompactWriter {
  readonly #parts: Uint8Array[] = []

  /** Big-endian unsigned integer of 1 to 6 bytes. Throws `RangeError` when it does not fit. */
  uint(value: number, width: 1 | 2 | 6): this {
    const part = Buffer.alloc(width)
    part.writeUIntBE(value, 0, width)
    return this.raw(part)
  }

  raw(bytes: Uint8Array): this {
    this.#parts.push(bytes)
    return this
  }

  /** UTF-8 after its length in two bytes. */
  text(value: string): this {
    const bytes = bytesOf(value)
    return this.uint(bytes.length, 2).raw(bytes)
  }

  bytes(): Uint8Array {
    return new Uint8Array(Buffer.concat(this.#parts))
  }
}

/** Reads what `CompactWriter` wrote. Every method throws `RangeError` at the end of the bytes. */
export class CompactReader {
  readonly #bytes: Buffer
  #at = 0

  constructor(bytes: Uint8Array) {
    this.#bytes = Buffer.from(bytes)
  }

  get left(): number {
    return this.#bytes.length - this.#at
  }

  uint(width: 1 | 2 | 6): number {
    const at = this.#advance(width)
    return this.#bytes.readUIntBE(at, width)
  }

  raw(length: number): Uint8Array {
    const at = this.#advance(length)
    return new Uint8Array(this.#bytes.subarray(at, at + length))
  }

  text(): string {
    return textOf(this.raw(this.uint(2)))
  }

  /** As many items as the next byte says. */
  list<T>(item: () => T): T[] {
    return Array.from({ length: this.uint(1) }, item)
  }

  #advance(length: number): number {
    const at = this.#at
    if (length > this.left) throw new RangeError('it ends too early')
    this.#at += length
    return at
  }
}
