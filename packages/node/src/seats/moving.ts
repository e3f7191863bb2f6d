import { type GroupState, isPlaceNews } from '@vsmcp/consensus'
import { type Clock, type GroupId, InvalidArgumentError, type Logger, messageOf } from '@vsmcp/kernel'
import { type PlaceRefusal, pathUnder, refusedPlace } from '@vsmcp/vsm'
import { CONTROL_DEADLINE_MS } from '../constants.ts'
import { GroupPlaceRefusedError, GroupUnknownError, RefusedError } from '../errors.ts'
import type { Membership, Memberships } from '../recursion/memberships.ts'
import type { GroupMoveDraft, GroupMoveRequest, MoveOrder, SignedMove } from './contract.ts'

export interface MovingComponents {
  memberships: Memberships
  /** Throws `GroupUnknownError` for a path that is none of a group this node takes part in. */
  membership: (path: string) => Membership
  pathOf: (membership: Membership) => string
  clock: Clock
  logger: Logger
}

/** What a request comes to, by the dockets of now. */
interface Plan {
  readonly child: Membership
  readonly parent: Membership
  readonly name: string
  readonly path: string
  /**
   * `rename`: it stands there already. `tell`: it has decided so, and the group above is not told yet. Else what an operator signs.
   */
  readonly step: 'rename' | 'tell' | MoveOrder
}

/**
 * Moves a group below another one, by the seats that this node has in both. The new parent keeps a place; then the group decides, by an operator's
 * signature; then both groups above are told. Cut off anywhere, the same request goes on where it was: what is decided already stays decided.
 */
export class Moving {
  readonly #c: MovingComponents

  constructor(components: MovingComponents) {
    this.#c = components
  }

  /**
   * What is to be signed. Throws `GroupPlaceRefusedError` where the group cannot be. With a token this node first takes a seat in the group above that is to be,
   * and gives it up again when the group cannot be there.
   */
  async draft({ token, ...request }: GroupMoveRequest & { token?: string }): Promise<GroupMoveDraft> {
    const { memberships } = this.#c
    const before = new Set(memberships.list().map(({ group }) => group))
    const taken = token === undefined ? undefined : await memberships.hands.take(token)
    try {
      const { path, step } = await this.#plan(request, taken)
      return { path, order: typeof step === 'string' ? null : step }
    } catch (error) {
      if (taken !== undefined && !before.has(taken) && error instanceof GroupPlaceRefusedError)
        await memberships.hands.giveUp(taken)
      throw error
    }
  }

  /** @returns the group's id, and whether the group above that was has let go of it: null when this node cannot know */
  async move({
    order,
    ...request
  }: GroupMoveRequest & { order?: SignedMove }): Promise<{ id: GroupId; released: boolean | null }> {
    const { child, parent, name, step } = await this.#plan(request)
    const { group: id } = child
    const before = child.parent
    if (step === 'rename') {
      if (parent.parts.log.state?.groups.get(id)?.name !== name)
        await parent.parts.decisions.decide({ op: 'group:rename', id, name })
      return { id, released: true }
    }
    if (step !== 'tell') await this.#decide(child, parent, name, signedFor(step, order))
    await this.#tell(child, parent)
    return { id, released: await this.#released(child, before) }
  }

  async #plan({ group, to }: GroupMoveRequest, taken?: GroupId): Promise<Plan> {
    const child = this.#child(group, to)
    const { parent: above } = child
    if (above === undefined)
      throw refused('outermost', `${this.#c.pathOf(child)} is the outermost group of the mesh: it stands below nobody`)
    if (taken !== undefined) await this.#heard(this.#c.membership(taken))
    const [parent, name] = this.#target(to, child)
    const { group: id } = child
    await this.#heard(parent)
    const [inside, docket] = await Promise.all([child.parts.decisions.current(), parent.parts.decisions.current()])
    const path = pathUnder(this.#c.pathOf(parent), name)
    const listed = docket.groups.get(id)
    const plan = { child, parent, name, path }
    const former = this.#c.pathOf(child)
    if (above === parent.group && listed !== undefined) {
      if (listed.awaited === undefined) return { ...plan, step: 'rename' }
      if (isPlaceNews(parent.group, listed, { parent: above, move: child.parts.place.move })) return { ...plan, step: 'tell' }
    }
    this.#assertFits(plan, inside, docket)
    const lineage = [...parent.parts.place.lineage]
    return {
      ...plan,
      step: { op: 'group:move', parent: parent.group, path, former, lineage, move: (inside.place?.move ?? 0) + 1 },
    }
  }

  /** Asked for again, it may have decided already, and has another path. */
  #child(group: string, to: string): Membership {
    try {
      return this.#c.membership(group)
    } catch (error) {
      const moved = this.#c.memberships.list().find(({ parts }) => parts.place.moved?.former === group)
      const path = moved === undefined ? '' : this.#c.pathOf(moved)
      if (moved === undefined || (path !== to && path !== pathUnder(to, lastOf(group)))) throw error
      return moved
    }
  }

  /** As `mv` reads it: below a group that is there, else below the one before the last part, by that name; so also when it is there itself by now. */
  #target(to: string, child: Membership): [Membership, string] {
    const { membership, memberships, pathOf } = this.#c
    const there = memberships.list().find((each) => pathOf(each) === to || each.group === to)
    const name = lastOf(pathOf(child))
    if (there !== undefined && there.group !== child.group) return [there, name]
    const at = to.lastIndexOf('/')
    try {
      return at < 0 ? [membership(to), name] : [membership(to.slice(0, at) || '/'), to.slice(at + 1) || name]
    } catch (error) {
      if (!(error instanceof GroupUnknownError)) throw error
      throw new GroupUnknownError(error.message, {
        hint: 'This needs a seat in the group above, too: make an invitation on a member of it (`vsmcp invite --group PATH`), and give it here with --token.',
        cause: error,
      })
    }
  }

  /** By what the groups above it say, so that a place below itself is seen also where groups above were moved; without them by what is known. */
  async #heard({ parent, parts }: Membership): Promise<void> {
    const { recursion } = parts.records
    if (parent === undefined || recursion.parent !== undefined) return
    const { promise, resolve } = Promise.withResolvers<void>()
    const timer = this.#c.clock.after(CONTROL_DEADLINE_MS, resolve)
    const off = parts.records.on('heard', () => {
      if (recursion.parent !== undefined) resolve()
    })
    await promise
    timer.cancel()
    off()
  }

  #assertFits({ child, parent, name }: Pick<Plan, 'child' | 'parent' | 'name'>, inside: GroupState, docket: GroupState): void {
    const { group } = child
    const others = docket.groups.entries().filter(([id]) => id !== group)
    const flaw = refusedPlace(
      { group, name, levelsBelow: levelsBelow(child, inside) },
      {
        path: this.#c.pathOf(parent),
        lineage: parent.parts.place.lineage,
        children: others.map(([id, each]) => ({ group: id, name: each.name })),
        isUnit: (unit) => docket.units.has(unit) && docket.groups.get(group)?.name !== unit,
      },
    )
    if (flaw !== undefined) throw refused(flaw.code, flaw.reason)
  }

  async #decide(child: Membership, parent: Membership, name: string, order: SignedMove): Promise<void> {
    const { logger } = this.#c
    const { group: id, parts, isHome } = child
    const charterDigest = parts.place.charterDigest
    const levels = levelsBelow(child, parts.log.state)
    const { decisions } = parent.parts
    const asDelegate = isHome && !parent.isHome
    // It was there before, and nobody has told yet that it went: no place is kept for what is listed.
    await this.#released(child, parent.group)
    await decisions.decide({ op: 'group:await', id, name, charterDigest, move: order.move, levels, asDelegate })
    try {
      await parts.decisions.decide(order)
    } catch (error) {
      // The group would not have it: nobody comes to that place. After any other failure it may have decided, or will when it is asked again.
      if (error instanceof RefusedError) {
        await decisions.decide({ op: 'group:remove', id }).catch((failure: unknown) => {
          logger.info(
            { group: id, above: parent.group, error: messageOf(failure) },
            'a place is kept for a group that does not come',
          )
        })
      }
      throw error
    }
  }

  async #tell({ group: id, parts }: Membership, { group: parent, parts: { decisions, log } }: Membership): Promise<void> {
    const { move } = parts.place
    if (log.state?.groups.get(id)?.awaited === undefined) return
    await decisions.decide({ op: 'group:placed', id, parent, move })
  }

  /** What cannot be told now is told later, by whoever has a seat in both. */
  async #released({ group: id, parts }: Membership, before: GroupId | undefined): Promise<boolean | null> {
    const { memberships, logger } = this.#c
    const former = memberships.get(before ?? '')
    if (former === undefined) return null
    const { moved } = parts.place
    const listed = former.parts.log.state?.groups.get(id)
    if (moved === undefined || listed === undefined || !isPlaceNews(former.group, listed, moved)) return listed === undefined
    try {
      await former.parts.decisions.decide({ op: 'group:placed', id, parent: moved.parent, move: moved.move })
      return true
    } catch (error) {
      logger.info({ group: id, above: former.group, error: messageOf(error) }, 'the former group above is told of a move later')
      return false
    }
  }
}

/** Levels of groups below: one at least for each that nothing was heard of. */
function levelsBelow({ parts }: Membership, state: GroupState | undefined): number {
  const { recursion } = parts.records
  return Math.max(0, ...(state?.groups.keys() ?? []).map((id) => 1 + (recursion.child(id)?.depth ?? 0)))
}

function signedFor({ parent, move }: MoveOrder, order: SignedMove | undefined): SignedMove {
  if (order?.parent === parent && order.move === move) return order
  throw new InvalidArgumentError(
    order === undefined ? 'an operator of the group must sign its move' : 'what was signed is for another move than this one',
    { hint: 'Run `vsmcp group move` again: it asks for what is to be signed now.' },
  )
}

function refused(reason: PlaceRefusal | 'outermost', message: string): GroupPlaceRefusedError {
  return new GroupPlaceRefusedError(message, { hint: HINTS[reason], details: { reason } })
}

const HINTS: Readonly<Record<PlaceRefusal | 'outermost', string>> = {
  outermost: 'Groups below it can be moved.',
  'label-invalid': 'End the new path with a name of a-z, 0-9 and "-".',
  'name-taken': 'Give it another name there: end the new path with it, as in `vsmcp group move /eu/plant /us/plant-2`.',
  'already-there': 'Nothing is to be done.',
  cycle: 'Choose a group that is neither this one nor below it.',
  'too-deep': 'Choose a group further up.',
  'too-many-children': 'Choose a group below that one, or make one there.',
  orphan: '`vsmcp group ls` lists the groups this node takes part in.',
}

const lastOf = (path: string): string => path.slice(path.lastIndexOf('/') + 1)
