import { DELEGATES_WANTED, delegatesOf, type GroupState, providersOf } from '@vsmcp/consensus'
import {
  type Clock,
  type GroupId,
  type Logger,
  messageOf,
  type PeerIdString,
  type Random,
  type Startable,
  type UnitName,
} from '@vsmcp/kernel'
import { flawOfChild } from '@vsmcp/security'
import { GROUP_UNIT_START_MS, HOME_MEMBERS_ENOUGH } from '../constants.ts'
import type { Membership, Memberships } from './memberships.ts'
import { founderOf } from './own-account.ts'
import { Settling } from './settling.ts'

export interface TiesComponents {
  self: PeerIdString
  memberships: Memberships
  clock: Clock
  random: Random
  logger: Logger
}

/**
 * What a node does that has a seat in a group and in the one above: as a delegate it runs the group as a unit of the parent, under the name
 * the parent's docket gives it, and tells the members of the group that they can ask above through it.
 */
export class Ties implements Startable {
  readonly #c: TiesComponents
  readonly #offs = new Map<GroupId, (() => void)[]>()
  /** Each by itself: a group that decides nothing now holds up no other. */
  readonly #settlings = new Map<GroupId, Settling>()
  #isStopped = false
  /** Groups here that their parent does not list any more. */
  readonly #orphans = new Set<GroupId>()

  constructor(components: TiesComponents) {
    this.#c = components
    components.memberships.on('began', (membership) => this.#follow(membership))
    components.memberships.on('ended', ({ group }) => {
      for (const off of this.#offs.get(group) ?? []) off()
      this.#offs.delete(group)
      this.#settlings.get(group)?.end()
      this.#settlings.delete(group)
      this.#orphans.delete(group)
      this.look()
    })
  }

  async start(): Promise<void> {
    this.#isStopped = false
    this.look()
  }

  async stop(): Promise<void> {
    this.#isStopped = true
    for (const settling of this.#settlings.values()) settling.end()
    this.#settlings.clear()
  }

  /** Groups that this node has a seat in, though the group above does not list them. */
  get orphans(): ReadonlySet<GroupId> {
    return this.#orphans
  }

  #follow(membership: Membership): void {
    const { log, members } = membership.parts
    const look = (): void => this.look()
    this.#offs.set(membership.group, [
      log.on('state:installed', look),
      log.on('leader:changed', look),
      members.on('member:state', look),
      log.on('entry:applied', ({ effects }) => {
        if (effects.some(({ type }) => /^(?:group|member|unit):/.test(type))) this.look()
      }),
    ])
    this.look()
  }

  /** Puts right what is not as the dockets say; tried again while something could not be done. */
  look(): void {
    if (this.#isStopped) return
    for (const { group } of this.#c.memberships.list()) this.#settlingOf(group).ask()
  }

  #settlingOf(group: GroupId): Settling {
    const { clock, random, memberships } = this.#c
    const work = async (): Promise<boolean> => {
      const membership = memberships.get(group)
      return membership === undefined || this.#tie(membership)
    }
    const settling = this.#settlings.get(group) ?? new Settling({ work, clock, random })
    this.#settlings.set(group, settling)
    return settling
  }

  /** @returns false when something is to be tried again */
  async #tie(membership: Membership): Promise<boolean> {
    const { memberships, logger } = this.#c
    const { group, parent, parts } = membership
    try {
      const above = parent === undefined ? undefined : memberships.get(parent)
      await parts.delegates.announce(above === undefined ? undefined : parent)
      if (above === undefined) this.#orphans.delete(group)
      else this.#noteOrphan(membership, above)
      await this.#standForChildren(membership)
      await this.#leaveToOthers(membership, above)
      return true
    } catch (error) {
      logger.info({ group, parent, error: messageOf(error) }, 'a seat is not tied to the group above or below yet')
      return false
    }
  }

  #noteOrphan({ group, parts: { trust } }: Membership, { parts }: Membership): void {
    const { state } = parts.log
    const { chain } = trust
    if (state === undefined) return
    const flaw = flawOfChild(chain, state)
    if (flaw === undefined) this.#orphans.delete(group)
    else if (!this.#orphans.has(group)) {
      this.#orphans.add(group)
      this.#c.logger.warn({ group, reason: flaw }, 'the group above does not list a group of this node: it goes on alone')
    }
  }

  /** Each group below by its name in the docket, where this node is a delegate of it; none other. */
  async #standForChildren({ group, parts }: Membership): Promise<void> {
    const { self, memberships } = this.#c
    const { log, units } = parts
    const { state } = log
    if (state === undefined) return
    const wanted = new Map<UnitName, GroupId>()
    for (const [child, { name, awaited }] of state.groups.entries()) {
      const inside = memberships.get(child)
      // What it has decided itself counts, whatever is listed here still or already.
      if (awaited === true || (inside !== undefined && inside.parent !== group)) continue
      const isNeeded = units.get(name) !== undefined && this.#othersRunning(state, name) < DELEGATES_WANTED
      // A founder whose group has delegates stands for it until these do.
      if (delegatesOf(state, child).includes(self) || isNeeded) wanted.set(name, child)
    }
    for (const { name, source } of units.specs()) {
      if (source.kind !== 'group') continue
      if (wanted.get(name) === source.group) wanted.delete(name)
      else await units.detach(name)
    }
    for (const [name, child] of wanted) {
      if (memberships.get(child) === undefined || this.#orphans.has(child)) continue
      await units.attach({
        name,
        source: { kind: 'group', group: child },
        startTimeoutMs: GROUP_UNIT_START_MS,
        replica: true,
        replace: false,
      })
    }
  }

  /** Who founded a group, or had it admitted, is its guest: once others decide there, and speak for it above, it leaves the group to them. */
  async #leaveToOthers({ group, isHome, parts, parent }: Membership, above: Membership | undefined): Promise<void> {
    const { self, memberships, logger } = this.#c
    if (isHome || parent === undefined) return
    const here = [...(parts.log.state?.members.keys() ?? [])].filter((peer) => peer !== self && parts.members.isAlive(peer))
    if (here.length < HOME_MEMBERS_ENOUGH) return
    const isLeft = above === undefined ? this.#isLeftElsewhere(parts, parent) : this.#isLeftAbove(group, above)
    if (!isLeft) return
    logger.info({ group }, 'the group that this node founded decides and speaks by itself: the seat in it ends')
    await memberships.hands.giveUp(group)
  }

  /** This node had it admitted above, where two others speak for it, and run it. */
  #isLeftAbove(group: GroupId, { parts }: Membership): boolean {
    const { self } = this.#c
    const { state } = parts.log
    if (state?.groups.get(group)?.founder !== self) return false
    const speakers = delegatesOf(state, group).filter((peer) => peer !== self && parts.members.isAlive(peer))
    const name = state.groups.get(group)?.name ?? ''
    return speakers.length >= DELEGATES_WANTED && this.#othersRunning(state, name) >= DELEGATES_WANTED
  }

  /** It was moved below a group that this node, its founder, has no part in: two of its members say that they have a seat there. */
  #isLeftElsewhere({ place, trust, delegates, members }: Membership['parts'], parent: GroupId): boolean {
    const { self } = this.#c
    if (place.moved === undefined || founderOf(trust.chain) !== self) return false
    return delegates.of(parent).filter((peer) => peer !== self && members.isAlive(peer)).length >= DELEGATES_WANTED
  }

  /** How many others run the unit. */
  #othersRunning({ units }: Pick<GroupState, 'units'>, name: UnitName): number {
    const claim = units.get(name)
    return claim === undefined ? 0 : providersOf(claim).filter((peer) => peer !== this.#c.self).length
  }
}
