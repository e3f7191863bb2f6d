import { type Clock, type GroupId, type Logger, messageOf, type PeerIdString, ROOT_GROUP_ID, VsmcpError } from '@vsmcp/kernel'
import type { Hello, JoinExchange, Mesh, MeshComponents } from '@vsmcp/mesh'
import {
  type JoinGrant,
  JoinOtherGroupError,
  joinServer,
  type RedeemRequest,
  type ShownPassport,
  type VerifiedPassport,
} from '@vsmcp/security'
import { groupOfTopic } from '@vsmcp/vsm'
import { pack, unpack } from 'msgpackr'
import { z } from 'zod'
import { CONTROL_DEADLINE_MS, HELLO_AGAIN_AT_ONCE, HELLO_AGAIN_PER_PEER, HELLO_AGAIN_PERIOD_MS, SEATS_MAX } from '../constants.ts'
import { HelloTooOftenError, NoSharedGroupError } from '../errors.ts'
import { GroupMesh, type GroupMeshHost, type SharedGroups } from './group-mesh.ts'
import { SharedPlane } from './group-plane.ts'

const HELLO_AGAIN = 'hello:again'
const HELLO_MET = 'hello:met'
const HELLO_REFUSED = 'hello:refused'

const refusalsSchema = z.array(z.tuple([z.string().max(64), z.string().max(64)])).max(SEATS_MAX)

/** What a membership of this node says and believes at the door of the process. */
export interface SeatDoor {
  readonly group: GroupId
  passport(): Promise<Uint8Array>
  verify: Hello<VerifiedPassport>['verify']
  /** Whose gossip in this group's topics is passed on. */
  isMember(peer: PeerIdString): boolean
  /** Has an invitation to the group redeemed. */
  redeem(request: RedeemRequest): Promise<JoinGrant>
  /** Throws for a program that is too old for the group. */
  assertLevel(level: number): void
}

/** How passports are put into one hello, and read from one. */
export interface Passports {
  bundleOf(home: Uint8Array, others: readonly Uint8Array[]): Uint8Array
  passportsIn(bundle: Uint8Array): readonly ShownPassport[]
}

export interface HostMeshComponents {
  /** Makes the connections of the process, not started. */
  create: (
    components: Pick<MeshComponents<SharedGroups>, 'hello' | 'onJoin' | 'acceptsGossipFrom' | 'mayHear'>,
  ) => Mesh<SharedGroups>
  self: PeerIdString
  passports: Passports
  clock: Clock
  logger: Logger
}

/**
 * The connections of a process, which its memberships share: one hello shows the passports of all, and a peer is let in that shows
 * one good passport of a group that is shared. Which groups a peer is verified for is known here; each group's `GroupMesh` asks.
 */
export class HostMesh implements GroupMeshHost {
  readonly mesh: Mesh<SharedGroups>
  readonly control: SharedPlane
  readonly state: SharedPlane
  readonly rpc: SharedPlane
  readonly #c: HostMeshComponents
  /** The home group's first. */
  readonly #doors = new Map<GroupId, SeatDoor>()
  readonly #views = new Map<GroupId, GroupMesh>()
  /** By what each peer showed last; nobody is in it without a connection for long. */
  readonly #known = new Map<PeerIdString, SharedGroups>()
  readonly #refused = new Map<PeerIdString, [GroupId, string][]>()
  /** When each connected peer showed itself again, monotonic milliseconds. */
  readonly #again = new Map<PeerIdString, number[]>()

  constructor(components: HostMeshComponents) {
    this.#c = components
    this.mesh = components.create({
      hello: { local: () => this.shown(), verify: (peer, payload) => this.#verify(peer, payload) },
      onJoin: this.#joining(),
      acceptsGossipFrom: (author, topic) => this.#doorOf(topic)?.isMember(author) === true,
      mayHear: (peer, topic) => {
        const group = groupOfTopic(topic)
        return group !== undefined && this.passportOf(peer, group) !== undefined
      },
    })
    this.control = new SharedPlane(this.mesh.control)
    this.state = new SharedPlane(this.mesh.state)
    this.rpc = new SharedPlane(this.mesh.rpc)
    this.#listen()
  }

  /** The first that is opened is the home group's: with it the connections start and end. */
  open(door: SeatDoor): GroupMesh {
    const isHome = this.#doors.size === 0
    const { group } = door
    if (this.#doors.has(group)) throw new Error(`the node has a seat in ${group} already`)
    this.#doors.set(group, door)
    const view = new GroupMesh({
      group,
      host: this,
      prefix: group === ROOT_GROUP_ID ? '' : `${group}/`,
      start: async () => (isHome ? this.mesh.start() : this.#showAll(group)),
      stop: async () => {
        if (isHome) await this.mesh.stop()
        this.#close(group)
      },
      logger: this.#c.logger,
    })
    this.#views.set(group, view)
    return view
  }

  passportOf(peer: PeerIdString, group: GroupId): VerifiedPassport | undefined {
    return this.#known.get(peer)?.passports.get(group)
  }

  part(peer: PeerIdString, group: GroupId): boolean {
    const passports = this.#known.get(peer)?.passports
    if (passports === undefined || [...passports.keys()].every((shared) => shared === group)) return false
    passports.delete(group)
    return true
  }

  /**
   * The passports of all memberships, the home group's first, as a hello shows them. A seat that cannot show itself now, since it is starting, is
   * shown when it has.
   */
  async shown(): Promise<Uint8Array> {
    const [home, ...others] = this.#doors.values()
    if (home === undefined) throw new Error('no seat is open')
    const shown = await Promise.all(others.map(({ group }) => this.shownOf(group).catch(() => undefined)))
    return this.#c.passports.bundleOf(
      await home.passport(),
      shown.filter((passport) => passport !== undefined),
    )
  }

  /** The passport of one membership, alone: also of one too many to be in the bundle of all. @returns undefined while its seat does not run */
  async shownOf(group: GroupId): Promise<Uint8Array | undefined> {
    return this.#views.get(group)?.isOpen === true ? this.#doors.get(group)?.passport() : undefined
  }

  /** A peer that shares nothing more, or cannot say so, stays as it is. */
  async meetAgain(peer: PeerIdString): Promise<void> {
    try {
      const options = { deadlineMs: CONTROL_DEADLINE_MS }
      const shown = await this.mesh.control.call(peer, HELLO_AGAIN, await this.shown(), options)
      const groups = await this.#learn(peer, shown)
      this.mesh.control.notify(peer, HELLO_MET, new Uint8Array())
      for (const group of groups) this.#views.get(group)?.announce(peer)
    } catch (error) {
      this.#c.logger.debug({ peer, error: messageOf(error) }, 'a connected peer was not shown a new seat')
    }
  }

  #listen(): void {
    const { mesh } = this
    mesh.on('peer:up', ({ peer, info }) => {
      this.#known.set(peer, info)
      // Before it was known what it may hear it may have asked.
      mesh.mayHearMore(peer)
      for (const group of info.passports.keys()) this.#views.get(group)?.announce(peer)
      this.#tellRefusals(peer)
    })
    mesh.on('peer:down', (event) => {
      this.#known.delete(event.peer)
      this.#again.delete(event.peer)
      for (const view of this.#views.values()) view.tell('peer:down', event)
    })
    mesh.on('peer:refused', (event) => {
      // Whose refusal it is, only the groups know in which that peer is a member.
      for (const [group, view] of this.#views) {
        if (event.peer === undefined || this.#doors.get(group)?.isMember(event.peer) === true) view.tell('peer:refused', event)
      }
    })
    mesh.on('peer:found', (event) => this.#home()?.tell('peer:found', event))
    mesh.on('duplicate:identity', (event) => this.#home()?.tell('duplicate:identity', event))
    mesh.control.handle(HELLO_AGAIN, async ({ peer, payload }) => {
      this.#countAgain(peer)
      await this.#learn(peer, payload)
      return this.shown()
    })
    mesh.control.onNotice(HELLO_MET, (peer) => {
      for (const group of this.#known.get(peer)?.passports.keys() ?? []) this.#views.get(group)?.announce(peer)
    })
    mesh.control.onNotice(HELLO_REFUSED, (peer, payload) => this.#refusedThere(peer, payload))
  }

  /** Answers whoever wants to join one of the groups. */
  #joining(): (peer: PeerIdString, exchange: JoinExchange, address: string) => Promise<void> {
    const { self, clock, logger } = this.#c
    const join = joinServer()({
      self,
      monotonicMs: () => clock.monotonicMs(),
      passport: async (group) => this.#seatOf(group).passport(),
      redeem: async (request) => this.#seatOf(request.group).redeem(request),
      assertLevel: (level, group) => this.#seatOf(group).assertLevel(level),
    })
    return async (peer, exchange, address) => {
      const outcome = await join(peer, exchange, address)
      if (outcome.joined) logger.info({ peer, address, name: outcome.claims.name, group: outcome.claims.group }, 'a node joined')
      else {
        const { code, message, cause } = outcome
        logger.info({ peer, address, code, message, cause: messageOf(cause) }, 'a node was not let in')
      }
    }
  }

  /** That of the root, for joiners of releases that knew no other. */
  #seatOf(group: GroupId = ROOT_GROUP_ID): SeatDoor {
    const door = this.#doors.get(group)
    if (door !== undefined) return door
    throw new JoinOtherGroupError(`this node has no seat in group ${group}, which the invitation is to`, {
      hint: 'Try another address of the invitation, or ask for a new token: `vsmcp invite` on a member of that group.',
    })
  }

  #home(): GroupMesh | undefined {
    const [home] = this.#views.values()
    return home
  }

  #doorOf(topic: string): SeatDoor | undefined {
    const group = groupOfTopic(topic)
    return group === undefined ? undefined : this.#doors.get(group)
  }

  async #verify(peer: PeerIdString, payload: Uint8Array): Promise<{ info: SharedGroups; addresses: readonly string[] }> {
    const { verified, addresses, refusals, shown } = await this.#judge(peer, payload)
    if (verified.size === 0) {
      const [first] = refusals
      if (first !== undefined) throw first.error
      throw new NoSharedGroupError(`${peer} is a member of no group that this node has a seat in`, {
        hint: 'Nodes of one group connect, and the delegates of a group with the group above it.',
        details: { peer, groups: shown },
      })
    }
    const info: SharedGroups = { passports: verified }
    // Its subscriptions come before it is up.
    this.#known.set(peer, info)
    this.#refused.set(
      peer,
      refusals.map(({ group, error }) => [group, codeOf(error)]),
    )
    return { info, addresses }
  }

  async #judge(
    peer: PeerIdString,
    payload: Uint8Array,
  ): Promise<{
    verified: Map<GroupId, VerifiedPassport>
    addresses: readonly string[]
    refusals: { group: GroupId; error: unknown }[]
    shown: GroupId[]
  }> {
    const verified = new Map<GroupId, VerifiedPassport>()
    const refusals: { group: GroupId; error: unknown }[] = []
    let addresses: readonly string[] = []
    const shown = this.#c.passports.passportsIn(payload)
    for (const { group, passport } of shown) {
      const door = this.#doors.get(group)
      if (door === undefined || verified.has(group)) continue
      try {
        const judged = await door.verify(peer, passport)
        verified.set(group, judged.info)
        if (addresses.length === 0) addresses = judged.addresses ?? []
      } catch (error) {
        refusals.push({ group, error })
      }
    }
    return { verified, addresses, refusals, shown: shown.map(({ group }) => group) }
  }

  /** @returns the groups in which the connected peer was not known before */
  async #learn(peer: PeerIdString, payload: Uint8Array): Promise<GroupId[]> {
    const { verified, refusals } = await this.#judge(peer, payload)
    const known = this.#known.get(peer)
    if (known === undefined) return []
    const fresh = [...verified.keys()].filter((group) => !known.passports.has(group))
    for (const [group, passport] of verified) known.passports.set(group, passport)
    if (fresh.length > 0) this.mesh.mayHearMore(peer)
    this.#refused.set(
      peer,
      refusals.map(({ group, error }) => [group, codeOf(error)]),
    )
    this.#tellRefusals(peer)
    return fresh
  }

  /** All who are connected, some at a time. */
  async #showAll(group: GroupId): Promise<void> {
    const peers = this.mesh.peers().map(({ peer }) => peer)
    const next = async (): Promise<void> => {
      for (let peer = peers.pop(); peer !== undefined; peer = peers.pop()) await this.meetAgain(peer)
    }
    // A peer that does not answer must not hold up the seat.
    Promise.all(Array.from({ length: HELLO_AGAIN_AT_ONCE }, next)).catch((error: unknown) =>
      this.#c.logger.error({ group, error: messageOf(error) }, 'a new seat was not shown to all'),
    )
  }

  #close(group: GroupId): void {
    this.#views.delete(group)
    this.#doors.delete(group)
    for (const { passports } of this.#known.values()) passports.delete(group)
  }

  /** Throws for a peer that shows itself anew without end: each time costs signatures to verify. */
  #countAgain(peer: PeerIdString): void {
    const nowMs = this.#c.clock.monotonicMs()
    const recent = (this.#again.get(peer) ?? []).filter((atMs) => atMs > nowMs - HELLO_AGAIN_PERIOD_MS)
    if (recent.length >= HELLO_AGAIN_PER_PEER)
      throw new HelloTooOftenError(`${peer} shows itself too often`, { details: { peer } })
    this.#again.set(peer, [...recent, nowMs])
  }

  #tellRefusals(peer: PeerIdString): void {
    const refusals = this.#refused.get(peer) ?? []
    this.#refused.delete(peer)
    if (refusals.length > 0) this.mesh.control.notify(peer, HELLO_REFUSED, pack(refusals))
  }

  /** The connection stands, by another group; that one is closed to this node there. */
  #refusedThere(peer: PeerIdString, payload: Uint8Array): void {
    const refusals = refusalsSchema.safeParse(payload.byteLength > 8_192 ? undefined : unpack(payload))
    const info = this.mesh.peers().find((each) => each.peer === peer)
    if (!refusals.success || info === undefined) return
    for (const [group, code] of refusals.data) {
      const { address, direction } = info
      this.#views.get(group)?.tell('peer:refused', {
        peer,
        address,
        direction,
        side: 'there',
        code,
        reason: `it did not accept the passport of ${group}`,
      })
    }
  }
}

function codeOf(error: unknown): string {
  return error instanceof VsmcpError ? error.code : 'VSMCP_MESH_HELLO_REFUSED'
}
