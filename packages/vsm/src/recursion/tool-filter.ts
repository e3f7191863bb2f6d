import { base64urlOf, bytesOfBase64url } from '@vsmcp/kernel'
import { FILTER_BITS, FILTER_HASHES } from './constants.ts'
import { halvesOf } from './murmur.ts'

/** How a filter is spelt: all of its bits, or the distances between those that are set, seven bits to a byte. */
const ALL_BITS = 'b'
const DISTANCES = 'd'

/** Characters of a filter's text at the longest. */
export const FILTER_TEXT_MAX = 1 + Math.ceil(FILTER_BITS / 6)

/**
 * Which names may be below a group: a Bloom filter of one size for all groups, so that those of children are joined into their
 * parent's. It never denies a name that was added; how often it wrongly says yes is told by `falsePositiveRate`.
 */
export class ToolFilter {
  readonly #bits: Uint32Array
  #set: number

  private constructor(bits: Uint32Array, set: number) {
    this.#bits = bits
    this.#set = set
  }

  static empty(): ToolFilter {
    return new ToolFilter(new Uint32Array(FILTER_BITS / 32), 0)
  }

  static of(names: Iterable<string>): ToolFilter {
    const filter = ToolFilter.empty()
    for (const name of names) filter.add(name)
    return filter
  }

  add(name: string): void {
    for (const at of positionsOf(name)) this.#mark(at)
  }

  mayHave(name: string): boolean {
    return positionsOf(name).every((at) => this.#isMarked(at))
  }

  /** Adds all that the other has. */
  join(other: ToolFilter): void {
    for (let word = 0; word < this.#bits.length; word++) {
      const before = this.#bits[word] ?? 0
      const now = (before | (other.#bits[word] ?? 0)) >>> 0
      this.#set += ones(now) - ones(before)
      this.#bits[word] = now
    }
  }

  equals(other: ToolFilter): boolean {
    return this.#set === other.#set && this.#bits.every((word, at) => word === other.#bits[at])
  }

  /** Share of names never added for which it says yes. */
  get falsePositiveRate(): number {
    return (this.#set / FILTER_BITS) ** FILTER_HASHES
  }

  /** Names added, as far as the bits tell (S. Swamidass, P. Baldi, 2007). */
  get names(): number {
    if (this.#set >= FILTER_BITS) return Number.POSITIVE_INFINITY
    return -(FILTER_BITS / FILTER_HASHES) * Math.log(1 - this.#set / FILTER_BITS)
  }

  /** The shorter of both spellings. */
  toText(): string {
    const distances = this.#distances()
    return distances.length < FILTER_BITS / 8 ? DISTANCES + base64urlOf(distances) : ALL_BITS + base64urlOf(this.#bytes())
  }

  /** @returns undefined for what no filter is spelt like */
  static fromText(text: string): ToolFilter | undefined {
    if (text.length > FILTER_TEXT_MAX) return undefined
    const bytes = bytesOfBase64url(text.slice(1))
    if (bytes === undefined) return undefined
    const filter = ToolFilter.empty()
    const isRead = text.startsWith(DISTANCES)
      ? filter.#readDistances(bytes)
      : text.startsWith(ALL_BITS) && filter.#readBits(bytes)
    return isRead ? filter : undefined
  }

  #mark(at: number): void {
    if (this.#isMarked(at)) return
    this.#bits[at >>> 5] = ((this.#bits[at >>> 5] ?? 0) | (1 << (at & 31))) >>> 0
    this.#set++
  }

  #isMarked(at: number): boolean {
    return (((this.#bits[at >>> 5] ?? 0) >>> (at & 31)) & 1) === 1
  }

  #bytes(): Uint8Array {
    const bytes = new Uint8Array(FILTER_BITS / 8)
    for (let at = 0; at < bytes.length; at++) bytes[at] = (this.#bits[at >>> 2] ?? 0) >>> ((at & 3) * 8)
    return bytes
  }

  #readBits(bytes: Uint8Array): boolean {
    if (bytes.length !== FILTER_BITS / 8) return false
    for (const [at, byte] of bytes.entries()) {
      for (let bit = 0; bit < 8; bit++) if (((byte >>> bit) & 1) === 1) this.#mark(at * 8 + bit)
    }
    return true
  }

  #distances(): Uint8Array {
    const bytes: number[] = []
    let last = -1
    for (const [word, bits] of this.#bits.entries()) {
      for (let left = bits; left !== 0; left = (left & (left - 1)) >>> 0) {
        const at = word * 32 + (31 - Math.clz32(left & -left))
        let distance = at - last
        for (; distance > 0x7f; distance >>>= 7) bytes.push((distance & 0x7f) | 0x80)
        bytes.push(distance)
        last = at
      }
      if (bytes.length >= FILTER_BITS / 8) break
    }
    return Uint8Array.from(bytes)
  }

  #readDistances(bytes: Uint8Array): boolean {
    let [at, distance, shift] = [-1, 0, 0]
    for (const byte of bytes) {
      distance |= (byte & 0x7f) << shift
      if ((byte & 0x80) !== 0) {
        shift += 7
        if (shift > 14) return false
        continue
      }
      at += distance
      if (distance === 0 || at >= FILTER_BITS) return false
      this.#mark(at)
      distance = 0
      shift = 0
    }
    return shift === 0
  }
}

/**
 * Enhanced double hashing (P. Dillinger, P. Manolios, "Bloom filters in probabilistic verification", 2004), which lacks the weakness of plain
 * double hashing where the second hash divides the number of bits.
 */
function positionsOf(name: string): number[] {
  const [first, second] = halvesOf(name)
  let at = first % FILTER_BITS
  let step = second % FILTER_BITS
  const positions: number[] = []
  for (let index = 0; index < FILTER_HASHES; index++) {
    positions.push(at)
    at = (at + step) % FILTER_BITS
    step = (step + index + 1) % FILTER_BITS
  }
  return positions
}

function ones(word: number): number {
  let left = word - ((word >>> 1) & 0x55555555)
  left = (left & 0x33333333) + ((left >>> 2) & 0x33333333)
  return Math.imul((left + (left >>> 4)) & 0x0f0f0f0f, 0x01010101) >>> 24
}
