import { delegatesOf, groupNamed } from '@vsmcp/consensus'
import { type Clock, type GroupId, InvalidArgumentError, isoTime, type Logger, type PeerIdString } from '@vsmcp/kernel'
import { pathUnder } from '@vsmcp/vsm'
import { chainRoomProblems } from '../control/chain-room.ts'
import { CharterDesk } from '../charter/charter-desk.ts'
import type { InvitationCreated, InvitationRequest } from '../system5/contract.ts'
import type { MemberView } from '../members/contract.ts'
import { GroupUnknownError, QuorumAtRiskError } from '../errors.ts'
import type { Membership, Memberships, SeatHands } from '../recursion/memberships.ts'
import type { Ties } from '../recursion/ties.ts'
import { recursionView } from '../recursion/recursion-view.ts'
import { heldToView, toldView } from '../recursion/told-view.ts'
import type {
  GroupCreateRequest,
  GroupMoved,
  GroupMoveRequest,
  GroupRenameRequest,
  GroupView,
  RecursionView,
  SignedMove,
} from './contract.ts'
import type { Founding } from './founding.ts'
import { Moving } from './moving.ts'
import { takeSeat, type SeatJoiningComponents } from './seat-joining.ts'
import type { Seats } from './seats.ts'

export interface GroupDeskComponents {
  self: PeerIdString
  memberships: Memberships
  seats: Seats
  ties: Pick<Ties, 'orphans'>
  founding: Founding
  joining: SeatJoiningComponents
  clock: Clock
  logger: Logger
}

/** Whether the group above could be reached, and since when. */
interface Reach {
  isReached: boolean
  sinceMs: number
}

/** Groups, as people ask for them by their paths. */
export class GroupDesk implements SeatHands {
  readonly moving: Moving
  readonly #c: GroupDeskComponents
  readonly #reach = new Map<GroupId, Reach>()

  constructor(components: GroupDeskComponents) {
    this.#c = components
    this.moving = new Moving({
      ...components,
      membership: (path) => this.membership(path),
      pathOf: (membership) => this.pathOf(membership),
    })
  }

  /** Throws `GroupUnknownError` for a path that is none of a group this node takes part in. */
  membership(path?: string): Membership {
    const all = this.#c.memberships.list()
    const found =
      path === undefined
        ? all.find(({ isHome }) => isHome)
        : all.find((each) => this.pathOf(each) === path || each.group === path)
    if (found !== undefined) return found
    const known = this.views().some((view) => view.path === path)
    throw new GroupUnknownError(known ? `this node has no seat in ${path ?? ''}` : `this node knows no group ${path ?? ''}`, {
      hint: known
        ? 'Ask a node of that group, or a delegate of it: `vsmcp group show` names them.'
        : '`vsmcp group ls` lists the groups this node takes part in and those below them.',
    })
  }

  /** As the groups above name it now, or last did; what a group was founded as, where nothing was heard from above. */
  pathOf({ group, parent, parts }: Membership, below: readonly GroupId[] = []): string {
    // Of groups in a circle none is above the others.
    if (parts.records.recursion.circle !== undefined || below.includes(group)) return parts.records.path
    const above = parent === undefined ? undefined : this.#c.memberships.get(parent)
    const name = above?.parts.log.state?.groups.get(group)?.name
    return above === undefined || name === undefined ? parts.records.path : pathUnder(this.pathOf(above, [...below, group]), name)
  }

  views(): GroupView[] {
    const { memberships } = this.#c
    const own = memberships.list().map((membership) => this.#viewOf(membership))
    const below = memberships.list().flatMap((membership) => this.#childrenOf(membership))
    return [...own, ...below, ...this.#resting()].sort((a, b) => (a.path < b.path ? -1 : 1))
  }

  /** Of the home group. */
  recursion(): RecursionView {
    const home = this.membership()
    return recursionView(this.#viewOf(home), home.parts.log.state ?? { groups: NO_GROUPS }, home.parts.records.recursion)
  }

  view(path: string): GroupView {
    const found = this.views().find((view) => view.path === path || view.id === path)
    if (found !== undefined) return found
    throw new GroupUnknownError(`this node knows no group ${path}`, {
      hint: '`vsmcp group ls` lists the groups this node takes part in and those below them.',
    })
  }

  /** What people ask of its charter. */
  charter(path?: string): CharterDesk {
    const { clock, logger } = this.#c
    return new CharterDesk({ ...this.membership(path).parts, clock, logger })
  }

  members(path?: string): MemberView[] {
    return this.membership(path).members()
  }

  invite({ group, ...request }: InvitationRequest): Promise<InvitationCreated> {
    const membership = this.membership(group)
    const { delegateOf } = request
    if (delegateOf === undefined) return membership.parts.admission.invite(request)
    return membership.parts.admission.invite({ ...request, delegateOf: this.#childOf(membership, delegateOf) })
  }

  /** Asked again it goes on where it was cut off. */
  async create({ path }: GroupCreateRequest): Promise<GroupView> {
    const { memberships, founding, seats } = this.#c
    const [above, name] = path.startsWith('/') ? split(path) : [undefined, path]
    const parent = this.membership(above)
    const there = groupNamed(parent.parts.log.state ?? { groups: NO_GROUPS }, name)?.[0]
    if (there !== undefined && memberships.get(there) !== undefined) return this.view(pathUnder(this.pathOf(parent), name))
    seats.assertRoom()
    await seats.open(await founding.found(name, parent))
    return this.view(pathUnder(this.pathOf(parent), name))
  }

  async rename({ group, name }: GroupRenameRequest): Promise<GroupView> {
    const [parent, id] = this.#fromAbove(group)
    await parent.parts.decisions.decide({ op: 'group:rename', id, name })
    return this.view(id)
  }

  async move(request: GroupMoveRequest & { order?: SignedMove }): Promise<GroupMoved> {
    const { id, released } = await this.moving.move(request)
    return { group: this.view(id), released }
  }

  /** Its delegates leave first; this node's own seat in it goes with it when nobody else is there. */
  async remove(path: string): Promise<void> {
    const { memberships, seats, self } = this.#c
    const [parent, id] = this.#fromAbove(path)
    const inside = memberships.get(id)
    const others = inside?.parts.log.state?.members.keys().filter((peer) => peer !== self) ?? []
    if (others.length > 0) {
      throw new InvalidArgumentError(`${path} is not empty: ${others.length} other members are in it`, {
        hint: 'Have them leave it first, with `vsmcp leave` on each; then remove it.',
      })
    }
    await parent.parts.decisions.decide({ op: 'group:remove', id })
    if (inside?.isHome === false) await seats.forget(id)
  }

  async take(token: string): Promise<GroupId> {
    const { seats, joining } = this.#c
    seats.assertRoom()
    const group = await takeSeat(token, this.membership(), joining)
    await seats.open(group)
    return group
  }

  async giveUp(group: GroupId): Promise<void> {
    const { memberships, seats } = this.#c
    const membership = memberships.get(group)
    if (membership === undefined || membership.isHome) return
    await membership.parts.departure.leave()
    await seats.forget(group)
  }

  /** The innermost first: who leads there hands over before it speaks for nobody above. Throws when a group cannot spare this node. */
  async leaveAll(): Promise<void> {
    const { memberships, seats, self } = this.#c
    const depth = (each: Membership): number => this.pathOf(each).split('/').length
    for (const each of memberships
      .list()
      .filter(({ isHome }) => !isHome)
      .toSorted((a, b) => depth(b) - depth(a))) {
      const { members } = each.parts.log.state ?? {}
      if (members?.size !== 1 || !members.has(self)) await this.giveUp(each.group)
      else if (each.parent !== undefined && memberships.get(each.parent) !== undefined) await this.remove(each.group)
      else
        throw new QuorumAtRiskError(`this node is the only member of ${this.pathOf(each)}`, {
          hint: 'Invite another node into it, or remove it with `vsmcp group rm`.',
        })
      await seats.forget(each.group)
    }
  }

  /** What is wrong with seats, for `status`. */
  problems(): string[] {
    const away = this.views().flatMap(({ part, path, parent, problem }) => {
      // Of the home group, status says by itself what is wrong within it.
      const flaw = part === 'home' ? (this.#flawOfPlace(this.membership()) ?? null) : problem
      if (flaw !== null) return [`group ${path}: ${flaw}`]
      return parent === null || parent.reached || part === 'none'
        ? []
        : [`group ${path}: the group above, ${parent.path}, cannot be reached since ${parent.since}; it goes on alone`]
    })
    // Of the home group, status says so by itself.
    const long = this.#c.memberships
      .list()
      .filter(({ isHome }) => !isHome)
      .flatMap((each) =>
        chainRoomProblems(each.parts.trust.chain.links.length).map((what) => `group ${this.pathOf(each)}: ${what}`),
      )
    return [...away, ...long]
  }

  /** What is wrong with where it stands. */
  #flawOfPlace(membership: Membership): string | undefined {
    const { group, parts } = membership
    if (this.#c.ties.orphans.has(group)) return 'the group above does not list it any more; it goes on alone'
    const { circle } = parts.records.recursion
    if (circle === undefined) return undefined
    const { former } = parts.place.moved ?? {}
    const back = former === undefined ? 'PATH' : former.slice(0, former.lastIndexOf('/')) || '/'
    return `it stands below itself, in a circle of ${circle.length} groups that is below no other; move one out: \`vsmcp group move ${this.pathOf(membership)} ${back}\``
  }

  #viewOf(membership: Membership): GroupView {
    const { memberships } = this.#c
    const { group, parent, isHome, parts } = membership
    const { log } = parts
    const members = membership.members()
    const above = parent === undefined ? undefined : memberships.get(parent)
    const path = this.pathOf(membership)
    return {
      id: group,
      path,
      part: isHome ? 'home' : 'seat',
      parent: parent === undefined ? null : this.#parentOf(membership, parent, above, path),
      awaited: above?.parts.log.state?.groups.get(group)?.awaited === true,
      members: { known: members.length, alive: members.filter(({ state }) => state === 'alive').length },
      leaderName: members.find(({ leader }) => leader)?.name ?? null,
      delegates: this.#delegatesOf(membership, above),
      told: this.#told(above, group),
      heldTo: parts.records.fromAbove.list().map(heldToView),
      children: log.state?.groups.entries().map(([, { name }]) => name) ?? [],
      problem:
        this.#flawOfPlace(membership) ??
        (log.status()?.leader === undefined ? 'there is no System 5: it decides nothing, calls go on' : null),
    }
  }

  #told(above: Membership | undefined, group: GroupId): GroupView['told'] {
    const record = above?.parts.records.recursion.child(group)
    return record === undefined ? null : toldView(record)
  }

  #parentOf({ group, parts }: Membership, id: GroupId, above: Membership | undefined, path: string): GroupView['parent'] {
    const isReached = above === undefined ? parts.delegates.of(id).some((peer) => parts.members.isAlive(peer)) : canDecide(above)
    const nowMs = this.#c.clock.wallMs()
    const before = this.#reach.get(group)
    const reach = before?.isReached === isReached ? before : { isReached, sinceMs: nowMs }
    this.#reach.set(group, reach)
    return { id, path: path.slice(0, path.lastIndexOf('/')) || '/', reached: isReached, since: isoTime(reach.sinceMs) }
  }

  #delegatesOf({ group, parent, parts }: Membership, above: Membership | undefined): GroupView['delegates'] {
    const { state } = parts.log
    const known = above?.parts.log.state
    const peers = known === undefined ? parts.delegates.of(parent) : delegatesOf(known, group)
    return peers.map((peerId) => ({
      peerId,
      name: state?.members.get(peerId)?.name ?? known?.members.get(peerId)?.name ?? peerId,
      alive: parts.members.isAlive(peerId) || above?.parts.members.isAlive(peerId) === true,
    }))
  }

  /** Groups below one of this node's that it has no seat in. */
  #childrenOf(membership: Membership): GroupView[] {
    const { memberships } = this.#c
    const { state } = membership.parts.log
    if (state === undefined) return []
    const path = this.pathOf(membership)
    return state.groups
      .entries()
      .filter(([id]) => memberships.get(id) === undefined)
      .map(([id, { name, awaited }]): GroupView => {
        const delegates = delegatesOf(state, id).map((peerId) => ({
          peerId,
          name: state.members.get(peerId)?.name ?? peerId,
          alive: membership.parts.members.isAlive(peerId),
        }))
        return {
          id,
          path: pathUnder(path, name),
          part: 'none',
          parent: { id: membership.group, path, reached: true, since: isoTime(this.#c.clock.wallMs()) },
          awaited: awaited === true,
          members: null,
          leaderName: null,
          delegates,
          told: this.#told(membership, id),
          heldTo: [],
          children: [],
          problem:
            awaited === true || delegates.some(({ alive }) => alive)
              ? null
              : 'none of its delegates can be reached: calls to it are not sent',
        }
      })
  }

  /** Seats that do not run now. */
  #resting(): GroupView[] {
    return this.#c.seats.list().flatMap((seat): GroupView[] => {
      if (seat.parts !== undefined) return []
      const problem = `the seat of this node in it does not run, and is tried again: ${seat.problem ?? 'it is starting'}`
      const unknown = {
        parent: null,
        awaited: false,
        members: null,
        leaderName: null,
        delegates: [],
        told: null,
        heldTo: [],
        children: [],
      }
      return [{ id: seat.group, path: seat.group, part: 'seat', ...unknown, problem }]
    })
  }

  #childOf({ parts, group }: Membership, wanted: string): GroupId {
    const name = wanted.slice(wanted.lastIndexOf('/') + 1)
    const { state } = parts.log
    const id = state?.groups.has(wanted) === true ? wanted : groupNamed(state ?? { groups: NO_GROUPS }, name)?.[0]
    if (id !== undefined) return id
    throw new GroupUnknownError(`there is no group ${wanted} below ${group}`, { hint: '`vsmcp group ls` lists them.' })
  }

  /** The membership above a group, and the group's id. */
  #fromAbove(path: string): [Membership, GroupId] {
    const { id, parent } = this.view(path)
    const above = parent === null ? undefined : this.#c.memberships.get(parent.id)
    if (above !== undefined) return [above, id]
    throw new GroupUnknownError(
      parent === null
        ? `${path} is the outermost group of the mesh`
        : `this node has no seat in ${parent.path}, which decides about ${path}`,
      { hint: 'Ask a member of the group above, or a delegate.' },
    )
  }
}

/** Somebody leads it, and a majority of its voters is reached from here: a learner does not learn by itself that its leader is none any more. */
function canDecide({ parts: { log, members } }: Membership): boolean {
  const status = log.status()
  if (status?.leader === undefined) return false
  const { voters } = status.configuration
  return voters.filter((peer) => members.isAlive(peer)).length > voters.length / 2
}

const NO_GROUPS = { entries: () => [] } as never

/** The path above, and the name. */
function split(path: string): [string, string] {
  const at = path.lastIndexOf('/')
  return [path.slice(0, at) || '/', path.slice(at + 1)]
}
