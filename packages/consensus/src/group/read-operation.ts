import { InvalidArgumentError, messageOf } from '@vsmcp/kernel'
import {
  ALERT_ID_MAX,
  BARE_NAME_MAX,
  COUNTER_MAX,
  EXPIRED_AT_ONCE_MAX,
  GROUP_DEPTH_MAX,
  INVITATION_USES_MAX,
  LINK_BYTES_MAX,
  OPERATION_BYTES_MAX,
  REASON_MAX,
  SIGNATURE_TEXT_MAX,
  TOKEN_PART_MAX,
} from '../constants.ts'
import { canonicalBytes, parseJson } from '../json/json.ts'
import { alertContent } from './alert-fields.ts'
import { policiesOf, readOperator } from './charter.ts'
import {
  addresses,
  base64url,
  endorsements,
  ephemerality,
  type Fields,
  fieldsOf,
  flag,
  groupId,
  integer,
  label,
  peerId,
  peerIds,
  placeFields,
  role,
  sha256,
  unitName,
} from './fields.ts'
import type { Operation } from './operation.ts'
import { PROPOSAL_READERS } from './proposal-fields.ts'
import {
  claimedResources,
  declaredSchedule,
  ofOccurrence,
  ofSchedule,
  outcome,
  outcomeReason,
  scheduleName,
  skips,
  times,
} from './read-coordination.ts'

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
    ...ephemerality(f),
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
  'member:remove': (f) => ({
    ...f,
    op: 'member:remove',
    peer: peerId(f, 'peer'),
    ...(f['joinedAtIndex'] === undefined ? {} : { joinedAtIndex: integer(f, 'joinedAtIndex', 1, COUNTER_MAX) }),
    ...(f['signature'] === undefined ? {} : { signature: signature(f) }),
    ...(f['endorsements'] === undefined ? {} : { endorsements: endorsements(f) }),
  }),
  'member:describe': (f) => ({
    ...f,
    op: 'member:describe',
    peer: peerId(f, 'peer'),
    ...(f['name'] === undefined ? {} : { name: label(f, 'name') }),
    ...(f['addresses'] === undefined ? {} : { addresses: addresses(f, 'addresses') }),
  }),
  'unit:claim': (f) => ({
    ...f,
    op: 'unit:claim',
    unit: unitName(f, 'unit'),
    peer: peerId(f, 'peer'),
    ...(f['digest'] === undefined ? {} : { digest: sha256(f, 'digest') }),
  }),
  'unit:replicate': (f) => ({
    ...f,
    op: 'unit:replicate',
    unit: unitName(f, 'unit'),
    peer: peerId(f, 'peer'),
    digest: sha256(f, 'digest'),
  }),
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
  'chain:anchor': (f) => ({ ...f, op: 'chain:anchor', anchor: base64url(f, 'anchor', LINK_TEXT_MAX) }),
  'policy:set': (f) => ({
    ...operatorSigned(f),
    op: 'policy:set',
    policies: policiesOf(f),
    expects: integer(f, 'expects', 1),
  }),
  'operator:add': (f) => ({ ...operatorSigned(f), op: 'operator:add', ...readOperator(f), expects: integer(f, 'expects', 1) }),
  'operator:remove': (f) => ({
    ...operatorSigned(f),
    op: 'operator:remove',
    name: label(f, 'name'),
    expects: integer(f, 'expects', 1),
  }),
  'member:evict': (f) => ({
    ...operatorSigned(f),
    op: 'member:evict',
    peer: peerId(f, 'peer'),
    joinedAtIndex: integer(f, 'joinedAtIndex', 0, COUNTER_MAX),
    untilMs: integer(f, 'untilMs', 1),
  }),
  'member:forget': (f) => ({
    ...f,
    op: 'member:forget',
    peer: peerId(f, 'peer'),
    joinedAtIndex: integer(f, 'joinedAtIndex', 1, COUNTER_MAX),
    absentSinceMs: integer(f, 'absentSinceMs', 0),
    asOfMs: integer(f, 'asOfMs', 0),
    endorsements: endorsements(f),
  }),
  'revocation:expire': (f) => ({
    ...f,
    op: 'revocation:expire',
    peers: peerIds(f, 'peers', EXPIRED_AT_ONCE_MAX),
    asOfMs: integer(f, 'asOfMs', 0),
    endorsements: endorsements(f),
  }),
  'feature:raise': (f) => ({ ...f, op: 'feature:raise', level: integer(f, 'level', 1), endorsements: endorsements(f) }),
  'session-key:rotate': (f) => ({
    ...f,
    op: 'session-key:rotate',
    by: peerId(f, 'by'),
    keyId: label(f, 'keyId'),
    digest: base64url(f, 'digest', TOKEN_PART_MAX),
    expects: label(f, 'expects', { min: 0 }),
    signature: signature(f),
  }),
  'charter:certify': (f) => ({
    ...f,
    op: 'charter:certify',
    index: integer(f, 'index', 1, COUNTER_MAX),
    certificate: base64url(f, 'certificate', LINK_TEXT_MAX),
  }),
  'alert:raise': (f) => ({ ...f, op: 'alert:raise', id: alertId(f), ...alertContent(f) }),
  'alert:acknowledge': (f) => ({
    ...f,
    op: 'alert:acknowledge',
    id: alertId(f),
    reason: label(f, 'reason', { max: REASON_MAX, min: 0 }),
  }),
  'alert:resolve': (f) => ({ ...f, op: 'alert:resolve', id: alertId(f), reason: label(f, 'reason', { max: REASON_MAX }) }),
  'alert:climb': (f) => ({ ...f, op: 'alert:climb', id: alertId(f) }),
  'group:create': (f) => ({
    ...f,
    op: 'group:create',
    id: groupId(f, 'id'),
    name: unitName(f, 'name'),
    charterDigest: sha256(f, 'charterDigest'),
  }),
  'group:rename': (f) => ({ ...f, op: 'group:rename', id: groupId(f, 'id'), name: unitName(f, 'name') }),
  'group:remove': (f) => ({ ...f, op: 'group:remove', id: groupId(f, 'id') }),
  'group:await': (f) => ({
    ...f,
    op: 'group:await',
    id: groupId(f, 'id'),
    name: unitName(f, 'name'),
    charterDigest: sha256(f, 'charterDigest'),
    move: integer(f, 'move', 1, COUNTER_MAX),
    levels: integer(f, 'levels', 0, GROUP_DEPTH_MAX),
    asDelegate: flag(f, 'asDelegate'),
  }),
  'group:move': (f) => ({ ...operatorSigned(f), op: 'group:move', ...placeFields(f) }),
  'group:placed': (f) => ({
    ...f,
    op: 'group:placed',
    id: groupId(f, 'id'),
    parent: groupId(f, 'parent'),
    move: integer(f, 'move', 1, COUNTER_MAX),
  }),
  'claim:ask': (f) => ({ ...f, op: 'claim:ask', unit: unitName(f, 'unit'), resources: claimedResources(f) }),
  'claim:release': (f) => ({ ...f, op: 'claim:release', ...claimOf(f), again: flag(f, 'again') }),
  'claim:recall': (f) => ({
    ...f,
    op: 'claim:recall',
    peer: peerId(f, 'peer'),
    ...claimOf(f),
    why: recallReason(f),
    endorsements: endorsements(f),
  }),
  'claim:revoke': (f) => ({
    ...f,
    op: 'claim:revoke',
    peer: peerId(f, 'peer'),
    ...claimOf(f),
    endorsements: endorsements(f),
  }),
  'schedule:add': (f) => ({ ...f, op: 'schedule:add', name: scheduleName(f), ...declaredSchedule(f) }),
  'schedule:remove': (f) => ({ ...f, op: 'schedule:remove', name: scheduleName(f) }),
  'occurrence:due': (f) => ({
    ...f,
    op: 'occurrence:due',
    ...ofSchedule(f),
    times: times(f, 'times'),
    skips: skips(f),
    decidedToMs: integer(f, 'decidedToMs', 0),
    executor: peerId(f, 'executor'),
    ...(f['endorsements'] === undefined ? {} : { endorsements: endorsements(f) }),
  }),
  'occurrence:assign': (f) => ({ ...f, op: 'occurrence:assign', ...ofOccurrence(f), executor: peerId(f, 'executor') }),
  'occurrence:take': (f) => ({ ...f, op: 'occurrence:take', ...ofOccurrence(f) }),
  'occurrence:end': (f) => ({
    ...f,
    op: 'occurrence:end',
    ...ofOccurrence(f),
    outcome: outcome(f),
    reason: outcomeReason(f),
    startedAtMs: integer(f, 'startedAtMs', 0),
    endedAtMs: integer(f, 'endedAtMs', 0),
  }),
  'occurrence:lose': (f) => ({ ...f, op: 'occurrence:lose', ...ofOccurrence(f), endorsements: endorsements(f) }),
  'proposal:make': (f) => ({ ...f, op: 'proposal:make', ...PROPOSAL_READERS['proposal:make'](f) }),
  'proposal:decide': (f) => ({ ...f, op: 'proposal:decide', ...PROPOSAL_READERS['proposal:decide'](f) }),
  'directive:renew': (f) => ({ ...f, op: 'directive:renew', ...PROPOSAL_READERS['directive:renew'](f) }),
  'directive:close': (f) => ({ ...f, op: 'directive:close', ...PROPOSAL_READERS['directive:close'](f) }),
}

function claimOf(fields: Fields): { unit: string; askedAtIndex: number } {
  return { unit: unitName(fields, 'unit'), askedAtIndex: integer(fields, 'askedAtIndex', 1, COUNTER_MAX) }
}

function recallReason(fields: Fields): 'failed' | 'overdue' {
  const { why } = fields
  if (why === 'failed' || why === 'overdue') return why
  throw new InvalidArgumentError('why must be failed or overdue')
}

function alertId(fields: Fields): string {
  return label(fields, 'id', { max: ALERT_ID_MAX })
}

function signature(fields: Fields): string {
  return base64url(fields, 'signature', SIGNATURE_TEXT_MAX)
}

function operatorSigned(fields: Common): Common & { operator: string; reason: string; signedAtMs: number; signature: string } {
  return {
    ...fields,
    operator: label(fields, 'operator'),
    reason: label(fields, 'reason', { max: REASON_MAX }),
    signedAtMs: integer(fields, 'signedAtMs', 0),
    signature: signature(fields),
  }
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
