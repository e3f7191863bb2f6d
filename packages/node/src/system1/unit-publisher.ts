import { type GroupState, isProvider } from '@vsmcp/consensus'
import { type Logger, messageOf, type PeerIdString, type UnitName } from '@vsmcp/kernel'
import type { Definitions, Unit } from '@vsmcp/mcp'
import type { SharedState } from '@vsmcp/state'
import type { LocalUnits } from './local-units.ts'
import { fromRecord, toRecordValue, UNITS_COLLECTION } from '../catalog/published-unit.ts'

export interface UnitPublisherComponents {
  state: SharedState
  group: () => GroupState | undefined
  self: PeerIdString
  logger: Logger
}

/** What the group knows of this node's units: their records in the shared document, kept as they should be. */
export class UnitPublisher {
  readonly #c: UnitPublisherComponents
  /** What is under way by unit, and what is to be done after it. */
  readonly #mending = new Map<UnitName, (() => Promise<void>) | undefined>()

  constructor(components: UnitPublisherComponents) {
    this.#c = components
  }

  /** Throws when the docket gives the name to another node, and what the shared document refuses with. */
  async offer(name: UnitName, kind: Unit['kind'], definitions: Definitions): Promise<void> {
    await this.#c.state.put(UNITS_COLLECTION, name, toRecordValue(kind, definitions))
  }

  async withdraw(name: UnitName): Promise<void> {
    await this.#c.state.remove(UNITS_COLLECTION, name)
  }

  /** Puts right what a crash, a full disk or a docket that came late left wrong. */
  mend(units: Pick<LocalUnits, 'attached' | 'get'>): void {
    const { state, self, group } = this.#c
    const docket = group()
    for (const { name, kind, definitions } of units.attached()) {
      if (definitions === undefined || docket === undefined || !isProvider(docket, name, self)) continue
      if (this.#isPublished(name, kind, definitions)) continue
      this.#mend(name, () => this.offer(name, kind, definitions))
    }
    for (const { key, writer } of state.entries(UNITS_COLLECTION, { allWriters: true })) {
      if (writer === self && units.get(key) === undefined) this.#mend(key, () => this.withdraw(key))
    }
  }

  #isPublished(name: UnitName, kind: Unit['kind'], { digest, era, serverInfo }: Definitions): boolean {
    const record = this.#c.state.get(UNITS_COLLECTION, name, this.#c.self)
    const known = record === undefined ? undefined : fromRecord(record)
    if (known === undefined || known.kind !== kind || known.digest !== digest || known.era !== era) return false
    return known.server.name === serverInfo.name && known.server.version === serverInfo.version
  }

  #mend(name: UnitName, work: () => Promise<void>): void {
    if (this.#mending.has(name)) {
      this.#mending.set(name, work)
      return
    }
    this.#mending.set(name, undefined)
    work()
      .catch((error: unknown) => this.#c.logger.warn({ unit: name, error: messageOf(error) }, 'a unit is not shown as it is'))
      .finally(() => {
        const next = this.#mending.get(name)
        this.#mending.delete(name)
        if (next !== undefined) this.#mend(name, next)
      })
  }
}
