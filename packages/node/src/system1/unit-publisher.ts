import { type GroupState, isProvider, PROVIDERS_LEVEL } from '@vsmcp/consensus'
import type { Logger, PeerIdString, UnitName } from '@vsmcp/kernel'
import type { Definitions, Unit } from '@vsmcp/mcp'
import type { SharedState } from '@vsmcp/state'
import type { LocalUnits } from './local-units.ts'
import { Mender } from './mender.ts'
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
  readonly #mender: Mender

  constructor(components: UnitPublisherComponents) {
    this.#c = components
    this.#mender = new Mender(components.logger)
  }

  /** Throws when the docket gives the name to another node, and what the shared document refuses with. */
  async offer(name: UnitName, kind: Unit['kind'], definitions: Definitions): Promise<void> {
    await this.#c.state.put(UNITS_COLLECTION, name, toRecordValue(this.#knownAs(kind), definitions))
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
      this.#mender.mend(name, () => this.offer(name, kind, definitions))
    }
    for (const { key, writer } of state.entries(UNITS_COLLECTION, { allWriters: true })) {
      if (writer === self && units.get(key) === undefined) this.#mender.mend(key, () => this.withdraw(key))
    }
  }

  /** Nodes of older versions know only of servers by command and by URL, and would not read a record of anything else. */
  #knownAs(kind: Unit['kind']): Unit['kind'] {
    const level = this.#c.group()?.charter.featureLevel ?? PROVIDERS_LEVEL
    return kind === 'worker' && level < PROVIDERS_LEVEL ? 'stdio' : kind
  }

  #isPublished(name: UnitName, kind: Unit['kind'], { digest, era, serverInfo }: Definitions): boolean {
    const record = this.#c.state.get(UNITS_COLLECTION, name, this.#c.self)
    const known = record === undefined ? undefined : fromRecord(record)
    if (known === undefined || known.kind !== this.#knownAs(kind) || known.digest !== digest || known.era !== era) return false
    return known.server.name === serverInfo.name && known.server.version === serverInfo.version
  }
}
