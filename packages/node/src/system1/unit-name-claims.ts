import type { GroupState } from '@vsmcp/consensus'
import type { PeerIdString, UnitName } from '@vsmcp/kernel'
import { UnitExistsError } from '../errors.ts'
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

  async claim(name: UnitName): Promise<void> {
    const { decisions, self, nameOf, group } = this.#c
    if (group()?.units.get(name)?.peer === self) return
    const result = await decisions.propose({ op: 'unit:claim', unit: name, peer: self })
    if (result.ok) return
    const holder = result.holder === undefined ? 'another node' : `the node ${nameOf(result.holder)}`
    throw new UnitExistsError(result.code === 'unit-taken' ? `a unit ${name} is attached to ${holder} already` : result.message, {
      hint: 'Choose another name, or detach the other unit first.',
      details: { reason: result.code },
    })
  }

  async release(name: UnitName): Promise<void> {
    const { decisions, self, group } = this.#c
    if (group()?.units.get(name)?.peer !== self) return
    await decisions.decide({ op: 'unit:release', unit: name })
  }
}
