import { crc32 } from 'node:zlib'
import { REJOIN_HINT, StoreCorruptError } from './errors.ts'

const CHECKSUM_BYTES = 4

/** Puts the CRC-32 of key and value in front of the value: LevelDB checks its own blocks only when asked, and not on every path. */
export function seal(key: string, value: Uint8Array): Uint8Array {
  const sealed = new Uint8Array(CHECKSUM_BYTES + value.length)
  sealed.set(value, CHECKSUM_BYTES)
  new DataView(sealed.buffer).setUint32(0, crc32(value, crc32(key)))
  return sealed
}

/** Takes the checksum off again; throws `StoreCorruptError` when it does not fit. */
export function unseal(key: string, sealed: Uint8Array): Uint8Array {
  if (sealed.length >= CHECKSUM_BYTES) {
    const { buffer, byteOffset, length } = sealed
    // A plain view also of a Buffer, which is what level hands out.
    const value = new Uint8Array(buffer, byteOffset + CHECKSUM_BYTES, length - CHECKSUM_BYTES)
    if (new DataView(buffer, byteOffset).getUint32(0) === crc32(value, crc32(key))) return value
  }
  throw new StoreCorruptError(`the stored value of "${key}" is damaged: its checksum does not fit`, {
    hint: REJOIN_HINT,
    details: { key },
  })
}
