import type { GroupState } from '@vsmcp/consensus'
import type { Clock } from '@vsmcp/kernel'
import { type ClaimJudgement, type ClaimOperation, claimsToSettle, ClaimWatch, objectionToClaim } from '@vsmcp/vsm'
import type { Sees } from '../system5/endorsement/judge-voters.ts'
import type { EndorsedOperation } from '../system5/endorsement/request.ts'
import type { GroupLog } from '../system5/group-log.ts'

export interface ClaimKeepingComponents {
  log: GroupLog
  clock: Clock
  sees: Sees
}

/** System 2 as a voter, and as the leader: claims whose holders are gone, or keep others waiting for too long, are called back. */
export class ClaimKeeping {
  readonly #c: ClaimKeepingComponents
  readonly #watch = new ClaimWatch()

  constructor(components: ClaimKeepingComponents) {
    this.#c = components
    const { log } = components
    log.on('entry:applied', ({ before, state }) => {
      if (state.claims !== before.claims) this.#follow(state)
    })
    log.on('state:installed', ({ state }) => this.#follow(state))
  }

  /** What the voters should be asked for now, each with a name that tells it from others. */
  wanted(state: GroupState): (readonly [string, EndorsedOperation])[] {
    return claimsToSettle(this.#judgement(state)).map(
      (operation) => [`${operation.op} ${operation.unit} ${operation.askedAtIndex}`, operation] as const,
    )
  }

  objectionTo(operation: ClaimOperation, state: GroupState): string | undefined {
    return objectionToClaim(operation, this.#judgement(state))
  }

  #follow({ claims }: GroupState): void {
    this.#watch.follow(
      [...claims].map(([, claim]) => claim),
      this.#c.clock.monotonicMs(),
    )
  }

  #judgement({ claims }: GroupState): ClaimJudgement {
    const { clock, sees } = this.#c
    return { claims: [...claims].map(([, claim]) => claim), watch: this.#watch, sees, monotonicMs: clock.monotonicMs() }
  }
}
