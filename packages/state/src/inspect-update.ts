import * as decoding from 'lib0/decoding'
import { CARRIER_NAME, CLIENTS_MAX, CLOCK_MAX, ELEMENTS_MAX, NAME_BYTES_MAX, RECORD_BYTES_MAX, STRUCTS_MAX } from './constants.ts'
import { StateRejectedError } from './errors.ts'

/** What an update would cost, found by walking its bytes once, before Yjs sees it. */
export interface UpdateSize {
  /** Client → the clock after its last struct. */
  ends: Map<number, number>
  structs: number
  elements: number
  deleteRanges: number
}

type Decoder = decoding.Decoder

// Yjs' encoding, version 1 (yjs/src/utils/encoding.js, structs/Item.js): the low five bits of a struct's first byte say
// what it is, the upper three which of origin, right origin and parent key follow.
const KIND = 0b0001_1111
const HAS_ORIGIN = 0b1000_0000
const HAS_RIGHT_ORIGIN = 0b0100_0000
const HAS_PARENT_KEY = 0b0010_0000
const GC = 0
const DELETED = 1
const ANY = 8
const SKIP = 10

// lib0's encoding of values (lib0/encoding.js, writeAny).
const ANY_OBJECT = 118
const ANY_STRING = 119
const ANY_BYTES = 116

const utf8 = new TextDecoder('utf-8', { fatal: true })

/**
 * Walks an update and refuses all that this document never holds: other types than the carrier's list of `{ key, val }`,
 * counts without the bytes for them (Yjs allocates by the count), clocks beyond reason, the same client twice, delete
 * ranges out of order or overlapping (each would be a walk over the same structs), bytes left over.
 * Throws `StateRejectedError`, nothing else; the work is linear in the bytes.
 */
export function inspectUpdate(update: Uint8Array): UpdateSize {
  const decoder = decoding.createDecoder(update)
  const size: UpdateSize = { ends: new Map(), structs: 0, elements: 0, deleteRanges: 0 }
  try {
    readStructs(decoder, size)
    readDeletes(decoder, size)
  } catch (error) {
    if (error instanceof StateRejectedError) throw error
    throw new StateRejectedError('an update is cut short or not an update', { cause: error })
  }
  if (decoding.hasContent(decoder)) reject('has bytes left over')
  return size
}

function readStructs(decoder: Decoder, size: UpdateSize): void {
  for (let clients = decoding.readVarUint(decoder); clients > 0; clients--) {
    const structs = decoding.readVarUint(decoder)
    const client = decoding.readVarUint(decoder)
    if (size.ends.size >= CLIENTS_MAX || size.ends.has(client)) reject('names too many clients, or one twice')
    let clock = bounded(decoding.readVarUint(decoder), CLOCK_MAX, 'clock')
    for (let left = structs; left > 0; left--) {
      if (++size.structs > STRUCTS_MAX) reject('has too many structs')
      clock = bounded(clock + readStruct(decoder, size), CLOCK_MAX, 'clock')
    }
    size.ends.set(client, clock)
  }
}

/** @returns how many clock ticks the struct covers */
function readStruct(decoder: Decoder, size: UpdateSize): number {
  const info = decoding.readUint8(decoder)
  if (info === GC || info === SKIP) return positive(decoding.readVarUint(decoder))
  const kind = info & KIND
  if (kind !== DELETED && kind !== ANY) reject(`holds content of kind ${kind}`)
  if ((info & HAS_ORIGIN) !== 0) readId(decoder)
  if ((info & HAS_RIGHT_ORIGIN) !== 0) readId(decoder)
  if ((info & (HAS_ORIGIN | HAS_RIGHT_ORIGIN)) === 0) {
    if (decoding.readVarUint(decoder) !== 1 || readText(decoder, CARRIER_NAME.length) !== CARRIER_NAME)
      reject('names another type')
    if ((info & HAS_PARENT_KEY) !== 0) reject('writes to a map')
  }
  const length = positive(decoding.readVarUint(decoder))
  if (kind === ANY) for (let left = length; left > 0; left--) readElement(decoder, size)
  return length
}

/** `{ key: string, val: bytes }`, in either order. */
function readElement(decoder: Decoder, size: UpdateSize): void {
  if (++size.elements > ELEMENTS_MAX) reject('has too many elements')
  if (decoding.readUint8(decoder) !== ANY_OBJECT || decoding.readVarUint(decoder) !== 2)
    reject('holds something else than records')
  const names = [readMember(decoder), readMember(decoder)]
  if (!names.includes('key') || !names.includes('val')) reject('holds something else than records')
}

function readMember(decoder: Decoder): string {
  const name = readText(decoder, 3)
  const type = decoding.readUint8(decoder)
  if (name === 'key' && type === ANY_STRING) readText(decoder, NAME_BYTES_MAX)
  else if (name === 'val' && type === ANY_BYTES) skip(decoder, bounded(decoding.readVarUint(decoder), RECORD_BYTES_MAX, 'record'))
  else reject('holds something else than records')
  return name
}

function readDeletes(decoder: Decoder, size: UpdateSize): void {
  const seen = new Set<number>()
  for (let clients = decoding.readVarUint(decoder); clients > 0; clients--) {
    const client = decoding.readVarUint(decoder)
    if (seen.size >= CLIENTS_MAX || seen.has(client)) reject('deletes of too many clients, or of one twice')
    seen.add(client)
    let end = 0
    for (let left = decoding.readVarUint(decoder); left > 0; left--) {
      if (++size.deleteRanges > STRUCTS_MAX) reject('has too many delete ranges')
      const clock = decoding.readVarUint(decoder)
      if (clock < end) reject('has delete ranges out of order')
      end = bounded(clock + positive(decoding.readVarUint(decoder)), CLOCK_MAX, 'clock')
    }
  }
}

function readId(decoder: Decoder): void {
  decoding.readVarUint(decoder)
  decoding.readVarUint(decoder)
}

function readText(decoder: Decoder, bytesMax: number): string {
  const length = bounded(decoding.readVarUint(decoder), bytesMax, 'name')
  if (length > decoder.arr.length - decoder.pos) reject('is cut short')
  return utf8.decode(decoding.readUint8Array(decoder, length))
}

function skip(decoder: Decoder, length: number): void {
  if (length > decoder.arr.length - decoder.pos) reject('is cut short')
  decoder.pos += length
}

function positive(length: number): number {
  return length > 0 ? length : reject('has an empty struct or range')
}

function bounded(value: number, max: number, what: string): number {
  return value <= max ? value : reject(`has a ${what} beyond its bound`)
}

function reject(what: string): never {
  throw new StateRejectedError(`an update ${what}`)
}
