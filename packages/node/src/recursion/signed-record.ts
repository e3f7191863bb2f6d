import { base64urlOf, bytesOfBase64url, type GroupId, InvalidArgumentError, type MeshId, type PeerIdString } from '@vsmcp/kernel'
import { type Identity, verify, withLabel } from '@vsmcp/security'
import type { JsonValue } from '@vsmcp/state'
import { RECORD_BYTES_MAX, type RecordOrder } from '@vsmcp/vsm'
import { pack, unpack } from 'msgpackr'
import { z } from 'zod'

const LABEL = 'vsmcp group record'

/** Characters of a signature in base64url: Ed25519 takes 86. */
const SIGNATURE_TEXT_MAX = 172

/** What a leader said for its group, and its signature. The order is what the bytes say, too; nobody goes by it but who carries it. */
export interface SignedRecord {
  /** The child group that it is of, or for. */
  readonly about: GroupId
  readonly order: RecordOrder
  readonly voice: PeerIdString
  readonly bytes: Uint8Array
  readonly signature: Uint8Array
}

const order = z.object({ epoch: z.int().nonnegative(), term: z.int().nonnegative(), sequence: z.int().nonnegative() })

/** As it stands in a group's document, under the id of the child group. */
const kept = z.object({
  voice: z.string().min(1).max(128),
  record: z.string().max(Math.ceil((RECORD_BYTES_MAX * 4) / 3) + 2),
  signature: z.string().max(SIGNATURE_TEXT_MAX),
})

/** As it goes from a leader to a delegate: the group that it is to be carried into, and the rest. */
const handed = z.tuple([
  z.string().max(64),
  z.string().max(64),
  order,
  z.string().max(128),
  z.instanceof(Uint8Array),
  z.instanceof(Uint8Array),
])

export function signRecord(identity: Identity, mesh: MeshId, record: Omit<SignedRecord, 'voice' | 'signature'>): SignedRecord {
  return { ...record, voice: identity.peerId, signature: identity.sign(sentence(mesh, record.bytes)) }
}

export function isSignedBy(
  voice: PeerIdString,
  mesh: MeshId,
  { bytes, signature }: Pick<SignedRecord, 'bytes' | 'signature'>,
): boolean {
  return verify(voice, sentence(mesh, bytes), signature)
}

export function toDocument({ voice, bytes, signature }: SignedRecord): JsonValue {
  return { voice, record: base64urlOf(bytes), signature: base64urlOf(signature) }
}

/** @returns undefined for what is none */
export function fromDocument(value: JsonValue): Pick<SignedRecord, 'voice' | 'bytes' | 'signature'> | undefined {
  const read = kept.safeParse(value)
  if (!read.success) return undefined
  const [bytes, signature] = [bytesOfBase64url(read.data.record), bytesOfBase64url(read.data.signature)]
  return bytes === undefined || signature === undefined ? undefined : { voice: read.data.voice, bytes, signature }
}

export function toDelegate(into: GroupId, record: SignedRecord): Uint8Array {
  return pack([into, record.about, record.order, record.voice, record.bytes, record.signature])
}

/** Throws `InvalidArgumentError`. */
export function fromLeader(payload: Uint8Array): { into: GroupId; record: SignedRecord } {
  if (payload.byteLength > RECORD_BYTES_MAX + 1_024)
    throw new InvalidArgumentError(`a record of ${payload.byteLength} bytes is none`)
  const read = handed.safeParse(unpack(payload))
  if (!read.success) throw new InvalidArgumentError('what came is no record of a group')
  const [into, about, at, voice, bytes, signature] = read.data
  return { into, record: { about, order: at, voice, bytes, signature } }
}

/** Bound to the mesh: the root's id is the same in all. */
function sentence(mesh: MeshId, bytes: Uint8Array): Uint8Array {
  return withLabel(LABEL, Buffer.concat([Buffer.from(mesh), bytes]))
}
