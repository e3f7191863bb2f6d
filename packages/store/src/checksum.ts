import { crc32 } from 'node:zlib'
import { StoreCorruptError } from './errors.ts'

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
  const value = sealed.subarray(CHECKSUM_BYTES)
  const view = new DataView(sealed.buffer, sealed.byteOffset, sealed.byteLength)
  if (sealed.length < CHECKSUM_BYTES || view.getUint32(0) !== crc32(value, crc32(key))) {
    throw new StoreCorruptError(`the stored value of "${key}" is damaged: its checksum does not fit`, {
      hint: 'Check the disk. Then move the data directory away and let the node join again: the mesh has what it needs.',
      details: { key },
    })
  }
  return value
}
