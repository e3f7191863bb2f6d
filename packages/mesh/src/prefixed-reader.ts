import { MalformedFrameError } from './errors.ts'

/** The first buffer for a body that arrives in pieces; it doubles as more arrives. */
const BUFFER_LENGTH_MIN = 1_024

/**
 * Cuts the bytes of one stream into bodies, each behind its length as u32, big endian. What it holds is at most twice
 * what has arrived of one body, never what a length claims, and however small the pieces, no byte is copied more than
 * a few times. Throws `MalformedFrameError`; after that the stream is of no use.
 */
export class PrefixedReader {
  readonly #onBody: (body: Uint8Array, shared: boolean) => void
  #lengthMax: number
  #buffer = new Uint8Array(0)
  #held = 0
  /** Bytes of the body under way, its prefix included; 4 while the prefix itself is incomplete. */
  #wanted = 4

  /** @param onBody `shared` tells that the body is a part of the buffer it came in */
  constructor(lengthMax: number, onBody: (body: Uint8Array, shared: boolean) => void) {
    this.#lengthMax = lengthMax
    this.#onBody = onBody
  }

  /** Whether the last byte seen ended a body. */
  get atBoundary(): boolean {
    return this.#held === 0
  }

  /** From the next body on. */
  limit(lengthMax: number): void {
    this.#lengthMax = lengthMax
  }

  push(chunk: Uint8Array): void {
    let rest = chunk
    while (rest.byteLength > 0) {
      if (this.#held === 0) rest = this.#readWhole(rest)
      if (rest.byteLength > 0) rest = this.#collect(rest)
    }
  }

  /** Reads the bodies that lie whole in the chunk, without copying. @returns what is left */
  #readWhole(chunk: Uint8Array): Uint8Array {
    let offset = 0
    while (chunk.byteLength - offset >= 4) {
      const end = offset + 4 + this.#lengthAt(chunk, offset)
      if (end > chunk.byteLength) break
      this.#onBody(chunk.subarray(offset + 4, end), true)
      offset = end
    }
    return offset === 0 ? chunk : chunk.subarray(offset)
  }

  /** Takes what the prefix or the body under way still lacks. @returns what belongs to whatever follows */
  #collect(chunk: Uint8Array): Uint8Array {
    const taken = chunk.subarray(0, this.#wanted - this.#held)
    this.#append(taken)
    if (this.#held === this.#wanted && this.#wanted === 4) this.#wanted += this.#lengthAt(this.#buffer, 0)
    if (this.#held === this.#wanted) this.#finish()
    return chunk.subarray(taken.byteLength)
  }

  #append(bytes: Uint8Array): void {
    const held = this.#held + bytes.byteLength
    if (held > this.#buffer.byteLength) {
      const room = Math.min(this.#wanted, Math.max(2 * this.#buffer.byteLength, BUFFER_LENGTH_MIN))
      const buffer = new Uint8Array(Math.max(room, held))
      buffer.set(this.#buffer.subarray(0, this.#held))
      this.#buffer = buffer
    }
    this.#buffer.set(bytes, this.#held)
    this.#held = held
  }

  #finish(): void {
    const body = this.#buffer.subarray(4, this.#wanted)
    this.#buffer = new Uint8Array(0)
    this.#held = 0
    this.#wanted = 4
    this.#onBody(body, false)
  }

  #lengthAt(bytes: Uint8Array, offset: number): number {
    const low = ((bytes[offset + 1] ?? 0) << 16) | ((bytes[offset + 2] ?? 0) << 8) | (bytes[offset + 3] ?? 0)
    const length = (bytes[offset] ?? 0) * 0x1000000 + low
    if (length <= this.#lengthMax) return length
    throw new MalformedFrameError(`a message of ${length} bytes is over the cap of ${this.#lengthMax}`)
  }
}
