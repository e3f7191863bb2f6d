import type { Connection, Stream } from '@libp2p/interface'
import { peerIdFromPrivateKey, peerIdFromString } from '@libp2p/peer-id'
import { Emitter, type Gossip, InvalidArgumentError, messageOf, type PeerIdString, StoppedError } from '@vsmcp/kernel'
import { parseAddress, withPeer } from './addresses.ts'
import { DIRECT_ADDRESSES_MAX, HELLO_PROTOCOL, JOIN_PROTOCOL, PLANE_PROTOCOLS, PLANE_STREAMS_MAX } from './constants.ts'
import type { DialOptions, JoinExchange, JoinOptions, Mesh, MeshComponents, MeshEvents, MeshInit, PeerInfo } from './contract.ts'
import { Dialer } from './dialer.ts'
import { ConnectionEndedError, DuplicateIdentityError, HelloFailedError, HelloRefusedError } from './errors.ts'
import { Gate } from './gate.ts'
import { MeshGossip } from './gossip.ts'
import { Hearers } from './hearers.ts'
import { HelloDesk } from './hello-desk.ts'
import { DUPLICATE_IDENTITY, refusalCode, type Verified } from './hello.ts'
import { readPrivateKey } from './identity.ts'
import { JoinDesk } from './join.ts'
import { Keepalive } from './keepalive.ts'
import { listenError } from './listen-error.ts'
import { LocalDiscovery } from './local-discovery.ts'
import type { MessagePipe } from './message-pipe.ts'
import { createNode, type Node } from './node.ts'
import { type FullInit, fullInit } from './options.ts'
import { PeerBook } from './peer-book.ts'
import { RoutedPlane } from './planes.ts'
import { Reach } from './reach.ts'
import { isRelayed, Relays } from './relays.ts'
import { SeenFrom } from './seen-from.ts'
import { PLANE_NAMES, type PlaneName, Session, type SessionComponents } from './session.ts'
import { Sweep } from './sweep.ts'
import { Upgrades } from './upgrades.ts'

/** Wires libp2p, the gate, the hello and the planes; each is in a file of its own. */
export class Libp2pMesh<Info> implements Mesh<Info> {
  readonly peerId: PeerIdString
  readonly control = new RoutedPlane((peer) => this.#book.current(peer)?.channel('control'))
  readonly state = new RoutedPlane((peer) => this.#book.current(peer)?.channel('state'))
  readonly rpc = new RoutedPlane((peer) => this.#book.current(peer)?.channel('rpc'))
  readonly #init: FullInit
  readonly #components: MeshComponents<Info>
  readonly #emitter: Emitter<MeshEvents<Info>>
  readonly #incarnation: string
  readonly #gate: Gate
  readonly #hearers: Hearers
  readonly #gossip: MeshGossip
  readonly #book: PeerBook<Info>
  readonly #desk: HelloDesk<Info>
  readonly #joins: JoinDesk | undefined
  readonly #reach: Reach<Info>
  readonly #keepalive: Keepalive
  readonly #sweep: Sweep
  readonly #sessions = new Map<Connection, Session<Info>>()
  /** Streams of a peer that is admitted and whose acceptance is still on its way. */
  readonly #early = new WeakMap<Connection, Array<[PlaneName, Stream]>>()
  readonly #upgrades: Upgrades
  readonly #local: LocalDiscovery | undefined
  #relays: Relays | undefined
  readonly #seenFrom = new SeenFrom()
  #node: Node | undefined
  #state: 'new' | 'running' | 'stopped' = 'new'

  constructor(init: MeshInit, components: MeshComponents<Info>) {
    for (const name of ['privateKey', 'hello', 'clock', 'random', 'logger'] as const) {
      if (components[name] === undefined) throw new InvalidArgumentError(`createMesh lacks the component "${name}"`)
    }
    this.#components = components
    this.#init = fullInit(init, readPrivateKey(components.privateKey))
    this.peerId = peerIdFromPrivateKey(this.#init.privateKey).toString()
    const { clock, logger, random, onJoin } = components
    this.#incarnation = `${clock.wallMs().toString(36)}-${Math.floor(random.next() * 2 ** 48).toString(36)}`
    this.#emitter = new Emitter((error) => logger.error({ error: messageOf(error) }, 'a mesh listener threw'))
    this.#sweep = new Sweep(clock)
    this.#gate = new Gate(this.#init, { clock, logger })
    this.#hearers = new Hearers(components.mayHear ?? (() => true))
    this.#gossip = new MeshGossip({
      logger,
      hearers: this.#hearers,
      acceptsFrom: components.acceptsGossipFrom ?? (() => true),
      onSubscriptions: (peer) => this.#book.onSubscriptions(peer),
    })
    this.#book = this.#newBook()
    this.#desk = this.#newDesk()
    const gate = this.#gate
    const { helloTimeoutMs, silenceMs } = this.#init
    this.#joins = onJoin === undefined ? undefined : new JoinDesk({ clock, logger, gate, helloTimeoutMs, onJoin })
    this.#reach = this.#newReach()
    this.#upgrades = new Upgrades({
      clock,
      random,
      logger,
      addressesOf: (connection) => this.#listenedAt(connection),
      dialDirect: async (peer, addresses) => void (await this.#reach.first(addresses, { expect: [peer] })),
    })
    const { mdnsMeshId } = this.#init
    this.#local = mdnsMeshId === undefined ? undefined : this.#newLocalDiscovery(mdnsMeshId)
    this.#keepalive = new Keepalive(
      silenceMs,
      clock,
      () => this.#sessions.values(),
      () => this.#book.mendGossip(),
    )
  }

  mayHearMore(peer: PeerIdString): void {
    this.#hearers.admitted(peer)
  }

  get gossip(): Gossip {
    return this.#gossip
  }

  on<K extends keyof MeshEvents<Info> & string>(event: K, listener: (payload: MeshEvents<Info>[K]) => void): () => void {
    return this.#emitter.on(event, listener)
  }

  async start(): Promise<void> {
    if (this.#state !== 'new') throw new StoppedError('a mesh starts once')
    this.#state = 'running'
    const { logger, random } = this.#components
    const direct = (): Connection[] =>
      this.#book
        .list()
        .flatMap(({ peer }) => this.#book.current(peer)?.connection ?? [])
        .filter((each) => !isRelayed(each))
    const node = await createNode(this.#init, this.#gate, {
      random,
      hearers: this.#hearers,
      seenFrom: () => this.#seenFrom.hosts,
      greet: (connection) => this.#desk.greet(connection),
      onRelayed: (transport) => {
        this.#relays = new Relays({ self: this.peerId, logger, transport, direct })
      },
    })
    this.#node = node
    node.addEventListener('connection:open', ({ detail }) => this.#onOpen(detail))
    await this.#offer(node)
    try {
      await node.start()
    } catch (error) {
      this.#state = 'stopped'
      throw listenError(this.#init.listen, error)
    }
    this.#gossip.start(node.services)
    await this.#local?.start()
    this.#keepalive.start()
    logger.info({ peer: this.peerId, listen: this.listenAddresses() }, 'the mesh is listening')
  }

  async stop(): Promise<void> {
    if (this.#state !== 'running') return
    this.#state = 'stopped'
    this.#keepalive.stop()
    this.#upgrades.stop()
    await this.#local?.stop()
    this.#joins?.stop()
    await Promise.all([...this.#sessions.values()].map((session) => session.close('stopped')))
    this.#gossip.stop()
    this.#gate.stop()
    await this.#node?.stop()
    this.#sweep.stop()
  }

  listenAddresses(): string[] {
    this.#node?.services.listening.confirm()
    const advertised = this.#init.advertise.map((address) => withPeer(parseAddress(address), this.peerId).toString())
    const local =
      this.#node
        ?.getMultiaddrs()
        .filter((address) => !isRelayed({ remoteAddr: address }))
        .map(String) ?? []
    return [...new Set([...advertised, ...local])]
  }

  async dial(addresses: readonly string[], options: DialOptions = {}): Promise<PeerInfo<Info>> {
    this.#running()
    return this.#reach.dial(addresses, options)
  }

  async join<T>(
    addresses: readonly string[],
    options: JoinOptions,
    talk: (exchange: JoinExchange, peer: PeerIdString, address: string) => Promise<T>,
  ): Promise<T> {
    this.#running()
    return this.#reach.join(addresses, options, talk)
  }

  async hangUp(peer: PeerIdString): Promise<void> {
    await Promise.all(this.#book.sessions(peer).map((session) => session.close('hung-up')))
    for (const connection of this.#node?.getConnections(peerIdFromString(peer)) ?? []) {
      connection.abort(new ConnectionEndedError('this node hung up'))
    }
  }

  peers(): PeerInfo<Info>[] {
    return this.#book.list()
  }

  /** Where the peer says that it listens. */
  #listenedAt(connection: Connection): string[] {
    const said = this.#sessions.get(connection)?.verified.addresses ?? []
    return said.filter((address) => !address.includes('/p2p-circuit')).slice(0, DIRECT_ADDRESSES_MAX)
  }

  #newBook(): PeerBook<Info> {
    const { clock, logger } = this.#components
    return new PeerBook({
      self: this.peerId,
      clock,
      logger,
      gossip: this.#gossip,
      onUp: (info) => {
        logger.info({ peer: info.peer, address: info.address, direction: info.direction }, 'peer up')
        this.#emitter.emit('peer:up', info)
      },
      onDown: (peer, reason) => {
        logger.info({ peer, reason }, 'peer down')
        this.#emitter.emit('peer:down', { peer, reason })
      },
    })
  }

  #newReach(): Reach<Info> {
    const { clock, logger } = this.#components
    const discard = (connection: Connection, error: Error): void => this.#discard(connection, error)
    const dialer = new Dialer({
      self: this.peerId,
      clock,
      hasPnetKey: this.#init.pnetKey !== undefined,
      connect: (address, signal) => this.#running().dial(address, { signal }),
      discard,
    })
    return new Reach({ clock, logger, dialer, desk: this.#desk, book: this.#book, relays: () => this.#relays, discard })
  }

  #newLocalDiscovery(meshId: string): LocalDiscovery {
    const { clock, random, logger } = this.#components
    const addresses = (): string[] => this.listenAddresses()
    const onFound = (peer: PeerIdString, found: readonly string[]): void => {
      this.#emitter.emit('peer:found', { peer, addresses: found })
    }
    return new LocalDiscovery({ meshId, self: this.peerId, clock, random, logger, addresses, onFound })
  }

  #newDesk(): HelloDesk<Info> {
    const { clock, logger, hello } = this.#components
    const { helloTimeoutMs, wire, featureLevel } = this.#init
    return new HelloDesk({
      clock,
      logger,
      gate: this.#gate,
      helloTimeoutMs,
      onHeard: (connection) => this.#sessions.get(connection)?.heard(),
      context: (connection) => ({
        hello,
        wire,
        featureLevel,
        incarnation: this.#incarnation,
        origin: isRelayed(connection) ? undefined : connection.remoteAddr.toString(),
        checkIdentity: (incarnation) => this.#book.checkIdentity(connection.remotePeer.toString(), incarnation),
      }),
      onVerified: (connection, pipe, verified) => this.#onVerified(connection, pipe, verified),
      onFailed: (connection, error) => this.#onFailed(connection, error),
    })
  }

  /** The protocols this node answers, before it can be reached. */
  async #offer(node: Node): Promise<void> {
    const options = { runOnLimitedConnection: true, maxInboundStreams: 1 }
    await node.handle(HELLO_PROTOCOL, (stream, connection) => this.#desk.onStream(stream, connection), options)
    const joins = this.#joins
    if (joins !== undefined) await node.handle(JOIN_PROTOCOL, (stream, connection) => joins.onStream(stream, connection), options)
    for (const name of PLANE_NAMES) {
      const onStream = (stream: Stream, connection: Connection): void => this.#onPlaneStream(name, stream, connection)
      await node.handle(PLANE_PROTOCOLS[name], onStream, { runOnLimitedConnection: true, maxInboundStreams: PLANE_STREAMS_MAX })
    }
  }

  #onOpen(connection: Connection): void {
    if (this.#state !== 'running') {
      connection.abort(new StoppedError('this node is stopping'))
      return
    }
    this.#desk.track(connection)
    if (connection.direction === 'inbound') this.#gate.onStranger(connection)
  }

  #onPlaneStream(name: PlaneName, stream: Stream, connection: Connection): void {
    const session = this.#sessions.get(connection)
    if (session !== undefined) {
      session.accept(name, stream)
      return
    }
    const early = this.#early.get(connection) ?? []
    this.#early.set(connection, early)
    early.push([name, stream])
  }

  #onVerified(connection: Connection, pipe: MessagePipe, verified: Verified<Info>): void {
    if (this.#state !== 'running') throw new StoppedError('this node is stopping')
    const { clock, logger } = this.#components
    const components: SessionComponents = {
      clock,
      logger,
      limits: this.#init,
      handlers: { control: this.control.handlers, state: this.state.handlers, rpc: this.rpc.handlers },
      needsSweep: (channel) => this.#sweep.watch(channel),
    }
    const session = new Session(connection, pipe, verified, components, {
      onReady: (ready) => this.#book.onReady(ready),
      onClosed: (closed, reason) => {
        this.#sessions.delete(connection)
        this.#book.remove(closed, reason)
      },
    })
    this.#sessions.set(connection, session)
    this.#book.add(session)
    session.run()
    if (session.relayed) {
      this.#upgrades.watch(connection)
      this.#node?.services.punch.watch(connection)
    } else if (verified.seenAs !== undefined) this.#seenFrom.add(verified.seenAs)
    for (const [name, stream] of this.#early.get(connection) ?? []) session.accept(name, stream)
    this.#early.delete(connection)
  }

  #onFailed(connection: Connection, error: unknown): void {
    const peer = connection.remotePeer.toString()
    const address = connection.remoteAddr.toString()
    const { direction } = connection
    const reason = messageOf(error)
    if (error instanceof HelloFailedError || error instanceof StoppedError) {
      this.#components.logger.debug({ peer, address, direction, reason }, 'a hello came to nothing')
      return
    }
    const there = error instanceof HelloRefusedError
    const code = there ? error.refusal : refusalCode(error)
    this.#components.logger.info({ peer, address, direction, code, reason }, there ? 'refused by a peer' : 'a peer was refused')
    this.#emitter.emit('peer:refused', { peer, address, direction, side: there ? 'there' : 'here', code, reason })
    if (error instanceof DuplicateIdentityError) this.#emitter.emit('duplicate:identity', { peer, address, self: false })
    else if (code === DUPLICATE_IDENTITY) {
      this.#emitter.emit('duplicate:identity', { peer: this.peerId, address, self: true })
    }
  }

  /** The hello desk closes what it refused by itself, once the refusal is out. */
  #discard(connection: Connection, error: Error): void {
    if (!this.#gate.admits(connection) && !this.#desk.closes(connection)) connection.abort(error)
  }

  #running(): Node {
    if (this.#node !== undefined && this.#state === 'running') return this.#node
    throw new StoppedError('the mesh is not running')
  }
}
