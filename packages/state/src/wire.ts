import * as decoding from 'lib0/decoding'
import * as encoding from 'lib0/encoding'
import { messageYjsSyncStep1, messageYjsSyncStep2 } from 'y-protocols/sync'
import { RECORDS_MAX } from './constants.ts'
import type { RecordId } from './envelope.ts'
import { StateRejectedError } from './errors.ts'

/** What goes over gossip: an update, the digest of a document with news in it, or an awareness update. */
export type GossipMessage = { type: 'update' | 'news' | 'hint'; body: Uint8Array }

const GOSSIP_TYPES = ['update', 'news', 'hint'] as const

const utf8 = new TextDecoder('utf-8', { fatal: true })

export const DIGEST_BYTES = 32

export function encodeGossip(type: GossipMessage['type'], body: Uint8Array): Uint8Array {
  const message = new Uint8Array(1 + body.length)
  message[0] = GOSSIP_TYPES.indexOf(type)
  message.set(body, 1)
  return message
}

/** @returns undefined for a type of a newer release */
export function decodeGossip(message: Uint8Array): GossipMessage | undefined {
  const type = GOSSIP_TYPES[message[0] ?? GOSSIP_TYPES.length]
  return type === undefined ? undefined : { type, body: message.subarray(1) }
}

/** Digests of a node's document and of the records it knows. */
export interface Digests {
  document: Uint8Array
  records: Uint8Array
}

/**
 * `ask`: here is my state vector (y-protocols' sync step 1), tell me what I lack. `give`: here is what you lack (step 2).
 * Both are answered with the digests as they are then, and `ask` also with steps 2 and 1 when the documents differ.
 */
export type SyncMessage = { digests: Digests; stateVector?: Uint8Array; update?: Uint8Array }

export function encodeSync({ digests, stateVector, update }: SyncMessage): Uint8Array {
  return encoding.encode((encoder) => {
    encoding.writeUint8Array(encoder, digests.document)
    encoding.writeUint8Array(encoder, digests.records)
    if (update !== undefined) writeStep(encoder, messageYjsSyncStep2, update)
    if (stateVector !== undefined) writeStep(encoder, messageYjsSyncStep1, stateVector)
  })
}

/** Throws `StateRejectedError`. Steps of types that this release does not know are passed over. */
export function decodeSync(bytes: Uint8Array): SyncMessage {
  return guarded(() => {
    const decoder = decoding.createDecoder(bytes)
    const message: SyncMessage = {
      digests: {
        document: take(decoder, DIGEST_BYTES),
        records: take(decoder, DIGEST_BYTES),
      },
    }
    while (decoding.hasContent(decoder)) {
      const type = decoding.readVarUint(decoder)
      const body = readBytes(decoder)
      if (type === messageYjsSyncStep1) message.stateVector = body
      if (type === messageYjsSyncStep2) message.update = body
    }
    return message
  })
}

/** Which record of an id somebody knows. */
export interface Known {
  id: RecordId
  epoch: number
  seq: number
}

export function encodeKnown(known: readonly Known[]): Uint8Array {
  return encoding.encode((encoder) => {
    encoding.writeVarUint(encoder, known.length)
    for (const { id, epoch, seq } of known) {
      encoding.writeVarString(encoder, id)
      encoding.writeVarUint(encoder, epoch)
      encoding.writeVarUint(encoder, seq)
    }
  })
}

export function decodeKnown(bytes: Uint8Array): Map<RecordId, Known> {
  return guarded(() => {
    const decoder = decoding.createDecoder(bytes)
    const known = new Map<RecordId, Known>()
    for (let left = boundedCount(decoder); left > 0; left--) {
      const id = readText(decoder)
      known.set(id, { id, epoch: decoding.readVarUint(decoder), seq: decoding.readVarUint(decoder) })
    }
    return known
  })
}

export function encodeRecords(records: readonly { id: RecordId; bytes: Uint8Array }[]): Uint8Array {
  return encoding.encode((encoder) => {
    encoding.writeVarUint(encoder, records.length)
    for (const { id, bytes } of records) {
      encoding.writeVarString(encoder, id)
      encoding.writeVarUint8Array(encoder, bytes)
    }
  })
}

export function decodeRecords(bytes: Uint8Array): { id: RecordId; bytes: Uint8Array }[] {
  return guarded(() => {
    const decoder = decoding.createDecoder(bytes)
    const records: { id: RecordId; bytes: Uint8Array }[] = []
    for (let left = boundedCount(decoder); left > 0; left--) {
      records.push({ id: readText(decoder), bytes: readBytes(decoder).slice() }) // kept: not with the whole message
    }
    return records
  })
}

function writeStep(encoder: encoding.Encoder, type: number, body: Uint8Array): void {
  encoding.writeVarUint(encoder, type)
  encoding.writeVarUint8Array(encoder, body)
}

function readBytes(decoder: decoding.Decoder): Uint8Array {
  return take(decoder, decoding.readVarUint(decoder))
}

function readText(decoder: decoding.Decoder): string {
  return utf8.decode(readBytes(decoder))
}

/** lib0 itself looks at the end of the buffer only, not of the view on it. */
function take(decoder: decoding.Decoder, length: number): Uint8Array {
  if (length > decoder.arr.length - decoder.pos) throw new StateRejectedError('a message is cut short')
  return decoding.readUint8Array(decoder, length)
}

function boundedCount(decoder: decoding.Decoder): number {
  const count = decoding.readVarUint(decoder)
  if (count > RECORDS_MAX) throw new StateRejectedError('a message names too many records')
  return count
}

function guarded<T>(read: () => T): T {
  try {
    return read()
  } catch (error) {
    if (error instanceof StateRejectedError) throw error
    throw new StateRejectedError('a message is cut short or garbled', { cause: error })
  }
}

export function isSame(a: Uint8Array, b: Uint8Array): boolean {
  return Buffer.compare(a, b) === 0
}

/** One client of an awareness update. */
export interface AwarenessEntry {
  client: number
  clock: number
  /** JSON text. */
  state: string
}

/** Throws `StateRejectedError` also when the update names more than `entriesMax` clients. */
export function decodeAwareness(update: Uint8Array, entriesMax: number): AwarenessEntry[] {
  return guarded(() => {
    const decoder = decoding.createDecoder(update)
    const count = decoding.readVarUint(decoder)
    if (count > entriesMax) throw new StateRejectedError('a hint speaks for too many')
    return Array.from({ length: count }, () => ({
      client: decoding.readVarUint(decoder),
      clock: decoding.readVarUint(decoder),
      state: readText(decoder),
    }))
  })
}
