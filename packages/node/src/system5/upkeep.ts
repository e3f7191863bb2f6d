import { FEATURE_LEVEL, type GroupState, mayBeAwayMs } from '@vsmcp/consensus'
import { type Clock, type Logger, messageOf, type PeerIdString } from '@vsmcp/kernel'
import { CLOCK_SKEW_MS } from '@vsmcp/security'
import { REFUSED_UPKEEP_PAUSE_MS, REVOCATIONS_DROPPED_AT_ONCE } from '../constants.ts'
import type { Decisions } from './decisions.ts'
import type { Endorsing } from './endorsement/endorsing.ts'
import type { Sight } from './endorsement/judge-voters.ts'
import type { EndorsedOperation } from './endorsement/request.ts'
import type { GroupLog } from './group-log.ts'
import type { Duty } from './leader-duties.ts'

export interface UpkeepComponents {
  log: GroupLog
  decisions: Decisions
  endorsing: Endorsing
  clock: Clock
  logger: Logger
  sees: (peer: PeerIdString) => Sight
  /** The feature level a connected peer said it supports; undefined for who is not connected. */
  levelOf: (peer: PeerIdString) => number | undefined
  /** What other organs need the voters' word for, each with a name that tells it from others. */
  alsoWanted: readonly ((state: GroupState) => readonly (readonly [string, EndorsedOperation])[])[]
}

/**
 * What runs out by itself, each with the word of a majority of the voters: ephemeral members, and delegates that others stand in for, that were away for too long are
 * forgotten, revocations of credentials that have ended are dropped, and the group's feature level is raised once every voter
 * supports it.
 */
export class Upkeep implements Duty {
  readonly #c: UpkeepComponents
  /** What the voters did not bear out, and until when they are not asked again. */
  readonly #paused = new Map<string, number>()

  constructor(components: UpkeepComponents) {
    this.#c = components
  }

  async work(): Promise<void> {
    const { state } = this.#c.log
    if (state === undefined) return
    const now = this.#c.clock.monotonicMs()
    for (const [what, untilMs] of this.#paused) if (untilMs <= now) this.#paused.delete(what)
    const also = this.#c.alsoWanted.flatMap((of) => of(state))
    const wanted = [...this.#absent(state), ...this.#ended(state), ...this.#raised(state), ...also]
    for (const [what, operation] of wanted) if (!this.#paused.has(what)) await this.#decide(what, operation)
  }

  async #decide(what: string, operation: EndorsedOperation): Promise<void> {
    const { decisions, endorsing, clock, logger } = this.#c
    try {
      await decisions.decideHere({ ...operation, endorsements: await endorsing.forOperation(operation) })
      logger.info({ op: operation.op, what }, 'decided by the voters')
    } catch (error) {
      this.#paused.set(what, clock.monotonicMs() + REFUSED_UPKEEP_PAUSE_MS)
      logger.debug({ op: operation.op, what, error: messageOf(error) }, 'the voters do not decide that now')
    }
  }

  /** A voter is first taken out of the voters, as any that is failed for long; then it is forgotten. */
  #absent(group: GroupState): (readonly [string, EndorsedOperation])[] {
    const { members, configuration } = group
    const { clock, sees } = this.#c
    const asOfMs = Math.round(clock.wallMs())
    return members.entries().flatMap(([peer, member]) => {
      const { state, forMs } = sees(peer)
      // Nearly all are there: how long a member may be away is looked up for the others only.
      if (state === 'alive' || configuration.voters.includes(peer)) return []
      const allowedMs = mayBeAwayMs(group, member)
      if (allowedMs === undefined || forMs < allowedMs) return []
      const { joinedAtIndex } = member
      const absentSinceMs = asOfMs - Math.ceil(forMs)
      return [[`absence of ${peer}`, { op: 'member:forget', peer, joinedAtIndex, absentSinceMs, asOfMs }] as const]
    })
  }

  #ended({ charter }: GroupState): (readonly [string, EndorsedOperation])[] {
    const asOfMs = Math.round(this.#c.clock.wallMs())
    // The voters' clocks differ: what has ended by all of them is asked about.
    const ended = charter.revocations.filter(({ untilMs }) => untilMs + CLOCK_SKEW_MS <= asOfMs)
    const peers = ended.slice(0, REVOCATIONS_DROPPED_AT_ONCE).map(({ peer }) => peer)
    return peers.length === 0 ? [] : [['revocations', { op: 'revocation:expire', peers, asOfMs }]]
  }

  /** Asked for only when every voter said in its hello that it supports the level: each must sign. */
  #raised({ charter, configuration }: GroupState): (readonly [string, EndorsedOperation])[] {
    if (charter.featureLevel >= FEATURE_LEVEL || configuration.outgoing.length > 0) return []
    const { levelOf } = this.#c
    const supports = configuration.voters.every((voter) => (levelOf(voter) ?? 0) >= FEATURE_LEVEL)
    return supports ? [['feature level', { op: 'feature:raise', level: FEATURE_LEVEL }]] : []
  }
}
