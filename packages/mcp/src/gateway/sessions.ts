import type { Clock } from '@vsmcp/kernel'
import { STREAMS_PER_SESSION_MAX } from './constants.ts'
import type { SessionIds } from './contract.ts'
import type { EventStream } from './event-stream.ts'
import type { LegacyPeer } from './legacy-peer.ts'

/** A legacy client over HTTP: many requests held together by an id that cannot be guessed. */
export class Session {
  readonly id: string
  readonly peer: LegacyPeer
  readonly #streams: EventStream[] = []
  usedMs: number

  constructor(id: string, peer: LegacyPeer, nowMs: number) {
    this.id = id
    this.peer = peer
    this.usedMs = nowMs
  }

  get isBusy(): boolean {
    return this.#streams.length > 0 || this.peer.inFlight > 0
  }

  /** Messages go to the newest stream only: each must be sent once (2025-11-25, "Multiple Connections"). */
  push(json: string): void {
    this.#streams.findLast((stream) => stream.isOpen)?.send(json)
  }

  add(stream: EventStream): void {
    this.#streams.push(stream)
    if (this.#streams.length > STREAMS_PER_SESSION_MAX) this.#streams.shift()?.end()
  }

  remove(stream: EventStream): void {
    const index = this.#streams.indexOf(stream)
    if (index >= 0) this.#streams.splice(index, 1)
  }

  close(): void {
    this.peer.close()
    for (const stream of this.#streams.splice(0)) stream.end()
  }
}

/** How many of the longest unused sessions are looked at for one that is not busy before a busy one must go. */
const EVICTION_LOOKS_MAX = 64

/** The legacy sessions of a node, the longest unused first. Kept in memory: they end with the process. */
export class Sessions {
  readonly #clock: Clock
  readonly #ids: SessionIds
  readonly #countMax: number
  readonly #idleMs: number
  readonly #byId = new Map<string, Session>()

  constructor(clock: Clock, ids: SessionIds, countMax: number, idleMs: number) {
    this.#clock = clock
    this.#ids = ids
    this.#countMax = countMax
    this.#idleMs = idleMs
  }

  get size(): number {
    return this.#byId.size
  }

  [Symbol.iterator](): Iterator<Session> {
    return this.#byId.values()
  }

  create(peer: LegacyPeer): Session {
    if (this.#byId.size >= this.#countMax) this.#evict()
    const session = new Session(this.#ids.make(), peer, this.#clock.monotonicMs())
    this.#byId.set(session.id, session)
    return session
  }

  /** Counts as use. */
  get(id: string): Session | undefined {
    const session = this.#byId.get(id)
    if (session === undefined) return undefined
    session.usedMs = this.#clock.monotonicMs()
    this.#byId.delete(id)
    this.#byId.set(id, session)
    return session
  }

  /** Whose an id is that is not held here. */
  ownerOf(id: string): string | undefined {
    return this.#ids.ownerOf(id)
  }

  end(session: Session): void {
    this.#byId.delete(session.id)
    session.close()
  }

  /** Ends those unused for too long. */
  sweep(): void {
    const before = this.#clock.monotonicMs() - this.#idleMs
    for (const session of this.#byId.values()) {
      if (session.usedMs > before) return
      if (!session.isBusy) this.end(session)
    }
  }

  endAll(): void {
    for (const session of this.#byId.values()) this.end(session)
  }

  #evict(): void {
    let looks = 0
    for (const session of this.#byId.values()) {
      if (!session.isBusy) return this.end(session)
      if (++looks >= EVICTION_LOOKS_MAX) break
    }
    const [oldest] = this.#byId.values()
    if (oldest !== undefined) this.end(oldest)
  }
}
