import type { GroupId, MeshId, PeerIdString } from '@vsmcp/kernel'
import type { JsonObject } from '../json/json.ts'

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
