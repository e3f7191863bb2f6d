import { type GroupState, isProvider, PROVIDERS_LEVEL, type RefusalCode } from '@vsmcp/consensus'
import type { PeerIdString, UnitName } from '@vsmcp/kernel'
import type { Definitions } from '@vsmcp/mcp'
import { differenceOf } from '../catalog/difference.ts'
import type { PublishedUnit } from '../catalog/published-unit.ts'
import { RefusedError, ReplicaRefusedError, UnitExistsError } from '../errors.ts'
import type { Decisions } from '../system5/decisions.ts'
import type { UnitNames } from './local-units.ts'

export interface UnitNameClaimsComponents {
  decisions: Decisions
  group: () => GroupState | undefined
  /** What a unit of the group offers, as it is listed. */
  offerOf: (unit: UnitName) => PublishedUnit | undefined
  self: PeerIdString
  nameOf: (peer: PeerIdString) => string
}

const REPLICA_HINTS: { readonly [C in RefusalCode]?: string } = {
  'definitions-differ':
    'Replicas are the same server in the same version. Attach it under another name, or update the other one first.',
  'zone-differs': 'Replicas run in the zone of their unit: attach it under another name.',
  'providers-full': 'Detach one of them first.',
  'feature-level': 'Update all nodes; the group raises its level by itself.',
}

/** A unit's name belongs to one node of the group, or to several that run the same: the docket says to which. */
export class UnitNameClaims implements UnitNames {
  readonly #c: UnitNameClaimsComponents

  constructor(components: UnitNameClaimsComponents) {
    this.#c = components
  }

  assertFree(name: UnitName, isReplica: boolean): void {
    const holder = this.#c.group()?.units.get(name)?.peer
    if (holder !== undefined && !isReplica && !this.#holds(name)) throw this.#taken(name, holder)
  }

  isSettled(name: UnitName, definitions: Definitions | undefined): boolean {
    const { group, self } = this.#c
    const claim = group()?.units.get(name)
    if (claim === undefined || !this.#holds(name)) return false
    // What the first provider offers is what all of them must.
    return claim.peer !== self || definitions === undefined || !this.#knowsProviders() || claim.digest === definitions.digest
  }

  async claim(name: UnitName, definitions: Definitions | undefined, isReplica: boolean): Promise<void> {
    const { decisions, self } = this.#c
    if (this.isSettled(name, definitions)) return
    const digest = this.#knowsProviders() ? definitions?.digest : undefined
    const declared = digest === undefined ? {} : { digest }
    const asked = { unit: name, peer: self, ...declared }
    const result = await (isReplica && digest !== undefined
      ? decisions.propose({ op: 'unit:replicate', unit: name, peer: self, digest })
      : decisions.propose({ op: 'unit:claim', ...asked }))
    if (result.ok) return
    const { code, message, holder } = result
    if (isReplica && (code in REPLICA_HINTS || code === 'unit-taken'))
      throw this.#refused(name, definitions, code, message, holder)
    if (code === 'unit-taken') throw this.#taken(name, holder)
    throw new RefusedError(message, { details: { reason: code } })
  }

  held(): UnitName[] {
    const { group } = this.#c
    return (group()?.units.entries() ?? []).flatMap(([name]) => (this.#holds(name) ? [name] : []))
  }

  async release(name: UnitName): Promise<void> {
    if (this.#holds(name)) await this.#c.decisions.decide({ op: 'unit:release', unit: name })
  }

  #holds(name: UnitName): boolean {
    const state = this.#c.group()
    return state !== undefined && isProvider(state, name, this.#c.self)
  }

  #knowsProviders(): boolean {
    return (this.#c.group()?.charter.featureLevel ?? PROVIDERS_LEVEL) >= PROVIDERS_LEVEL
  }

  #taken(name: UnitName, holder: PeerIdString | undefined): UnitExistsError {
    return new UnitExistsError(`a unit ${name} is attached to ${this.#placeOf(holder)} already`, {
      hint: 'If it is the same server, add --replica and both are called. Else choose another name, or detach the other unit first.',
    })
  }

  #refused(
    name: UnitName,
    definitions: Definitions | undefined,
    code: RefusalCode,
    message: string,
    holder: PeerIdString | undefined,
  ): ReplicaRefusedError {
    // Only a group below the level takes a replica for somebody who wants the name for itself.
    const reason = code === 'unit-taken' ? 'feature-level' : code
    const offer = this.#c.offerOf(name)
    const said = {
      'definitions-differ': `${name} on ${this.#placeOf(holder)} offers something else than this server`,
      'feature-level': `the group is at a feature level at which a unit has one provider, and ${name} is on ${this.#placeOf(holder)}`,
    }[reason as string]
    const difference =
      reason === 'definitions-differ' && definitions !== undefined && offer !== undefined ? differenceOf(definitions, offer) : ''
    return new ReplicaRefusedError(`${said ?? message}${difference === '' ? '' : `: ${difference}`}`, {
      ...(REPLICA_HINTS[reason] === undefined ? {} : { hint: REPLICA_HINTS[reason] }),
      details: { unit: name, reason },
    })
  }

  #placeOf(holder: PeerIdString | undefined): string {
    return holder === undefined ? 'another node' : `the node ${this.#c.nameOf(holder)}`
  }
}
