import type { Governance } from '@vsmcp/vsm'
import { AUTHORITY_LEVEL, FEATURE_LEVEL, type GroupState } from '@vsmcp/consensus'
import type { Clock, Logger, PeerIdString, Random } from '@vsmcp/kernel'
import { WIRE_RANGE } from '@vsmcp/mesh'
import type { Identity, Life } from '@vsmcp/security'
import type { Unit, UnitSpec } from '@vsmcp/mcp'
import type { Store } from '@vsmcp/store'
import type { Enrolment } from '../enrol/enrolment.ts'
import type { NodeInit } from '../node-init.ts'
import type { GroupParts, HostParts } from '../parts.ts'
import type { Scopes } from '../tree/scopes.ts'

/** What is there before any part is. */
export interface Ground {
  /** Of a further seat: with the seat's own data directory. */
  init: NodeInit
  identity: Identity
  enrolment: Enrolment
  store: Store
  clock: Clock
  /** Where each part runs; a part's clock is its scope's. */
  scopes: Scopes
  logger: Logger
  /** The life of the process, of which all its seats are part. @default one of its own begins */
  life?: () => Life
}

/** Makes what System 1 of a membership runs. */
export type MakeUnit = (spec: UnitSpec, components: { clock: Clock; random: Random; logger: Logger }) => Unit

/** What every part may be made from. */
export interface Assembly extends Ground {
  host: HostParts
  makeUnit: MakeUnit
  self: PeerIdString
  random: Random
  group: GroupView
  /** All parts: for what one asks of a later one, once all are there. */
  whole: () => GroupParts
}

/** The range of versions and the feature level that this program shows at the hello. */
export const WIRE = { ...WIRE_RANGE, level: FEATURE_LEVEL }

/** The group as this node knows it at the moment it is asked. */
export class GroupView {
  readonly #whole: Assembly['whole']

  constructor(whole: Assembly['whole']) {
    this.#whole = whole
  }

  get state(): GroupState | undefined {
    return this.#whole().log.state
  }

  /** Below this level nodes of older versions take part, which know no endorsements and no fencing tokens. */
  isRaised = (): boolean => (this.state?.charter.featureLevel ?? AUTHORITY_LEVEL) >= AUTHORITY_LEVEL

  /** A node that holds no copy of the docket yet goes by the credential alone, which the hello has verified. */
  isMember = (peer: PeerIdString): boolean => this.state?.members.has(peer) ?? true

  /** Undefined for whom its copy does not list while that may lack a newcomer. */
  lists = (peer: PeerIdString): boolean | undefined => {
    const isListed = this.state?.members.has(peer)
    return isListed === false && !this.#whole().log.isUpToTerm ? undefined : isListed
  }

  /** While nobody leads, its copy may lack a newcomer for long; whom it saw leave it knows. */
  isServed = (peer: PeerIdString): boolean => {
    const { trust, log } = this.#whole()
    return this.isMember(peer) || (!trust.hasLeft(peer) && log.status()?.leader === undefined)
  }

  /** Whose credential is over gets no more than its renewal while the voters can be reached. */
  isInForce = (peer: PeerIdString): boolean => this.#whole().standing.serves(peer)

  /** By what System 5 decides here: identity and policies, within what the groups above hold this one to. */
  governance = (): Governance => this.#whole().records.fromAbove.governance()

  nameOf = (peer: PeerIdString): string => this.state?.members.get(peer)?.name ?? peer
}

/** Two meshes are told apart by clients, and by a node that is asked to attach its own. */
export function serverNameOf({ enrolment }: Pick<Ground, 'enrolment'>): string {
  return `vsmcp-${enrolment.meshId.slice(0, 8)}`
}
