import { Emitter, type Gossip, type GroupId, type Logger, messageOf, type PeerIdString, type Plane } from '@vsmcp/kernel'
import {
  DialError,
  type DialOptions,
  type JoinExchange,
  type JoinOptions,
  type Mesh,
  type MeshEvents,
  type PeerInfo,
} from '@vsmcp/mesh'
import type { VerifiedPassport } from '@vsmcp/security'
import { GroupPlane, type SharedPlane } from './group-plane.ts'

/** What a peer has shown of itself on its connection: a passport for each group that it shares with this node. */
export interface SharedGroups {
  readonly passports: Map<GroupId, VerifiedPassport>
}

type PeerOfGroup = PeerInfo<VerifiedPassport>

/** What a view needs of the connections of the process. */
export interface GroupMeshHost {
  readonly mesh: Mesh<SharedGroups>
  readonly control: SharedPlane
  readonly state: SharedPlane
  readonly rpc: SharedPlane
  passportOf(peer: PeerIdString, group: GroupId): VerifiedPassport | undefined
  /** Closes the group to a connected peer that shares another with this node. @returns false when it shares none */
  part(peer: PeerIdString, group: GroupId): boolean
  /** Shows a connected peer all passports once more, and reads its own. */
  meetAgain(peer: PeerIdString): Promise<void>
}

export interface GroupMeshComponents {
  group: GroupId
  host: GroupMeshHost
  /** Before the names of methods: none for the root group, as it was before there were others. */
  prefix: string
  start: () => Promise<void>
  stop: () => Promise<void>
  logger: Logger
}

/**
 * The connections of the process, as one of its groups sees them: only peers that have shown a passport of this group, its own
 * methods on the planes, its own topics. Whoever hangs up closes the group to the peer, and ends the connection when it serves no other.
 */
export class GroupMesh implements Mesh<VerifiedPassport> {
  readonly group: GroupId
  readonly control: Plane
  readonly state: Plane
  readonly rpc: Plane
  readonly gossip: Gossip
  readonly #c: GroupMeshComponents
  readonly #planes: readonly GroupPlane[]
  readonly #events: Emitter<MeshEvents<VerifiedPassport>>
  readonly #subscriptions = new Set<() => void>()
  /** Of whom this group was told that they are up. */
  readonly #up = new Set<PeerIdString>()
  #isOpen = false

  constructor(components: GroupMeshComponents) {
    this.#c = components
    const { group, host, logger } = components
    this.group = group
    this.#events = new Emitter((error) => logger.error({ group, error: messageOf(error) }, 'a mesh listener threw'))
    const [control, state, rpc] = [this.#plane(host.control), this.#plane(host.state), this.#plane(host.rpc)]
    this.#planes = [control, state, rpc]
    this.control = control
    this.state = state
    this.rpc = rpc
    this.gossip = {
      publish: (topic, payload) => host.mesh.gossip.publish(topic, payload),
      subscribe: (topic, handler) => this.#subscribe(topic, handler),
    }
  }

  get peerId(): PeerIdString {
    return this.#c.host.mesh.peerId
  }

  get isOpen(): boolean {
    return this.#isOpen
  }

  async start(): Promise<void> {
    this.#isOpen = true
    await this.#c.start()
  }

  async stop(): Promise<void> {
    this.#isOpen = false
    for (const plane of this.#planes) plane.close()
    for (const end of this.#subscriptions) end()
    await this.#c.stop()
    this.#up.clear()
  }

  listenAddresses(): string[] {
    return this.#c.host.mesh.listenAddresses()
  }

  /** Throws `DialError` also when the peer is there and does not belong to this group. */
  async dial(addresses: readonly string[], options?: DialOptions): Promise<PeerOfGroup> {
    const { group, host } = this.#c
    const { peer } = await host.mesh.dial(addresses, options)
    if (host.passportOf(peer, group) === undefined) await host.meetAgain(peer)
    const found = this.#infoOf(peer)
    if (found !== undefined) return found
    const reason = 'it has not shown that it is a member of this group'
    throw new DialError(`${peer} was reached: ${reason}`, [{ address: addresses[0] ?? '', reason }])
  }

  join<T>(
    addresses: readonly string[],
    options: JoinOptions,
    talk: (exchange: JoinExchange, peer: PeerIdString, address: string) => Promise<T>,
  ): Promise<T> {
    return this.#c.host.mesh.join(addresses, options, talk)
  }

  /** Where the connection goes on for another group, the peer may show itself anew, as one that dials anew does: who is none any more is told so. */
  async hangUp(peer: PeerIdString): Promise<void> {
    const { group, host } = this.#c
    if (!host.part(peer, group)) return host.mesh.hangUp(peer)
    this.tell('peer:down', { peer, reason: 'hung-up' })
    return host.meetAgain(peer)
  }

  peers(): PeerOfGroup[] {
    return this.#c.host.mesh.peers().flatMap((info) => (this.#up.has(info.peer) ? (this.#seen(info) ?? []) : []))
  }

  mayHearMore(peer: PeerIdString): void {
    this.#c.host.mesh.mayHearMore(peer)
  }

  on<K extends keyof MeshEvents<VerifiedPassport> & string>(
    event: K,
    listener: (payload: MeshEvents<VerifiedPassport>[K]) => void,
  ): () => void {
    return this.#events.on(event, listener)
  }

  /** The connected peer is one of this group: told once, however often it shows itself. */
  announce(peer: PeerIdString): void {
    if (!this.#isOpen || this.#up.has(peer)) return
    const info = this.#infoOf(peer)
    if (info === undefined) return
    this.#up.add(peer)
    this.#events.emit('peer:up', info)
  }

  /** What happens on the connections of the process and concerns this group. */
  tell<K extends 'peer:down' | 'peer:refused' | 'peer:found' | 'duplicate:identity'>(
    event: K,
    payload: MeshEvents<VerifiedPassport>[K],
  ): void {
    if (event === 'peer:down' && !this.#up.delete((payload as MeshEvents['peer:down']).peer)) return
    if (this.#isOpen) this.#events.emit(event, payload)
  }

  #plane(shared: SharedPlane): GroupPlane {
    const { group, host, prefix } = this.#c
    return new GroupPlane({
      shared,
      prefix,
      admits: (peer) => host.passportOf(peer, group) !== undefined,
      heard: (peer) => this.announce(peer),
    })
  }

  #subscribe(topic: string, handler: (from: PeerIdString, payload: Uint8Array) => void): () => void {
    const off = this.#c.host.mesh.gossip.subscribe(topic, handler)
    const end = (): void => {
      this.#subscriptions.delete(end)
      off()
    }
    this.#subscriptions.add(end)
    return end
  }

  #infoOf(peer: PeerIdString): PeerOfGroup | undefined {
    const info = this.#c.host.mesh.peers().find((each) => each.peer === peer)
    return info === undefined ? undefined : this.#seen(info)
  }

  #seen(info: PeerInfo<SharedGroups>): PeerOfGroup | undefined {
    const passport = this.#c.host.passportOf(info.peer, this.group)
    return passport === undefined ? undefined : { ...info, info: passport }
  }
}
