import { Emitter, type GroupId, type Logger, messageOf, StoppedError } from '@vsmcp/kernel'
import type { MemberView } from '../members/contract.ts'
import type { GroupParts } from '../parts.ts'
import type { ToolView } from '../route/contract.ts'
import type { UnitView } from '../system1/contract.ts'

/** What a group lists, as a node of it sees it. */
export interface GroupLists {
  members(): MemberView[]
  units(): Promise<UnitView[]>
  tools(): ToolView[]
}

/** A running membership of this node: in its home group, or by a seat in another. */
export interface Membership extends GroupLists {
  readonly group: GroupId
  /** The group above now; undefined for the root. */
  readonly parent: GroupId | undefined
  readonly isHome: boolean
  readonly parts: GroupParts
}

/** Its parent is that of now, whenever it is asked. */
export function membershipOf(
  group: GroupId,
  parts: GroupParts,
  { isHome, lists }: { isHome: boolean; lists: GroupLists },
): Membership {
  return {
    ...lists,
    group,
    get parent() {
      return parts.place.parent
    },
    isHome,
    parts,
  }
}

/** What the seats of a process do when they are asked to. */
export interface SeatHands {
  /** Redeems an invitation to a further group. Resolves when the seat there runs, or will. */
  take(token: string): Promise<GroupId>
  /** Leaves the group in order. */
  giveUp(group: GroupId): Promise<void>
}

interface Events extends Record<string, unknown> {
  began: Membership
  ended: Membership
}

/** The groups in which this node runs now: where one is asked on behalf of another. */
export class Memberships {
  readonly #running = new Map<GroupId, Membership>()
  readonly #events: Emitter<Events>

  #hands: SeatHands | undefined

  constructor(logger: Logger) {
    this.#events = new Emitter((error) => logger.error({ error: messageOf(error) }, 'a listener of memberships failed'))
  }

  get(group: GroupId): Membership | undefined {
    return this.#running.get(group)
  }

  list(): readonly Membership[] {
    return [...this.#running.values()]
  }

  /** Who takes and gives up seats for this process. */
  serve(hands: SeatHands): void {
    this.#hands = hands
  }

  get hands(): SeatHands {
    if (this.#hands !== undefined) return this.#hands
    throw new StoppedError('this node takes no seats now')
  }

  began(membership: Membership): void {
    this.#running.set(membership.group, membership)
    this.#events.emit('began', membership)
  }

  ended(group: GroupId): void {
    const membership = this.#running.get(group)
    if (membership === undefined) return
    this.#running.delete(group)
    this.#events.emit('ended', membership)
  }

  on<K extends keyof Events & string>(event: K, listener: (payload: Events[K]) => void): () => void {
    return this.#events.on(event, listener)
  }
}
