import type { GroupState } from '@vsmcp/consensus'
import type { PeerIdString, UnitName } from '@vsmcp/kernel'
import { RefusedError, UnitExistsError } from '../errors.ts'
import type { Decisions } from '../system5/decisions.ts'
import type { UnitNames } from './local-units.ts'

export interface UnitNameClaimsComponents {
  decisions: Decisions
  group: () => GroupState | undefined
  self: PeerIdString
  nameOf: (peer: PeerIdString) => string
}

/** A unit's name belongs to one node of the group: the docket says to which. */
export class UnitNameClaims implements UnitNames {
  readonly #c: UnitNameClaimsComponents

  constructor(components: UnitNameClaimsComponents) {
    this.#c = components
  }

  assertFree(name: UnitName): void {
    const { self, group } = this.#c
    const holder = group()?.units.get(name)?.peer
    if (holder !== undefined && holder !== self) throw this.#taken(name, holder)
  }

  async claim(name: UnitName): Promise<void> {
    const { decisions, self, group } = this.#c
    if (group()?.units.get(name)?.peer === self) return
    const result = await decisions.propose({ op: 'unit:claim', unit: name, peer: self })
    if (result.ok) return
    if (result.code === 'unit-taken') throw this.#taken(name, result.holder)
    throw new RefusedError(result.message, { details: { reason: result.code } })
  }

  held(): UnitName[] {
    const { group, self } = this.#c
    return (group()?.units.entries() ?? []).flatMap(([name, { peer }]) => (peer === self ? [name] : []))
  }

  async release(name: UnitName): Promise<void> {
    const { decisions, self, group } = this.#c
    if (group()?.units.get(name)?.peer !== self) return
    await decisions.decide({ op: 'unit:release', unit: name })
  }

  #taken(name: UnitName, holder: PeerIdString | undefined): UnitExistsError {
    const where = holder === undefined ? 'another node' : `the node ${this.#c.nameOf(holder)}`
    return new UnitExistsError(`a unit ${name} is attached to ${where} already`, {
      hint: 'Choose another name, or detach the other unit first.',
    })
  }
}
