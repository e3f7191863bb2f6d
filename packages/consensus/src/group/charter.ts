import { bytesOfBase64url, type GroupId, InvalidArgumentError, type MeshId, type PeerIdString } from '@vsmcp/kernel'
import {
  CHARTER_BYTES_MAX,
  CHARTER_ITEMS_MAX,
  OPERATORS_MAX,
  PATH_MAX,
  POLICY_HISTORY_MAX,
  REASON_MAX,
  RECOVERERS_LEVEL,
  RECOVERERS_MAX,
  TOKEN_PART_MAX,
  VOTERS_MAX,
} from '../constants.ts'
import { byCodeUnit, canonicalBytes, type JsonObject } from '../json/json.ts'
import { base64url, type Fields, fieldsOf, flag, integer, label, objects, peerId, peerIds } from './fields.ts'

/** Who may sign what people decide. Fields that this version does not know are carried along. */
export interface Operator {
  readonly name: string
  /** base64url of the raw Ed25519 public key. */
  readonly publicKey: string
  /** May also start the next epoch (rule 9). */
  readonly recovery?: boolean
  readonly [unknown: string]: unknown
}

/** Credentials that open nothing any more, until they would have ended anyway. */
export interface Revoked {
  readonly peer: PeerIdString
  /** Wall time. */
  readonly untilMs: number
  /** Log index of the eviction. */
  readonly index: number
  /** Name of the operator, and why. */
  readonly by: string
  readonly reason: string
  readonly atMs: number
  readonly [unknown: string]: unknown
}

/** One change of the policies: what remains of it in the charter. */
export interface PolicyChange {
  readonly version: number
  /** Hex SHA-256 of the policies' canonical JSON. */
  readonly digest: string
  /** Name of the operator that signed it, and why. */
  readonly by: string
  readonly reason: string
  readonly atMs: number
  /** Log index. */
  readonly index: number
  readonly [unknown: string]: unknown
}

/** Signs in place of an operator: the mesh key itself. No operator may be called so. */
export const MESH_KEY_SIGNER = 'mesh-key'

/**
 * What System 5 has decided: who the group is and by which rules it lives. Fields that this version does not know are
 * carried along unchanged.
 */
export interface Charter {
  readonly meshId: MeshId
  readonly meshName: string
  /** base64url of the raw Ed25519 public key. */
  readonly meshPublicKey: string
  readonly groupId: GroupId
  /** The one it was founded with: `/` for the root; `/eu/plant-7` below. Groups are renamed in the dockets above. */
  readonly path: string
  /** Raised only by a recovery. Order of everything: (epoch, term, index). */
  readonly epoch: number
  /** What every voter supports; nodes behave as of this level whatever their own version. */
  readonly featureLevel: number
  /** Sorted. Follows the committed configuration of the log; during a joint configuration it still names those before. */
  readonly voters: readonly PeerIdString[]
  readonly policies: JsonObject
  /** Counts the changes of `policies`; absent before the first: see `policyVersionOf`. */
  readonly policyVersion?: number
  /** The newest last, `POLICY_HISTORY_MAX` of them. Absent before the first. */
  readonly policyHistory?: readonly PolicyChange[]
  readonly operators: readonly Operator[]
  /** Counts the changes of `operators`; absent before the first: see `operatorsVersionOf`. */
  readonly operatorsVersion?: number
  readonly revocations: readonly Revoked[]
  readonly zones: readonly JsonObject[]
  readonly [unknown: string]: unknown
}

/** The first policies are version 1. */
export function policyVersionOf({ policyVersion = 1 }: Pick<Charter, 'policyVersion'>): number {
  return policyVersion
}

/** The first operators are version 1. */
export function operatorsVersionOf({ operatorsVersion = 1 }: Pick<Charter, 'operatorsVersion'>): number {
  return operatorsVersion
}

/**
 * Public keys, sorted, that may start the next epoch beside the mesh key (rule 9). Where more operators are marked, those named
 * first count: at a lower feature level nothing bounded them.
 */
export function recoverersOf({ featureLevel, operators }: Pick<Charter, 'featureLevel' | 'operators'>): readonly string[] {
  if (featureLevel < RECOVERERS_LEVEL) return []
  const marked = operators.filter(({ recovery, publicKey }) => recovery === true && isEd25519(publicKey))
  return [...new Set(marked.map(({ publicKey }) => publicKey))].slice(0, RECOVERERS_MAX).sort(byCodeUnit)
}

/** What no signature can be checked with is no recovery key, and must not keep a change from being certified. */
function isEd25519(publicKey: string): boolean {
  return bytesOfBase64url(publicKey)?.length === PUBLIC_KEY_BYTES
}

/** Bytes of a raw Ed25519 public key (RFC 8032). */
const PUBLIC_KEY_BYTES = 32

/** Levels below the root: 0 for `/`. */
export function depthOf(path: string): number {
  return path.split('/').filter((name) => name !== '').length
}

/** The path of a group of this name below another. */
export function pathBelow(path: string, name: string): string {
  return path === '/' ? `/${name}` : `${path}/${name}`
}

/** Throws `InvalidArgumentError` for what is no charter or out of bounds. */
export function readCharter(value: unknown): Charter {
  const fields = fieldsOf(value, 'a charter')
  const path = label(fields, 'path', { max: PATH_MAX })
  if (!path.startsWith('/')) throw new InvalidArgumentError('path must begin with /')
  const voters = peerIds(fields, 'voters', VOTERS_MAX)
  if (voters.length === 0) throw new InvalidArgumentError('a charter must name a voter')
  const charter: Charter = {
    ...fields,
    meshId: label(fields, 'meshId'),
    meshName: label(fields, 'meshName'),
    meshPublicKey: base64url(fields, 'meshPublicKey', TOKEN_PART_MAX),
    groupId: label(fields, 'groupId'),
    path,
    epoch: integer(fields, 'epoch', 1),
    featureLevel: integer(fields, 'featureLevel', 1),
    voters: [...voters].sort(byCodeUnit),
    policies: policiesOf(fields),
    operators: operatorsOf(fields),
    revocations: revocationsOf(fields),
    ...(fields['policyVersion'] === undefined ? {} : { policyVersion: integer(fields, 'policyVersion', 1) }),
    ...(fields['operatorsVersion'] === undefined ? {} : { operatorsVersion: integer(fields, 'operatorsVersion', 1) }),
    ...(fields['policyHistory'] === undefined ? {} : { policyHistory: historyOf(fields) }),
    zones: objects(fields, 'zones'),
  }
  if (charterBytes(charter) > CHARTER_BYTES_MAX) throw new InvalidArgumentError(`a charter is at most ${CHARTER_BYTES_MAX} bytes`)
  return charter
}

/** Throws `InvalidArgumentError` for an operator without a name or key, or named `MESH_KEY_SIGNER`. */
export function readOperator(fields: Fields): Operator {
  const name = label(fields, 'name')
  if (name === MESH_KEY_SIGNER) throw new InvalidArgumentError(`an operator cannot be called ${MESH_KEY_SIGNER}`)
  return {
    ...fields,
    name,
    publicKey: base64url(fields, 'publicKey', TOKEN_PART_MAX),
    ...(fields['recovery'] === undefined ? {} : { recovery: flag(fields, 'recovery') }),
  }
}

function operatorsOf(fields: Fields): readonly Operator[] {
  const operators = objects(fields, 'operators', OPERATORS_MAX).map(readOperator)
  const names = new Set(operators.map(({ name }) => name))
  if (names.size !== operators.length) throw new InvalidArgumentError('operators names somebody twice')
  return operators
}

function revocationsOf(fields: Fields): readonly Revoked[] {
  return objects(fields, 'revocations').map((item) => ({
    ...item,
    peer: peerId(item, 'peer'),
    untilMs: integer(item, 'untilMs', 0),
    index: integer(item, 'index', 1),
    by: label(item, 'by'),
    reason: label(item, 'reason', { max: REASON_MAX }),
    atMs: integer(item, 'atMs', 0),
  }))
}

function historyOf(fields: Fields): readonly PolicyChange[] {
  return objects(fields, 'policyHistory', POLICY_HISTORY_MAX).map((item) => ({
    ...item,
    version: integer(item, 'version', 1),
    digest: label(item, 'digest'),
    by: label(item, 'by'),
    reason: label(item, 'reason', { max: REASON_MAX }),
    atMs: integer(item, 'atMs', 0),
    index: integer(item, 'index', 1),
  }))
}

/** Throws `InvalidArgumentError` for policies that are no object, or too many. */
export function policiesOf(fields: Fields): JsonObject {
  const policies = fieldsOf(fields['policies'], 'policies')
  if (Object.keys(policies).length > CHARTER_ITEMS_MAX) {
    throw new InvalidArgumentError(`policies must be at most ${CHARTER_ITEMS_MAX}`)
  }
  return policies as JsonObject
}

/** Bytes of the canonical form. Throws `InvalidArgumentError` for what is no JSON. */
export function charterBytes(charter: Charter): number {
  try {
    return canonicalBytes(charter).length
  } catch (error) {
    if (error instanceof TypeError)
      throw new InvalidArgumentError(`a charter must be JSON, and holds ${error.message}`, { cause: error })
    throw error
  }
}
