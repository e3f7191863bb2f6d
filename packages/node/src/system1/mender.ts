import { type Logger, messageOf, type UnitName } from '@vsmcp/kernel'

/** Puts right what the group is shown of units, one thing at a time for each; what fails is tried again with the next look. */
export class Mender {
  readonly #logger: Logger
  /** What is under way by unit, and what is to be done after it. */
  readonly #mending = new Map<UnitName, (() => Promise<void>) | undefined>()

  constructor(logger: Logger) {
    this.#logger = logger
  }

  mend(unit: UnitName, work: () => Promise<void>): void {
    if (this.#mending.has(unit)) {
      this.#mending.set(unit, work)
      return
    }
    this.#mending.set(unit, undefined)
    work()
      .catch((error: unknown) => this.#logger.warn({ unit, error: messageOf(error) }, 'a unit is not shown as it is'))
      .finally(() => {
        const next = this.#mending.get(unit)
        this.#mending.delete(unit)
        if (next !== undefined) this.mend(unit, next)
      })
  }
}
