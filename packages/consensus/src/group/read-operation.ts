import { InvalidArgumentError, messageOf } from '@vsmcp/kernel'
import {
  BARE_NAME_MAX,
  COUNTER_MAX,
  INVITATION_USES_MAX,
  LINK_BYTES_MAX,
  OPERATION_BYTES_MAX,
  TOKEN_PART_MAX,
} from '../constants.ts'
import { canonicalBytes, parseJson } from '../json/json.ts'
import { addresses, base64url, type Fields, fieldsOf, integer, label, peerId, role, unitName } from './fields.ts'
import type { Operation } from './operation.ts'

/** base64url takes four characters for three bytes. */
const LINK_TEXT_MAX = Math.ceil((LINK_BYTES_MAX * 4) / 3)

type Common = Fields & { author: string; atMs: number }

/** One reader per operation. What it does not name is kept as it came. */
const READERS: { readonly [O in Operation['op']]: (fields: Common) => Operation } = {
  'invitation:create': (f) => ({
    ...f,
    op: 'invitation:create',
    id: label(f, 'id', { max: TOKEN_PART_MAX }),
    verifier: base64url(f, 'verifier', TOKEN_PART_MAX),
    role: role(f, 'role'),
    zone: label(f, 'zone', { min: 0 }),
    uses: integer(f, 'uses', 1, INVITATION_USES_MAX),
    expiresAtMs: integer(f, 'expiresAtMs', 0),
    createdBy: peerId(f, 'createdBy'),
  }),
  'invitation:revoke': (f) => ({ ...f, op: 'invitation:revoke', id: label(f, 'id', { max: TOKEN_PART_MAX }) }),
  'invitation:redeem': (f) => ({
    ...f,
    op: 'invitation:redeem',
    id: label(f, 'id', { max: TOKEN_PART_MAX }),
    peer: peerId(f, 'peer'),
    name: label(f, 'name'),
    ...(f['addresses'] === undefined ? {} : { addresses: addresses(f, 'addresses') }),
  }),
  'member:remove': (f) => ({ ...f, op: 'member:remove', peer: peerId(f, 'peer') }),
  'member:describe': (f) => ({
    ...f,
    op: 'member:describe',
    peer: peerId(f, 'peer'),
    ...(f['name'] === undefined ? {} : { name: label(f, 'name') }),
    ...(f['addresses'] === undefined ? {} : { addresses: addresses(f, 'addresses') }),
  }),
  'unit:claim': (f) => ({ ...f, op: 'unit:claim', unit: unitName(f, 'unit'), peer: peerId(f, 'peer') }),
  'unit:release': (f) => ({ ...f, op: 'unit:release', unit: unitName(f, 'unit') }),
  'name:grant': (f) => ({
    ...f,
    op: 'name:grant',
    bareName: label(f, 'bareName', { max: BARE_NAME_MAX }),
    unit: unitName(f, 'unit'),
  }),
  'link:add': (f) => ({
    ...f,
    op: 'link:add',
    index: integer(f, 'index', 1, COUNTER_MAX),
    certificate: base64url(f, 'certificate', LINK_TEXT_MAX),
  }),
}

/** Data of a `normal` entry. Throws `InvalidArgumentError` for an operation out of bounds. */
export function encodeOperation(operation: Operation): Uint8Array {
  let bytes: Uint8Array
  try {
    bytes = canonicalBytes(operation)
  } catch (error) {
    throw new InvalidArgumentError(`an operation must be JSON, and holds ${messageOf(error)}`, { cause: error })
  }
  // What is proposed is what every node will read: so read it here first.
  decodeOperation(bytes)
  return bytes
}

/** Throws `InvalidArgumentError` for what is no operation. */
export function decodeOperation(bytes: Uint8Array): Operation {
  if (bytes.length > OPERATION_BYTES_MAX) throw new InvalidArgumentError(`an operation is at most ${OPERATION_BYTES_MAX} bytes`)
  let value: unknown
  try {
    value = parseJson(bytes)
  } catch (error) {
    throw new InvalidArgumentError(`an operation must be JSON, and this is not: ${messageOf(error)}`, { cause: error })
  }
  const fields = fieldsOf(value, 'an operation')
  const { op } = fields
  if (typeof op !== 'string' || !Object.hasOwn(READERS, op)) {
    throw new InvalidArgumentError('an operation of a kind that this version does not know')
  }
  return READERS[op as Operation['op']]({ ...fields, author: peerId(fields, 'author'), atMs: integer(fields, 'atMs', 0) })
}
