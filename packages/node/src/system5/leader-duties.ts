import { type Clock, type Logger, messageOf, type Startable, type Timer } from '@vsmcp/kernel'
import { LEADER_DUTY_PERIOD_MS } from '../constants.ts'
import type { Members } from '../members/members.ts'
import type { AppliedEntry } from './applied-group.ts'
import type { GroupLog } from './group-log.ts'

/** One thing that the elected System 5 looks after. */
export interface Duty {
  /** Called while this node leads; what it cannot do now it throws, and is called again. */
  work(): Promise<void>
}

export interface LeaderDutiesComponents {
  log: GroupLog
  members: Members
  clock: Clock
  logger: Logger
  /** In the order they are done. */
  duties: readonly Duty[]
}

/**
 * What the elected System 5 does besides answering. It looks when something changed and, to be safe, periodically; on every
 * other node it does nothing.
 */
export class LeaderDuties implements Startable {
  readonly #c: LeaderDutiesComponents
  #timer: Timer | undefined
  #working: Promise<void> | undefined
  #again = false
  #off: (() => void)[] = []
  #stopped = false

  constructor(components: LeaderDutiesComponents) {
    this.#c = components
  }

  async start(): Promise<void> {
    const { log, members, clock } = this.#c
    this.#stopped = false
    const look = (): void => this.look()
    const onApplied = ({ before, state, effects }: AppliedEntry): void => {
      // An entry that changed nothing is no reason to look: what was refused now would be proposed again at once, for ever.
      if (effects.length > 0 || before.configuration !== state.configuration) this.look()
    }
    this.#off = [log.on('entry:applied', onApplied), log.on('leader:changed', look), members.on('member:state', look)]
    this.#timer = clock.every(LEADER_DUTY_PERIOD_MS, look)
  }

  /** What is under way ends with the consensus log, which stops later; it holds nothing but a question to the group. */
  async stop(): Promise<void> {
    this.#stopped = true
    this.#timer?.cancel()
    for (const off of this.#off) off()
  }

  /** Looks soon; looks asked for while one is under way become one more. */
  look(): void {
    if (this.#stopped || !this.#c.log.isLeader) return
    if (this.#working !== undefined) {
      this.#again = true
      return
    }
    this.#working = this.#work().finally(() => {
      this.#working = undefined
      if (!this.#again) return
      this.#again = false
      this.look()
    })
  }

  async #work(): Promise<void> {
    // What an entry's listeners still have to see must be seen before we look.
    await Promise.resolve()
    for (const duty of this.#c.duties) {
      if (!this.#c.log.isLeader) return
      try {
        await duty.work()
      } catch (error) {
        this.#c.logger.debug({ error: messageOf(error) }, 'a duty of the leader has to wait')
      }
    }
  }
}
