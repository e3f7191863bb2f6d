import type { PeerId } from '@libp2p/interface'
import { type Clock, type Logger, messageOf, type PeerIdString, type Timer } from '@vsmcp/kernel'
import { DUPLICATE_PROBE_MS, GOSSIP_READY_TIMEOUT_MS, RETIRE_MAX_MS, RETIRE_QUIET_MS } from './constants.ts'
import type { DownReason, PeerInfo } from './contract.ts'
import { DuplicateIdentityError, HelloFailedError } from './errors.ts'
import type { MeshGossip } from './gossip.ts'
import type { Session } from './session.ts'

interface Entry<Info> {
  readonly peer: PeerIdString
  readonly peerId: PeerId
  readonly sessions: Set<Session<Info>>
  /** The connection new frames go over. */
  current: Session<Info>
  /** The connection gossip was last attached to. */
  gossipOn: Session<Info> | undefined
  subscriptionsSeen: boolean
  upSinceMs: number | undefined
  upTimer: Timer | undefined
  readonly waiting: Array<{ resolve: (info: PeerInfo<Info>) => void; reject: (error: Error) => void }>
}

export interface PeerBookComponents<Info> {
  readonly self: PeerIdString
  readonly clock: Clock
  readonly logger: Logger
  readonly gossip: Pick<MeshGossip, 'attach' | 'attachedTo' | 'detach'>
  onUp: (info: PeerInfo<Info>) => void
  onDown: (peer: PeerIdString, reason: DownReason) => void
}

/**
 * Who is connected, one entry per verified peer, however many connections. A peer is up once the subscriptions of both
 * sides have arrived, so that gossip published at `peer:up` reaches it. Of two connections that were dialled by both sides
 * at once, both sides keep the one dialled by the smaller PeerId.
 */
export class PeerBook<Info> {
  readonly #components: PeerBookComponents<Info>
  readonly #entries = new Map<PeerIdString, Entry<Info>>()

  constructor(components: PeerBookComponents<Info>) {
    this.#components = components
  }

  current(peer: PeerIdString): Session<Info> | undefined {
    return this.#entries.get(peer)?.current
  }

  get(peer: PeerIdString): PeerInfo<Info> | undefined {
    const entry = this.#entries.get(peer)
    return entry?.upSinceMs === undefined ? undefined : infoOf(entry, entry.upSinceMs)
  }

  list(): PeerInfo<Info>[] {
    return [...this.#entries.keys()].flatMap((peer) => this.get(peer) ?? [])
  }

  sessions(peer?: PeerIdString): Session<Info>[] {
    if (peer !== undefined) return [...(this.#entries.get(peer)?.sessions ?? [])]
    return [...this.#entries.values()].flatMap((entry) => [...entry.sessions])
  }

  /** Resolves when the verified peer is up; rejects when its last connection ends before. */
  async whenUp(peer: PeerIdString): Promise<PeerInfo<Info>> {
    const info = this.get(peer)
    if (info !== undefined) return info
    const entry = this.#entries.get(peer)
    if (entry === undefined) throw new HelloFailedError(`${peer} is not connected`)
    const { promise, resolve, reject } = Promise.withResolvers<PeerInfo<Info>>()
    entry.waiting.push({ resolve, reject })
    return promise
  }

  /**
   * A hello shows this identity in another incarnation than a connection that stands. If the process at the other end of
   * that one answers, there are two; if not, it was restarted and its old connection is closed.
   */
  async checkIdentity(peer: PeerIdString, incarnation: string): Promise<void> {
    for (const session of this.sessions(peer)) {
      if (session.verified.incarnation === incarnation || session.closed) continue
      if (await session.link.probe(DUPLICATE_PROBE_MS)) {
        throw new DuplicateIdentityError(`another living process shows the identity ${peer}`, {
          details: { peer, address: session.connection.remoteAddr.toString() },
          hint: 'Stop one of the two, or give it an identity of its own: a copied data directory must not be used.',
        })
      }
      session.abort('restarted', 'a new process of the same identity took its place')
    }
  }

  /** A connection whose hello both sides have accepted. */
  add(session: Session<Info>): void {
    for (const other of this.sessions(session.peer)) {
      if (other.verified.incarnation !== session.verified.incarnation) other.abort('restarted', 'a new process took its place')
    }
    const entry = this.#entries.get(session.peer) ?? this.#newEntry(session)
    entry.sessions.add(session)
    if (entry.upSinceMs !== undefined) session.open()
    if (entry.subscriptionsSeen) session.link.ready()
    if (entry.current !== session) this.#settle(entry, session)
    if (entry.gossipOn === undefined) this.#attach(entry)
  }

  onReady({ peer }: Session<Info>): void {
    const entry = this.#entries.get(peer)
    if (entry !== undefined) this.#maybeUp(entry)
  }

  onSubscriptions(peer: PeerIdString): void {
    const entry = this.#entries.get(peer)
    if (entry === undefined || entry.subscriptionsSeen) return
    entry.subscriptionsSeen = true
    for (const session of entry.sessions) session.link.ready()
    this.#maybeUp(entry)
  }

  remove(session: Session<Info>, reason: DownReason): void {
    const entry = this.#entries.get(session.peer)
    if (entry === undefined || !entry.sessions.delete(session)) return
    const [next] = entry.sessions
    if (next === undefined) {
      this.#forget(entry, reason)
      return
    }
    if (entry.current === session) entry.current = next
    if (entry.gossipOn === session) this.#attach(entry)
  }

  /** Gossip streams can be lost while the connection stands (an RPC too large, a full buffer): opens them anew. */
  mendGossip(): void {
    for (const entry of this.#entries.values()) {
      if (entry.upSinceMs === undefined) continue
      const attached = [...entry.sessions].some(({ connection }) => this.#components.gossip.attachedTo(connection))
      if (!attached) this.#attach(entry)
    }
  }

  #newEntry(session: Session<Info>): Entry<Info> {
    const { peer, connection } = session
    const upTimer = this.#components.clock.after(GOSSIP_READY_TIMEOUT_MS, () => {
      this.#components.logger.warn({ peer }, 'the gossip of a peer is not ready; it counts as up all the same')
      this.#up(entry)
    })
    const entry: Entry<Info> = {
      peer,
      peerId: connection.remotePeer,
      sessions: new Set(),
      current: session,
      gossipOn: undefined,
      subscriptionsSeen: false,
      upSinceMs: undefined,
      upTimer,
      waiting: [],
    }
    this.#entries.set(peer, entry)
    return entry
  }

  #maybeUp(entry: Entry<Info>): void {
    if (!entry.subscriptionsSeen || entry.upSinceMs !== undefined) return
    if ([...entry.sessions].some(({ remoteReady }) => remoteReady)) this.#up(entry)
  }

  #up(entry: Entry<Info>): void {
    entry.upTimer?.cancel()
    entry.upSinceMs = this.#components.clock.wallMs()
    const info = infoOf(entry, entry.upSinceMs)
    this.#components.onUp(info)
    for (const session of entry.sessions) session.open()
    for (const { resolve } of entry.waiting.splice(0)) resolve(info)
  }

  #forget(entry: Entry<Info>, reason: DownReason): void {
    const { peer, peerId, upTimer, upSinceMs, waiting } = entry
    const { gossip, logger, onDown } = this.#components
    upTimer?.cancel()
    this.#entries.delete(peer)
    gossip.detach(peerId).catch((error: unknown) => logger.warn({ peer, error: messageOf(error) }, 'gossip was not detached'))
    for (const { reject } of waiting) reject(new HelloFailedError(`the connection to ${peer} was lost right after the hello`))
    if (upSinceMs !== undefined) onDown(peer, reason)
  }

  /** Chooses between two connections of one process; both sides come to the same end. */
  #settle(entry: Entry<Info>, session: Session<Info>): void {
    const before = entry.current
    if (before.relayed !== session.relayed) {
      // whoever finds a direct way leaves the relay, whichever came first
      entry.current = before.relayed ? session : before
      this.#retire(entry, before.relayed ? before : session)
      return
    }
    if (before.connection.direction === session.connection.direction) {
      // whoever dials again believes the earlier connection dead
      entry.current = session
      before.abort('lost', 'the peer dialled anew')
      return
    }
    entry.current = this.#dialler(session) < this.#dialler(before) ? session : before
    this.#retire(entry, entry.current === session ? before : session)
  }

  #dialler({ connection, peer }: Session<Info>): PeerIdString {
    return connection.direction === 'outbound' ? this.#components.self : peer
  }

  /**
   * Closes the spare connection when nothing is under way on it. That is for the listener of the one that is kept: it
   * learns last that both sides have accepted it, so neither side is ever without. The other side is only the fallback.
   */
  #retire(entry: Entry<Info>, spare: Session<Info>): void {
    const { clock, logger } = this.#components
    const closer = entry.current.connection.direction === 'inbound'
    const lastMs = clock.monotonicMs() + (closer ? RETIRE_MAX_MS : 2 * RETIRE_MAX_MS)
    const timer = clock.every(RETIRE_QUIET_MS, () => {
      const wanted = spare.closed || entry.current === spare
      const due = clock.monotonicMs() >= lastMs || (closer && spare.idle)
      if (!wanted && !due) return
      timer.cancel()
      if (wanted) return
      spare.close('closed').catch((error: unknown) => {
        logger.warn({ peer: spare.peer, error: messageOf(error) }, 'a spare connection did not close')
      })
    })
  }

  #attach(entry: Entry<Info>): void {
    const session = entry.current
    entry.gossipOn = session
    this.#components.gossip.attach(session.connection)
  }
}

function infoOf<Info>(entry: Entry<Info>, upSinceMs: number): PeerInfo<Info> {
  return { ...entry.current.info, upSinceMs }
}
