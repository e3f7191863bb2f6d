import { type GroupState, hasSay, isPlaceNews } from '@vsmcp/consensus'
import { type Clock, type GroupId, type Logger, messageOf, type PeerIdString, type Random, type Startable } from '@vsmcp/kernel'
import type { Membership, Memberships } from './memberships.ts'
import { Settling } from './settling.ts'

export interface PlaceTellingComponents {
  self: PeerIdString
  memberships: Memberships
  clock: Clock
  random: Random
  logger: Logger
}

/**
 * Carries the word of a group that has moved into the dockets of the groups that still list it, or keep a place for it, wherever this node has
 * a seat in both; and ends the seats that it had only to speak for a group that stands elsewhere now. Each tried until it is done.
 */
export class PlaceTelling implements Startable {
  readonly #c: PlaceTellingComponents
  readonly #offs = new Map<GroupId, (() => void)[]>()
  /** By the group that is told, and the one that it is about; by the group alone for a seat that is over. */
  readonly #settlings = new Map<string, Settling>()
  #isStopped = false

  constructor(components: PlaceTellingComponents) {
    this.#c = components
    components.memberships.on('began', (membership) => this.#follow(membership))
    components.memberships.on('ended', ({ group }) => {
      for (const off of this.#offs.get(group) ?? []) off()
      this.#offs.delete(group)
      for (const [key, settling] of this.#settlings) {
        if (!key.split(' ').includes(group)) continue
        settling.end()
        this.#settlings.delete(key)
      }
    })
  }

  async start(): Promise<void> {
    this.#isStopped = false
    this.#look()
  }

  async stop(): Promise<void> {
    this.#isStopped = true
    for (const settling of this.#settlings.values()) settling.end()
    this.#settlings.clear()
  }

  #follow({ group, parts: { log } }: Membership): void {
    const look = (): void => this.#look()
    this.#offs.set(group, [
      log.on('state:installed', look),
      log.on('entry:applied', ({ effects }) => {
        if (effects.some(({ type }) => type.startsWith('group:'))) look()
      }),
    ])
    look()
  }

  #look(): void {
    if (this.#isStopped) return
    const all = this.#c.memberships.list()
    for (const { group, isHome } of all) {
      for (const { group: child } of all) {
        if (this.#due(group, child) !== undefined) this.#settle(`${group} ${child}`, () => this.#tell(group, child))
      }
      if (!isHome && this.#isOver(group)) this.#settle(group, () => this.#giveUp(group))
    }
  }

  #settle(key: string, work: () => Promise<boolean>): void {
    const { clock, random } = this.#c
    const settling = this.#settlings.get(key) ?? new Settling({ work, clock, random })
    this.#settlings.set(key, settling)
    settling.ask()
  }

  /** Where the child stands, when the group above is to be told so, and by this node. */
  #due(above: GroupId, child: GroupId): { parent: GroupId; move: number } | undefined {
    const { memberships, self } = this.#c
    const place = memberships.get(child)?.parts.place.moved
    const state = memberships.get(above)?.parts.log.state
    const listed = state?.groups.get(child)
    if (place === undefined || state === undefined || listed === undefined) return undefined
    return isPlaceNews(above, listed, place) && hasSay(state, child, listed, self) ? place : undefined
  }

  async #tell(above: GroupId, child: GroupId): Promise<boolean> {
    const { memberships, logger } = this.#c
    const place = this.#due(above, child)
    const membership = memberships.get(above)
    if (place === undefined || membership === undefined) return true
    const { parent, move } = place
    try {
      await membership.parts.decisions.decide({ op: 'group:placed', id: child, parent, move })
      logger.info({ group: above, child, parent, move }, 'a group above was told where a group stands now')
      return true
    } catch (error) {
      logger.info(
        { group: above, child, parent, move, error: messageOf(error) },
        'a group above could not be told yet where a group stands now',
      )
      return false
    }
  }

  /** Whether this node has the seat only to speak for a group that stands elsewhere, and is not listed there any more. */
  #isOver(above: GroupId): boolean {
    const { memberships, self } = this.#c
    const state = memberships.get(above)?.parts.log.state
    const spokenFor = state?.members.get(self)?.delegateOf
    if (state === undefined || spokenFor === undefined || state.groups.has(spokenFor)) return false
    const child = memberships.get(spokenFor)
    return child !== undefined && child.parent !== above && stateOf(child) !== undefined
  }

  async #giveUp(above: GroupId): Promise<boolean> {
    const { memberships, logger } = this.#c
    if (!this.#isOver(above)) return true
    try {
      await memberships.hands.giveUp(above)
      logger.info({ group: above }, 'the group that this node spoke for stands elsewhere: the seat here ends')
      return true
    } catch (error) {
      logger.info({ group: above, error: messageOf(error) }, 'a seat could not be given up yet')
      return false
    }
  }
}

const stateOf = ({ parts }: Membership): GroupState | undefined => parts.log.state
