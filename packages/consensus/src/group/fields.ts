import { type GroupId, InvalidArgumentError, type PeerIdString, UNIT_NAME_PATTERN, type UnitName } from '@vsmcp/kernel'
import {
  ABSENCE_MAX_MS,
  ABSENCE_MIN_MS,
  ADDRESS_MAX,
  ADDRESSES_MAX,
  CHARTER_ITEMS_MAX,
  COUNTER_MAX,
  GROUP_DEPTH_MAX,
  GROUP_ID_MAX,
  LABEL_MAX,
  PATH_MAX,
  PEER_ID_MAX,
  PROOF_VOTES_MAX,
  SIGNATURE_TEXT_MAX,
} from '../constants.ts'
import { isObject, type JsonObject } from '../json/json.ts'
import type { Endorsement } from '../raft/endorsement.ts'
import type { MemberRole } from './docket.ts'

/** A JSON object of which some fields are known. */
export type Fields = Readonly<Record<string, unknown>>

/** Characters that would let a name move the cursor of the terminal it is shown on, or break its line. */
const CONTROL = /[\p{Cc}\u2028\u2029]/u

const BASE64URL = /^[A-Za-z0-9_-]+$/

const SHA256_HEX = /^[0-9a-f]{64}$/
const GROUP_ID = /^[A-Za-z0-9][A-Za-z0-9_-]*$/

/** Readers of single fields. All throw `InvalidArgumentError`, naming the field. */
export function fieldsOf(value: unknown, what: string): Fields {
  if (!isObject(value)) throw new InvalidArgumentError(`${what} is no object`)
  return value
}

/** Text for people: no control characters, whole characters only. */
export function label(fields: Fields, name: string, { max = LABEL_MAX, min = 1 } = {}): string {
  const value = fields[name]
  if (typeof value !== 'string' || value.length < min || value.length > max || CONTROL.test(value) || !value.isWellFormed()) {
    throw new InvalidArgumentError(`${name} must be ${min} to ${max} characters, none of them a control character`)
  }
  return value
}

export function base64url(fields: Fields, name: string, max: number): string {
  const value = fields[name]
  if (typeof value !== 'string' || value.length > max || !BASE64URL.test(value)) {
    throw new InvalidArgumentError(`${name} must be up to ${max} characters of base64url`)
  }
  return value
}

export function integer(fields: Fields, name: string, min: number, max = Number.MAX_SAFE_INTEGER): number {
  const value = fields[name]
  if (typeof value !== 'number' || !Number.isSafeInteger(value) || value < min || value > max) {
    throw new InvalidArgumentError(`${name} must be a whole number from ${min} to ${max}`)
  }
  return value
}

export function flag(fields: Fields, name: string): boolean {
  const value = fields[name]
  if (typeof value !== 'boolean') throw new InvalidArgumentError(`${name} must be true or false`)
  return value
}

export function peerId(fields: Fields, name: string): PeerIdString {
  return label(fields, name, { max: PEER_ID_MAX })
}

export function groupId(fields: Fields, name: string): GroupId {
  const value = fields[name]
  if (typeof value !== 'string' || value.length > GROUP_ID_MAX || !GROUP_ID.test(value)) {
    throw new InvalidArgumentError(`${name} must be a group's id: up to ${GROUP_ID_MAX} letters, digits, - and _`)
  }
  return value
}

/** Where a group stands by a move. */
export function placeFields(fields: Fields): {
  parent: GroupId
  move: number
  path: string
  former: string
  lineage: readonly GroupId[]
} {
  return {
    parent: groupId(fields, 'parent'),
    move: integer(fields, 'move', 1, COUNTER_MAX),
    path: label(fields, 'path', { max: PATH_MAX }),
    former: label(fields, 'former', { max: PATH_MAX }),
    lineage: list(fields, 'lineage', GROUP_DEPTH_MAX).map((id) => groupId({ lineage: id }, 'lineage')),
  }
}

export function sha256(fields: Fields, name: string): string {
  const value = fields[name]
  if (typeof value !== 'string' || !SHA256_HEX.test(value))
    throw new InvalidArgumentError(`${name} must be a SHA-256 in lower-case hex`)
  return value
}

export function unitName(fields: Fields, name: string): UnitName {
  const value = fields[name]
  if (typeof value !== 'string' || !UNIT_NAME_PATTERN.test(value)) {
    throw new InvalidArgumentError(`${name} must be a unit's name: a-z, 0-9 and -, at most 24, not beginning with -`)
  }
  return value
}

export function role(fields: Fields, name: string): MemberRole {
  const value = fields[name]
  if (value !== 'member' && value !== 'edge') throw new InvalidArgumentError(`${name} must be member or edge`)
  return value
}

export function addresses(fields: Fields, name: string): readonly string[] {
  return list(fields, name, ADDRESSES_MAX).map((address) => label({ [name]: address }, name, { max: ADDRESS_MAX }))
}

/** One of some words. */
export function oneOf<T extends string>(fields: Fields, name: string, values: readonly T[]): T {
  const value = values.find((each) => each === fields[name])
  if (value === undefined) throw new InvalidArgumentError(`${name} must be one of ${values.join(', ')}`)
  return value
}

/** `ephemeral` and its `absenceMs`: both, or neither. */
export function ephemerality(fields: Fields): { ephemeral?: boolean; absenceMs?: number } {
  const ephemeral = fields['ephemeral'] === undefined ? false : flag(fields, 'ephemeral')
  if (!ephemeral && fields['absenceMs'] !== undefined) throw new InvalidArgumentError('absenceMs is for what is ephemeral')
  if (fields['ephemeral'] === undefined) return {}
  return ephemeral ? { ephemeral, absenceMs: integer(fields, 'absenceMs', ABSENCE_MIN_MS, ABSENCE_MAX_MS) } : { ephemeral }
}

/** Endorsements, each peer once. */
export function endorsements(fields: Fields, name = 'endorsements'): readonly Endorsement[] {
  const all = list(fields, name, PROOF_VOTES_MAX).map((item) => {
    const endorsement = fieldsOf(item, `an item of ${name}`)
    return { peer: peerId(endorsement, 'peer'), signature: base64url(endorsement, 'signature', SIGNATURE_TEXT_MAX) }
  })
  if (new Set(all.map(({ peer }) => peer)).size !== all.length) throw new InvalidArgumentError(`${name} names a peer twice`)
  return all
}

/** PeerIds, each once. */
export function peerIds(fields: Fields, name: string, max: number): readonly PeerIdString[] {
  const peers = list(fields, name, max).map((peer) => peerId({ [name]: peer }, name))
  if (new Set(peers).size !== peers.length) throw new InvalidArgumentError(`${name} names a peer twice`)
  return peers
}

export function objects(fields: Fields, name: string, max = CHARTER_ITEMS_MAX): readonly JsonObject[] {
  return list(fields, name, max).map((item) => fieldsOf(item, `an item of ${name}`) as JsonObject)
}

export function list(fields: Fields, name: string, max: number): readonly unknown[] {
  const value = fields[name]
  if (!Array.isArray(value) || value.length > max) throw new InvalidArgumentError(`${name} must be a list of up to ${max}`)
  return value
}

/** The fields of `value` that are none of `known`: what a later version added. */
export function unknownFields(value: Fields, known: readonly string[]): JsonObject {
  return Object.fromEntries(Object.entries(value).filter(([key]) => !known.includes(key))) as JsonObject
}
