import { applyEntry, type Authority, decodeOperation, type GroupEffect } from '@vsmcp/consensus'
import { type Clock, Emitter, type Logger, messageOf, type PeerIdString, type Plane } from '@vsmcp/kernel'
import type { Mesh } from '@vsmcp/mesh'
import type { VerifiedPassport } from '@vsmcp/security'
import { EVICTION_GRACE_MS } from '../constants.ts'
import { CREDENTIAL_REVOKED, MEMBER_LEFT } from '../errors.ts'
import type { GroupLog } from './group-log.ts'
import type { Trust } from './trust.ts'

const EVICTED = 'system5:evicted'

const CUT_EVICTED = 'the connection to an evicted node is closed'
const CUT_TOO_OLD = 'the connection to a node too old for the group is closed'

export interface ExpulsionComponents {
  mesh: Mesh<VerifiedPassport>
  log: GroupLog
  trust: Trust
  authority: Authority
  control: Plane
  clock: Clock
  logger: Logger
}

interface Events extends Record<string, unknown> {
  /** The group has taken this node off its list. */
  removed: { evicted: boolean }
}

/**
 * What follows from an eviction, or from a level that a program is too old for: every node tells who was evicted, with the
 * operator's signed word, and closes the connection at once; its hello is refused from then on. On the evicted node: believes
 * the operator's signature, or a majority of the voters it knows that turn it away at the door. One member's word is not enough.
 */
export class Expulsion {
  readonly #c: ExpulsionComponents
  readonly #events: Emitter<Events>
  /** Who turned this node away last time, as gone. */
  readonly #refusals = new Map<PeerIdString, { evicted: boolean }>()

  constructor(components: ExpulsionComponents) {
    this.#c = components
    const { control, mesh, logger } = components
    this.#events = new Emitter((error) => logger.error({ error: messageOf(error) }, 'a listener of evictions failed'))
    control.onNotice(EVICTED, (peer, payload) => this.#told(peer, payload))
    mesh.on('peer:up', ({ peer }) => void this.#refusals.delete(peer))
    mesh.on('peer:refused', ({ peer, side, code }) => {
      if (side === 'there' && peer !== undefined) this.#refused(peer, code)
    })
  }

  on<K extends keyof Events & string>(event: K, listener: (payload: Events[K]) => void): () => void {
    return this.#events.on(event, listener)
  }

  /** Members that turn this node away as evicted or gone, for who asks how the node is. */
  get turnedAwayBy(): readonly PeerIdString[] {
    return [...this.#refusals.keys()]
  }

  /** An entry was applied here. */
  follow(effects: readonly GroupEffect[], data: Uint8Array): void {
    const { mesh } = this.#c
    for (const effect of effects) {
      if (effect.type === 'member:evicted') this.#cut(effect.peer, data)
      if (effect.type === 'feature:raised') this.#cutTooOld(effect.level)
      const isOfThisNode = 'peer' in effect && effect.peer === mesh.peerId
      if (isOfThisNode && effect.type === 'member:left') {
        this.#events.emit('removed', { evicted: effects.some(({ type }) => type === 'member:evicted') })
      }
    }
  }

  /** The whole state was replaced: evictions and a higher level among what was missed. */
  install(): void {
    const { log, mesh } = this.#c
    for (const { peer } of log.state?.charter.revocations ?? []) {
      if (mesh.peers().some((connected) => connected.peer === peer)) this.#hangUp(peer, CUT_EVICTED)
    }
    this.#cutTooOld(log.state?.charter.featureLevel ?? 1)
  }

  /**
   * Programs that cannot read what the group decides from now on, and do not vote. They would pass over it, and keep a docket without it
   * also after their update. At the next hello they are told why.
   */
  #cutTooOld(level: number): void {
    for (const { peer, info } of this.#c.mesh.peers()) if (info.passport.wire.level < level) this.#hangUp(peer, CUT_TOO_OLD)
  }

  #cut(peer: PeerIdString, data: Uint8Array): void {
    const { mesh, control, clock, logger } = this.#c
    if (peer === mesh.peerId) return
    logger.info({ peer }, 'a member was evicted')
    control.notify(peer, EVICTED, data)
    clock.after(EVICTION_GRACE_MS, () => this.#hangUp(peer, CUT_EVICTED))
  }

  #hangUp(peer: PeerIdString, done: string): void {
    const { mesh, logger } = this.#c
    logger.info({ peer }, done)
    mesh.hangUp(peer).catch((error: unknown) => logger.warn({ peer, error: messageOf(error) }, 'hang-up failed'))
  }

  #told(by: PeerIdString, data: Uint8Array): void {
    const { mesh, logger } = this.#c
    try {
      if (!this.#isOwnEviction(data)) return
      logger.error({ by }, 'an operator has evicted this node')
      this.#events.emit('removed', { evicted: true })
    } catch (error) {
      logger.warn({ by, self: mesh.peerId, error: messageOf(error) }, 'what came is no eviction')
    }
  }

  /** Signed by an operator this node knows, for this membership of this node. */
  #isOwnEviction(data: Uint8Array): boolean {
    const { mesh, log, authority } = this.#c
    const operation = decodeOperation(data)
    if (operation.op !== 'member:evict' || operation.peer !== mesh.peerId || log.state === undefined) return false
    // The membership it is about; 0 would do for who is no member any more.
    const { result } = applyEntry(log.state, { type: 'normal', index: log.applied + 1, term: 1, data }, authority)
    return result.ok || result.code === 'still-votes'
  }

  #refused(peer: PeerIdString, code: string): void {
    const { trust, mesh, logger } = this.#c
    if (code !== MEMBER_LEFT && code !== CREDENTIAL_REVOKED) return
    this.#refusals.set(peer, { evicted: code === CREDENTIAL_REVOKED })
    const voters = trust.chain.voters.filter((voter) => voter !== mesh.peerId)
    const against = voters.filter((voter) => this.#refusals.has(voter))
    if (against.length === 0 || against.length <= trust.chain.voters.length / 2) return
    logger.error({ by: against }, 'a majority of the voters says that this node is no member any more')
    const evicted = against.some((voter) => this.#refusals.get(voter)?.evicted === true)
    this.#events.emit('removed', { evicted })
  }
}
