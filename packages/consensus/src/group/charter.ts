import { type GroupId, InvalidArgumentError, type MeshId, type PeerIdString } from '@vsmcp/kernel'
import { CHARTER_BYTES_MAX, CHARTER_ITEMS_MAX, LABEL_MAX, TOKEN_PART_MAX, VOTERS_MAX } from '../constants.ts'
import { byCodeUnit, canonicalBytes, type JsonObject } from '../json/json.ts'
import { base64url, type Fields, fieldsOf, integer, label, objects, peerIds } from './fields.ts'

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
  /** `/` for the root; `/eu/plant-7` below. */
  readonly path: string
  /** Raised only by a recovery. Order of everything: (epoch, term, index). */
  readonly epoch: number
  /** What every voter supports; nodes behave as of this level whatever their own version. */
  readonly featureLevel: number
  /** Sorted. Follows the committed configuration of the log; during a joint configuration it still names those before. */
  readonly voters: readonly PeerIdString[]
  readonly policies: JsonObject
  readonly operators: readonly JsonObject[]
  readonly revocations: readonly JsonObject[]
  readonly zones: readonly JsonObject[]
  readonly [unknown: string]: unknown
}

/** Characters of a path: eight levels of labels. */
const PATH_MAX = 8 * (LABEL_MAX + 1)

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
    operators: objects(fields, 'operators'),
    revocations: objects(fields, 'revocations'),
    zones: objects(fields, 'zones'),
  }
  if (sizeOf(charter) > CHARTER_BYTES_MAX) throw new InvalidArgumentError(`a charter is at most ${CHARTER_BYTES_MAX} bytes`)
  return charter
}

function policiesOf(fields: Fields): JsonObject {
  const policies = fieldsOf(fields['policies'], 'policies')
  if (Object.keys(policies).length > CHARTER_ITEMS_MAX) {
    throw new InvalidArgumentError(`policies must be at most ${CHARTER_ITEMS_MAX}`)
  }
  return policies as JsonObject
}

function sizeOf(charter: Charter): number {
  try {
    return canonicalBytes(charter).length
  } catch (error) {
    if (error instanceof TypeError)
      throw new InvalidArgumentError(`a charter must be JSON, and holds ${error.message}`, { cause: error })
    throw error
  }
}
