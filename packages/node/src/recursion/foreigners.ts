import type { GroupState } from '@vsmcp/consensus'
import { type GroupId, type Logger, messageOf, type PeerIdString } from '@vsmcp/kernel'
import { bearingOf, type GroupRecursion } from '@vsmcp/vsm'
import type { GroupMesh } from '../seats/group-mesh.ts'
import type { Trust } from '../system5/trust.ts'

export interface ForeignersComponents {
  lineage: () => readonly GroupId[]
  group: () => GroupState | undefined
  trust: Pick<Trust, 'refuseEvictedElsewhere'>
  mesh: Pick<GroupMesh, 'peers' | 'hangUp' | 'peerId'>
  logger: Logger
}

/**
 * What evictions in other groups mean for members of this one: who was evicted by a group above, or by the group whose delegate it is, is cut off
 * and refused here, too. Of others people are told: no group evicts the members of another.
 */
export class Foreigners {
  readonly #c: ForeignersComponents
  #refused: ReadonlySet<PeerIdString> = new Set()
  readonly #told = new Set<string>()

  constructor(components: ForeignersComponents) {
    this.#c = components
  }

  /** Evictions elsewhere that hold for members here. */
  get refused(): ReadonlySet<PeerIdString> {
    return this.#refused
  }

  /** The group whose eviction keeps this peer from being let in here, if any: one above, or the one that it would be a delegate of. */
  keepsOut({ revocations }: GroupRecursion, peer: PeerIdString, delegateOf?: GroupId): GroupId | undefined {
    const above = this.#c.lineage().slice(0, -1)
    const known = revocations.of(peer).find((each) => bearingOf(each, { peer, delegateOf }, above) === 'refuse')
    return known?.group
  }

  look({ revocations }: GroupRecursion): void {
    const { lineage, group, trust } = this.#c
    const state = group()
    const known = revocations.all
    if (state === undefined || (known.length === 0 && this.#refused.size === 0)) return
    const above = lineage().slice(0, -1)
    const refused = new Set<PeerIdString>()
    for (const revocation of known) {
      const member = state.members.get(revocation.peer)
      if (member === undefined) {
        // It may still hold a credential of this group's: only those who are above can take that away.
        if (above.includes(revocation.group)) refused.add(revocation.peer)
        continue
      }
      // It was let in after it was evicted there, by who knew of it.
      if (member.joinedAtMs > revocation.atMs) continue
      const bearing = bearingOf(revocation, { peer: revocation.peer, delegateOf: member.delegateOf }, above)
      if (bearing === 'refuse') refused.add(revocation.peer)
      else this.#tell(revocation.peer, revocation.group)
    }
    const fresh = [...refused].filter((peer) => !this.#refused.has(peer))
    this.#refused = refused
    trust.refuseEvictedElsewhere(refused)
    for (const peer of fresh) this.#cut(peer)
  }

  #cut(peer: PeerIdString): void {
    const { mesh, logger } = this.#c
    if (peer === mesh.peerId) return
    logger.warn({ peer }, 'a member was evicted by a group that decides about it: it is cut off here, too')
    if (!mesh.peers().some((each) => each.peer === peer)) return
    mesh.hangUp(peer).catch((error: unknown) => logger.warn({ peer, error: messageOf(error) }, 'hang-up failed'))
  }

  #tell(peer: PeerIdString, by: GroupId): void {
    const key = `${by} ${peer}`
    if (this.#told.has(key) || this.#told.size >= TOLD_MAX) return
    this.#told.add(key)
    this.#c.logger.warn(
      { peer, by },
      'a member of this group was evicted by another group, which has no say here: look whether it should stay',
    )
  }
}

/** Members of which that is said once. */
const TOLD_MAX = 1_000
