import { type Candidate, chooseVoters } from '@vsmcp/consensus'
import { type Clock, InvalidArgumentError, type Logger, type PeerIdString, type Plane } from '@vsmcp/kernel'
import { LEAVE_DEADLINE_MS } from '../constants.ts'
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
}

/**
 * Leaving for good, in order: leadership goes to another voter, the leaver drops out of the voters, the change is
 * certified, and only then it is taken off the list of members.
 */
export class Departure {
  readonly #c: DepartureComponents

  constructor(components: DepartureComponents) {
    this.#c = components
    components.control.handle(LEAVE, async ({ peer }) => {
      await this.#release(peer)
      return new Uint8Array()
    })
  }

  /** Resolves when the group has let this node go; throws when it cannot. */
  async leave(): Promise<void> {
    const { self, log, decisions, control } = this.#c
    if ((log.state?.members.size ?? 0) <= 1) {
      throw new InvalidArgumentError('this node is the only member of its mesh: there is nobody to leave it to', {
        hint: 'To end the mesh, stop the node with `vsmcp down` and delete its data directory.',
      })
    }
    await this.handOver()
    await decisions.atLeader(
      LEAVE_DEADLINE_MS,
      () => this.#release(self),
      async (leader, timeoutMs) => void (await control.call(leader, LEAVE, new Uint8Array(), { deadlineMs: timeoutMs })),
    )
  }

  /** Gives leadership to another voter and waits until it has it, but not for long. */
  async handOver(): Promise<void> {
    const { log, clock, self } = this.#c
    if (!log.isLeader || !log.handOver()) return
    await new Promise<void>((resolve) => {
      const done = (): void => {
        timer.cancel()
        off()
        resolve()
      }
      const timer = clock.after(2_000, done)
      const off = log.on('leader:changed', ({ leader }) => {
        if (leader !== undefined && leader !== self) done()
      })
    })
  }

  /** On the leader: takes a member out of the voters, has that certified, then off the list. */
  async #release(peer: PeerIdString): Promise<void> {
    const { log, duties, decisions, logger } = this.#c
    const { state } = log
    const configuration = log.status()?.configuration
    if (state === undefined || configuration === undefined || !state.members.has(peer)) return
    duties.letGo(peer)
    const votes = configuration.voters.includes(peer) || configuration.outgoing.includes(peer)
    if (votes) {
      const staying = state.members.entries().filter(([member]) => member !== peer)
      const candidates: Candidate[] = staying.map(([member, { role, zone }]) => ({ peer: member, role, zone }))
      const reachability = duties.reachability(state)
      const change = chooseVoters(candidates, reachability, configuration)
      if (change === undefined || !change.changes.some(({ type, peer: who }) => who === peer && type !== 'voter')) {
        throw new InvalidArgumentError(`the group cannot do without the vote of ${peer} now`, {
          hint: 'Wait until another member is up and in sync (`vsmcp status`), then leave again.',
        })
      }
      logger.info({ peer }, 'a voter leaves')
      await log.proposeConfiguration(change)
      await this.#certified()
    }
    await decisions.decide({ op: 'member:remove', peer })
  }

  #certified(): Promise<void> {
    const { trust, log, duties, clock } = this.#c
    if (trust.uncertified.length === 0) return Promise.resolve()
    duties.look()
    return new Promise((resolve) => {
      const done = (): void => {
        timer.cancel()
        off()
        resolve()
      }
      const timer = clock.after(5_000, done)
      const off = log.on('entry:applied', () => {
        if (trust.uncertified.length === 0) done()
      })
    })
  }
}
