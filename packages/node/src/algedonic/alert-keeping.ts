import { ORGANS_LEVEL } from '@vsmcp/consensus'
import type { Clock, Logger } from '@vsmcp/kernel'
import { isOverdue } from '@vsmcp/vsm'
import type { Decisions } from '../system5/decisions.ts'
import type { GroupLog } from '../system5/group-log.ts'
import type { Duty } from '../system5/leader-duties.ts'
import { termsOf } from './alert-terms.ts'

export interface AlertKeepingComponents {
  log: GroupLog
  decisions: Decisions
  clock: Clock
  logger: Logger
}

/** What the group has not remedied within its term is said to be overdue: from then on it is the affair of what is above the group. */
export class AlertKeeping implements Duty {
  readonly #c: AlertKeepingComponents

  constructor(components: AlertKeepingComponents) {
    this.#c = components
  }

  async work(): Promise<void> {
    const { log, decisions, clock, logger } = this.#c
    const { state } = log
    if (state === undefined || state.charter.featureLevel < ORGANS_LEVEL || state.alerts.size === 0) return
    const terms = termsOf(state.charter)
    const now = clock.wallMs()
    const overdue = state.alerts.entries().filter(([, alert]) => {
      return alert.closed === undefined && alert.climbedAtMs === undefined && isOverdue(alert, terms, now)
    })
    await Promise.all(
      overdue.map(async ([id, { subject, severity, unit }]) => {
        const result = await decisions.propose({ op: 'alert:climb', id })
        if (result.ok)
          logger.error({ alert: id, subject, severity, unit }, 'an alert is not remedied within the term of the group')
      }),
    )
  }
}
