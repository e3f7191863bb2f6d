import type { Clock, Logger } from '@vsmcp/kernel'
import { REFUSED_GRANT_PAUSE_MS } from '../constants.ts'
import type { Decisions } from './decisions.ts'
import type { Duty } from './leader-duties.ts'

export interface NameGrantingComponents {
  decisions: Decisions
  clock: Clock
  logger: Logger
  /** Bare names that wait for a grant, in the order they should be asked for. */
  ungrantedNames: () => readonly { bareName: string; unit: string }[]
}

/** Grants bare names to the units that bring them. */
export class NameGranting implements Duty {
  readonly #c: NameGrantingComponents
  /** Names the group would not grant, and until when they are not asked for again. */
  readonly #refused = new Map<string, number>()

  constructor(components: NameGrantingComponents) {
    this.#c = components
  }

  async work(): Promise<void> {
    const { ungrantedNames, decisions, clock, logger } = this.#c
    const now = clock.monotonicMs()
    for (const [name, untilMs] of this.#refused) if (untilMs <= now) this.#refused.delete(name)
    const wanted = ungrantedNames().filter(({ bareName }) => !this.#refused.has(bareName))
    await Promise.all(
      wanted.map(async ({ bareName, unit }) => {
        const result = await decisions.propose({ op: 'name:grant', bareName, unit })
        if (result.ok) return
        this.#refused.set(bareName, now + REFUSED_GRANT_PAUSE_MS)
        logger.debug({ bareName, unit, reason: result.code }, 'a bare name was not granted')
      }),
    )
  }
}
