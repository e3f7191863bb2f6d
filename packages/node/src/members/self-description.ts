import { type Clock, type Logger, messageOf } from '@vsmcp/kernel'
import type { Mesh } from '@vsmcp/mesh'
import type { Decisions } from '../system5/decisions.ts'
import type { GroupLog } from '../system5/group-log.ts'
import type { Trust } from '../system5/trust.ts'
import { DESCRIBE_AFTER_MS, MEMBER_ADDRESS_LENGTH_MAX, MEMBER_ADDRESSES_MAX } from '../constants.ts'

export interface SelfDescriptionComponents {
  mesh: Pick<Mesh, 'peerId' | 'listenAddresses'>
  log: GroupLog
  decisions: Decisions
  trust: Trust
  clock: Clock
  logger: Logger
}

/**
 * Others find this node by the name and addresses in the docket: they are put right whenever they are not. A moment after the start,
 * for those that are up hear of them at the hello and in the shared document, and a group that starts has more urgent decisions.
 */
export class SelfDescription {
  readonly #c: SelfDescriptionComponents
  #isDescribing = false
  /** Once there is somebody to take it down it waits a moment, and from then on no more. */
  #patience: 'whole' | 'waiting' | 'over' = 'whole'
  /** What the group would not have is not proposed again. */
  #refused: string | undefined

  constructor(components: SelfDescriptionComponents) {
    this.#c = components
  }

  look(): void {
    const { mesh, log, decisions, trust, clock, logger } = this.#c
    const record = log.state?.members.get(mesh.peerId)
    if (record === undefined || log.status()?.leader === undefined || this.#isDescribing) return
    if (this.#patience === 'whole') {
      this.#patience = 'waiting'
      clock.after(DESCRIBE_AFTER_MS, () => {
        this.#patience = 'over'
        this.look()
      })
    }
    if (this.#patience === 'waiting') return
    const addresses = mesh
      .listenAddresses()
      .filter(({ length }) => length <= MEMBER_ADDRESS_LENGTH_MAX)
      .slice(0, MEMBER_ADDRESSES_MAX)
    const { name } = trust.enrolment
    const wanted = [name, ...addresses].join('\n')
    if ([record.name, ...record.addresses].join('\n') === wanted || this.#refused === wanted) return
    this.#isDescribing = true
    decisions
      .propose({ op: 'member:describe', peer: mesh.peerId, name, addresses })
      .then((result) => {
        if (result.ok) return
        this.#refused = wanted
        logger.error({ reason: result.code, message: result.message }, 'the group does not take down how this node is reached')
      })
      .catch((error: unknown) => logger.debug({ error: messageOf(error) }, 'tried again when there is a System 5'))
      .finally(() => (this.#isDescribing = false))
  }
}
