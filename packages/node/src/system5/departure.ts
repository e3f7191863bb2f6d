import { NotLeaderError } from '@vsmcp/consensus'
import {
  type Clock,
  InvalidArgumentError,
  type Logger,
  messageOf,
  type PeerIdString,
  type Plane,
  TimeoutError,
} from '@vsmcp/kernel'
import { HAND_OVER_DEADLINE_MS, LEAVE_DEADLINE_MS, RELEASE_DEADLINE_MS } from '../constants.ts'
import { MEMBER_LEFT } from '../errors.ts'
import type { Decisions } from './decisions.ts'
import type { GroupLog } from './group-log.ts'
import type { LeaderDuties } from './leader-duties.ts'
import type { Trust } from './trust.ts'

const LEAVE = 'system5:leave'

export interface DepartureComponents {
  self: PeerIdString
  log: GroupLog
  decisions: Decisions
  duties: LeaderDuties
  trust: Trust
  control: Plane
  clock: Clock
  logger: Logger
  /** Calls back with the code whenever another node refuses this one's hello. */
  onRefused: (listener: (code: string) => void) => () => void
}

/**
 * Leaving for good, in order: leadership goes to another voter, the leaver drops out of the voters, the change is
 * certified, and only then it is taken off the list of members.
 */
export class Departure {
  readonly #c: DepartureComponents
  #leaving: Promise<void> | undefined

  constructor(components: DepartureComponents) {
    this.#c = components
    components.control.handle(LEAVE, async ({ peer }) => {
      await this.#release(peer)
      return new Uint8Array()
    })
  }

  /** Resolves when the group has let this node go; throws when it cannot. Asked twice at once it is one leave. */
  leave(): Promise<void> {
    this.#leaving ??= this.#leave().finally(() => (this.#leaving = undefined))
    return this.#leaving
  }

  get isLeaving(): boolean {
    return this.#leaving !== undefined
  }

  /** Gives leadership to another voter and waits until it has it, but not for long. */
  async handOver(): Promise<void> {
    const { log, self } = this.#c
    if (!log.isLeader || !log.handOver()) return
    const isDone = (): boolean => {
      const leader = log.status()?.leader
      return leader !== undefined && leader !== self
    }
    await this.#until(isDone, HAND_OVER_DEADLINE_MS).catch((error: unknown) =>
      this.#c.logger.info({ error: messageOf(error) }, 'no other voter took over leadership in time'),
    )
  }

  async #leave(): Promise<void> {
    const { self, log, decisions, control } = this.#c
    const members = log.state?.members
    if (members?.size === 1 && members.has(self)) {
      throw new InvalidArgumentError('this node is the only member of its mesh: there is nobody to leave it to', {
        hint: 'To end the mesh, stop the node with `vsmcp down` and delete its data directory.',
      })
    }
    await this.handOver()
    const gone = this.#gone()
    const answered = decisions.atLeader(
      LEAVE_DEADLINE_MS,
      () => this.#release(self),
      async (leader, options) => void (await control.call(leader, LEAVE, new Uint8Array(), options)),
    )
    try {
      await Promise.race([answered, gone.promise])
    } finally {
      gone.off()
    }
  }

  /** The answer may be lost; that it is no member any more this node also sees in the log, or is told at the door. */
  #gone(): { promise: Promise<void>; off: () => void } {
    const { self, log, onRefused } = this.#c
    const { promise, resolve } = Promise.withResolvers<void>()
    const offs = [
      log.on('entry:applied', ({ effects }) => {
        if (effects.some((effect) => effect.type === 'member:left' && effect.peer === self)) resolve()
      }),
      onRefused((code) => {
        if (code === MEMBER_LEFT) resolve()
      }),
    ]
    return { promise, off: () => offs.forEach((off) => off()) }
  }

  /** On the leader: takes a member out of the voters, has that certified, then off the list. */
  async #release(peer: PeerIdString): Promise<void> {
    const { log, duties, decisions, trust, logger } = this.#c
    if (log.state?.members.has(peer) !== true) return
    if (!duties.canSpare(peer)) {
      throw new InvalidArgumentError(`the group cannot do without the vote of ${peer} now`, {
        hint: 'Wait until another member is up and in sync (`vsmcp status`), then leave again.',
      })
    }
    logger.info({ peer }, 'a member leaves')
    duties.letGo(peer)
    const isReleased = (): boolean => {
      if (!log.isLeader) throw new NotLeaderError('letting a member go', log.status()?.leader)
      const { voters, outgoing } = log.status()?.configuration ?? { voters: [peer], outgoing: [] }
      const isAwaited = trust.uncertified.some(({ before, now }) => before.includes(peer) || now.includes(peer))
      return !voters.includes(peer) && outgoing.length === 0 && !isAwaited
    }
    await this.#until(isReleased, RELEASE_DEADLINE_MS)
    await decisions.decide({ op: 'member:remove', peer })
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
