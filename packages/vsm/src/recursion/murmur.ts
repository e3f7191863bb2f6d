const encoder = new TextEncoder()

/** MurmurHash3 x86_32 (A. Appleby, 2011) of the text's UTF-8. Spreads well and is no protection: who chooses names can make them collide. */
export function murmur32(bytes: Uint8Array, seed: number): number {
  let hash = seed | 0
  const blocks = bytes.length & ~3
  for (let at = 0; at < blocks; at += 4) {
    hash ^= scrambled(byte(bytes, at) | (byte(bytes, at + 1) << 8) | (byte(bytes, at + 2) << 16) | (byte(bytes, at + 3) << 24))
    hash = (hash << 13) | (hash >>> 19)
    hash = (Math.imul(hash, 5) + 0xe6546b64) | 0
  }
  let tail = 0
  for (let at = bytes.length - 1; at >= blocks; at--) tail = (tail << 8) | byte(bytes, at)
  if (bytes.length > blocks) hash ^= scrambled(tail)
  hash ^= bytes.length
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b)
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35)
  return (hash ^ (hash >>> 16)) >>> 0
}

/** 64 bits as two halves; the second is hashed with the first as its seed. */
export function halvesOf(text: string): readonly [number, number] {
  const bytes = encoder.encode(text)
  const first = murmur32(bytes, 0)
  return [first, murmur32(bytes, first)]
}

function scrambled(block: number): number {
  const mixed = Math.imul(block, 0xcc9e2d51)
  return Math.imul((mixed << 15) | (mixed >>> 17), 0x1b873593)
}

const byte = (bytes: Uint8Array, at: number): number => bytes[at] ?? 0
