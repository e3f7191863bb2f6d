import { decodeOperation, encodeOperation, type GroupState, NotLeaderError, type Operation } from '@vsmcp/consensus'
import {
  type Clock,
  InvalidArgumentError,
  type Logger,
  messageOf,
  type PeerIdString,
  type Plane,
  RemoteError,
  TimeoutError,
} from '@vsmcp/kernel'
import { type Identity, signAsPeer } from '@vsmcp/security'
import { HAND_OVER_DEADLINE_MS, LEAVE_DEADLINE_MS, RELEASE_DEADLINE_MS } from '../constants.ts'
import { MEMBER_LEFT, QUORUM_AT_RISK, QuorumAtRiskError, REFUSED, RefusedError } from '../errors.ts'
import type { Decisions, Request } from './decisions.ts'
import type { Endorsing } from './endorsement/endorsing.ts'
import type { GroupLog } from './group-log.ts'
import type { LeaderDuties } from './leader-duties.ts'
import type { Trust } from './trust.ts'
import type { VoterKeeping } from './voter-keeping.ts'

const LEAVE = 'system5:leave'

export interface DepartureComponents {
  identity: Identity
  log: GroupLog
  decisions: Decisions
  voters: VoterKeeping
  endorsing: Endorsing
  duties: LeaderDuties
  trust: Trust
  control: Plane
  clock: Clock
  logger: Logger
  /** Calls back with the code whenever another node refuses this one's hello. */
  onRefused: (listener: (code: string) => void) => () => void
}

/** What takes a member out of the group: its own signed leave, or what an operator signed. */
type Removal = Extract<Operation, { op: 'member:remove' | 'member:evict' }>

/**
 * Going for good, in order: leadership goes to another voter, who goes drops out of the voters, the change is certified, and
 * only then it is taken off the list of members. So it is for who leaves by itself, and for who is evicted.
 */
export class Departure {
  readonly #c: DepartureComponents
  #leaving: Promise<void> | undefined

  constructor(components: DepartureComponents) {
    this.#c = components
    components.control.handle(LEAVE, async ({ peer, payload }) => {
      const operation = removalOf(payload)
      if (operation.op === 'member:remove' && operation.peer !== peer) {
        throw new InvalidArgumentError(`only ${operation.peer} itself can ask to leave`)
      }
      await this.#release(operation)
      return new Uint8Array()
    })
  }

  /** Resolves when the group has let this node go; throws when it cannot. Asked twice at once it is one leave. */
  leave(): Promise<void> {
    this.#leaving ??= this.#leave().finally(() => (this.#leaving = undefined))
    return this.#leaving
  }

  /** Has a member evicted. Resolves when it is committed; throws when it cannot be, and then nothing has changed. */
  async evict(request: Request<Extract<Operation, { op: 'member:evict' }>>): Promise<void> {
    const { identity, clock, decisions, control } = this.#c
    const operation = { ...request, author: identity.peerId, atMs: Math.round(clock.wallMs()) } as Removal
    await decisions
      .atLeader(
        LEAVE_DEADLINE_MS,
        () => this.#release(operation),
        async (leader, options) => void (await control.call(leader, LEAVE, encodeOperation(operation), options)),
      )
      .catch(saidHere)
  }

  get isLeaving(): boolean {
    return this.#leaving !== undefined
  }

  /** Gives leadership to another voter and waits until it has it, but not for long. */
  async handOver(): Promise<void> {
    const { log, identity } = this.#c
    if (!log.isLeader || !log.handOver()) return
    const isDone = (): boolean => {
      const leader = log.status()?.leader
      return leader !== undefined && leader !== identity.peerId
    }
    await this.#until(isDone, HAND_OVER_DEADLINE_MS).catch((error: unknown) =>
      this.#c.logger.info({ error: messageOf(error) }, 'no other voter took over leadership in time'),
    )
  }

  async #leave(): Promise<void> {
    const { identity, log, decisions, control } = this.#c
    const self = identity.peerId
    const members = log.state?.members
    if (members?.size === 1 && members.has(self)) {
      throw new InvalidArgumentError('this node is the only member of its mesh: there is nobody to leave it to', {
        hint: 'To end the mesh, stop the node with `vsmcp down` and delete its data directory.',
      })
    }
    // Its own record may not have come yet, just after it joined.
    const operation = this.#ownLeave(log.state?.members.has(self) === true ? log.state : await decisions.current())
    // What would be refused must not first cost the group its leader.
    if (log.isLeader) this.#assertSpared(operation)
    await this.handOver()
    const gone = this.#gone()
    const answered = decisions.atLeader(
      LEAVE_DEADLINE_MS,
      () => this.#release(operation),
      async (leader, options) => void (await control.call(leader, LEAVE, encodeOperation(operation), options)),
    )
    try {
      await Promise.race([answered.catch(saidHere), gone.promise])
    } finally {
      gone.off()
    }
  }

  /** Signed by this node itself: good for this membership only. */
  #ownLeave(state: GroupState): Removal {
    const { identity, clock } = this.#c
    const self = identity.peerId
    const joinedAtIndex = state.members.get(self)?.joinedAtIndex
    const leave = { op: 'member:remove', peer: self, author: self, atMs: Math.round(clock.wallMs()) } as const
    if (joinedAtIndex === undefined) return leave
    return signAsPeer(identity, state.charter, { ...leave, joinedAtIndex })
  }

  /** The answer may be lost; that it is no member any more this node also sees in the log, or is told at the door. */
  #gone(): { promise: Promise<void>; off: () => void } {
    const { identity, log, onRefused } = this.#c
    const { promise, resolve } = Promise.withResolvers<void>()
    const offs = [
      log.on('entry:applied', ({ effects }) => {
        if (effects.some((effect) => effect.type === 'member:left' && effect.peer === identity.peerId)) resolve()
      }),
      onRefused((code) => {
        if (code === MEMBER_LEFT) resolve()
      }),
    ]
    return { promise, off: () => offs.forEach((off) => off()) }
  }

  /** On the leader: takes a member out of the voters, has that certified, then off the list. */
  async #release(operation: Removal): Promise<void> {
    const { identity, log, voters: keeping, duties, decisions, endorsing, logger } = this.#c
    const { op, peer } = operation
    await decisions.currentHere()
    // An eviction also concerns who is no member any more, and may hold a credential.
    if (op === 'member:remove' && log.state?.members.has(peer) !== true) return
    if (endorsing.leaverOf(operation) !== peer) {
      // The group says why, and nothing has changed.
      await decisions.decideHere(operation)
      return
    }
    this.#assertSpared(operation)
    if (op === 'member:evict' && peer === identity.peerId) await this.#passOn()
    if (log.state?.members.has(peer) === true) {
      logger.info({ peer, op }, 'a member goes')
      keeping.letGo(peer, operation)
      duties.look()
      await this.#until(() => this.#isReleased(peer), RELEASE_DEADLINE_MS)
    }
    const { author: _, atMs: __, ...request } = operation
    await decisions.decideHere(request)
  }

  #isReleased(peer: PeerIdString): boolean {
    const { log, trust } = this.#c
    if (!log.isLeader) throw new NotLeaderError('letting a member go', log.status()?.leader)
    const { voters, outgoing } = log.status()?.configuration ?? { voters: [peer], outgoing: [] }
    const isAwaited = trust.uncertified.some(({ before, now }) => before.includes(peer) || now.includes(peer))
    return !voters.includes(peer) && outgoing.length === 0 && !isAwaited
  }

  /** Throws `QuorumAtRiskError`. */
  #assertSpared({ op, peer }: Removal): void {
    const risk = this.#c.voters.riskWithout(peer, { helps: op === 'member:remove' })
    if (risk !== undefined) throw risk
  }

  /** Whoever leads next evicts this node. A sole voter has nobody to hand over to, and does it itself. */
  async #passOn(): Promise<void> {
    const { log } = this.#c
    await this.handOver()
    if (!log.isLeader) throw new NotLeaderError('evicting the leader', log.status()?.leader)
  }

  /** Looks whenever the log went on. */
  #until(condition: () => boolean, timeoutMs: number): Promise<void> {
    const { log, clock } = this.#c
    const { promise, resolve, reject } = Promise.withResolvers<void>()
    const look = (): void => {
      try {
        if (condition()) resolve()
      } catch (error) {
        reject(error)
      }
    }
    // After all other listeners: those that keep what is looked at may come later.
    const soon = (): void => queueMicrotask(look)
    const offs = [log.on('entry:applied', soon), log.on('leader:changed', soon)]
    const timer = clock.after(timeoutMs, () => reject(new TimeoutError(`the voters were not changed within ${timeoutMs} ms`)))
    look()
    return promise.finally(() => {
      timer.cancel()
      for (const off of offs) off()
    })
  }
}

/** What the leader refuses is told as if it had been refused here. */
function saidHere(error: unknown): never {
  if (!(error instanceof RemoteError)) throw error
  const options = { ...(error.hint !== undefined && { hint: error.hint }), cause: error }
  if (error.remoteCode === QUORUM_AT_RISK) throw new QuorumAtRiskError(error.message, options)
  if (error.remoteCode === REFUSED) throw new RefusedError(error.message, options)
  throw error
}

/** Throws `InvalidArgumentError` for what takes nobody out. */
function removalOf(payload: Uint8Array): Removal {
  const operation = decodeOperation(payload)
  if (operation.op === 'member:remove' || operation.op === 'member:evict') return operation
  throw new InvalidArgumentError(`${operation.op} takes no member out`)
}
