import {
  type CallHandler,
  type Clock,
  type Logger,
  messageOf,
  type PeerIdString,
  type Plane,
  type Random,
  StoppedError,
  type Timer,
} from '@vsmcp/kernel'
import type { Carrier } from './carrier.ts'
import {
  NEWS_DELAY_MAX_MS,
  NEWS_SPACING_MS,
  RECORDS_ANSWER_BYTES_MAX,
  REQUEST_BYTES_MAX,
  SYNC_BYTES_MAX,
  SYNC_FANOUT,
  SYNC_YIELD_MS,
  SYNCS_AT_ONCE_MAX,
} from './constants.ts'
import type { RecordId } from './envelope.ts'
import { StateConflictError, StateRejectedError } from './errors.ts'
import type { Gate } from './gate.ts'
import type { RecordTable } from './record-table.ts'
import { decodeKnown, decodeRecords, decodeSync, type Digests, encodeKnown, encodeRecords, encodeSync, isSame } from './wire.ts'

export interface SynchroniserInit {
  intervalMs: number
  timeoutMs: number
}

export interface SynchroniserComponents {
  self: PeerIdString
  plane: Plane
  carrier: Carrier
  table: RecordTable
  gate: Gate
  clock: Clock
  random: Random
  logger: Logger
  /** What this node wrote is on disk: only then may others see it. */
  stored: () => Promise<void>
  /** All that came is verified. */
  verified: () => Promise<void>
  offer: (id: RecordId, bytes: Uint8Array) => void
  /** A sync brought something that others may lack. */
  onNews: () => void
  /** What a peer's whole document lacks here cannot be merged into this one. */
  onConflict: () => void
}

const SYNC = 'state:sync'
const RECORDS = 'state:records'

/** A jittered interval is between this and its mirror image. */
const JITTER = 0.25

/**
 * Syncs documents in pairs: on connect, at intervals with peers by chance, and when somebody says it has news. When the
 * documents agree, or cannot be made to, while the known records differ (somebody forged Yjs structs, or a document is
 * refused), the records themselves are fetched.
 */
export class Synchroniser {
  readonly #init: SynchroniserInit
  readonly #components: SynchroniserComponents
  readonly #peers = new Set<PeerIdString>()
  readonly #running = new Map<PeerIdString, Promise<void>>()
  readonly #planned = new Map<PeerIdString, Timer>()
  readonly #lastSyncMs = new Map<PeerIdString, number>()
  #periodic: Timer | undefined
  readonly #abort = new AbortController()
  #stopped = false

  constructor(init: SynchroniserInit, components: SynchroniserComponents) {
    this.#init = init
    this.#components = components
  }

  start(): void {
    const { plane } = this.#components
    plane.handle(
      SYNC,
      this.#handler((payload, peer) => this.#answerSync(peer, payload)),
    )
    plane.handle(
      RECORDS,
      this.#handler((payload) => Promise.resolve(this.#answerRecords(payload))),
    )
    this.#armPeriodic()
  }

  async stop(): Promise<void> {
    this.#stopped = true
    this.#abort.abort()
    this.#periodic?.cancel()
    for (const timer of this.#planned.values()) timer.cancel()
    this.#planned.clear()
    await Promise.allSettled(this.#running.values())
  }

  peerUp(peer: PeerIdString): void {
    this.#peers.add(peer)
    // Both ends learn of the connection; one of them begins.
    if (this.#components.self < peer) this.#after(0, peer, false)
    else this.#after(SYNC_YIELD_MS, peer, true)
  }

  peerDown(peer: PeerIdString): void {
    this.#peers.delete(peer)
    this.#lastSyncMs.delete(peer)
    this.#planned.get(peer)?.cancel()
    this.#planned.delete(peer)
  }

  /** A connected peer's document differs from this one. */
  plan(peer: PeerIdString): void {
    const { clock, random } = this.#components
    const sinceMs = clock.monotonicMs() - (this.#lastSyncMs.get(peer) ?? Number.NEGATIVE_INFINITY)
    this.#after(Math.max(random.next() * NEWS_DELAY_MAX_MS, NEWS_SPACING_MS - sinceMs), peer, false)
  }

  async sync(peer: PeerIdString): Promise<void> {
    if (this.#stopped) throw new StoppedError('the shared state is stopped')
    const running = this.#running.get(peer)
    if (running !== undefined) return running
    const sync = this.#sync(peer).finally(() => {
      this.#running.delete(peer)
    })
    this.#running.set(peer, sync)
    return sync
  }

  #after(delayMs: number, peer: PeerIdString, unlessSyncedMeanwhile: boolean): void {
    if (this.#stopped || !this.#peers.has(peer) || this.#planned.has(peer)) return
    const { clock } = this.#components
    const plannedAtMs = clock.monotonicMs()
    const timer = clock.after(delayMs, () => {
      this.#planned.delete(peer)
      const syncedMeanwhile = (this.#lastSyncMs.get(peer) ?? Number.NEGATIVE_INFINITY) >= plannedAtMs
      if (!(unlessSyncedMeanwhile && syncedMeanwhile)) this.#inBackground(peer)
    })
    this.#planned.set(peer, timer)
  }

  #inBackground(peer: PeerIdString): void {
    if (this.#stopped || !this.#peers.has(peer)) return
    if (this.#running.size >= SYNCS_AT_ONCE_MAX) {
      this.plan(peer)
      return
    }
    this.sync(peer).catch((error: unknown) => {
      if (!this.#stopped) this.#components.logger.debug({ peer, reason: messageOf(error) }, 'shared state: sync failed')
    })
  }

  async #sync(peer: PeerIdString): Promise<void> {
    const { carrier, gate, verified, onNews, onConflict } = this.#components
    const before = carrier.digest()
    let answer = decodeSync(
      await this.#call(peer, SYNC, encodeSync({ digests: this.#digests(), stateVector: carrier.stateVector() })),
    )
    let refused = false
    try {
      if (answer.update !== undefined) carrier.apply(answer.update)
    } catch (error) {
      refused = true
      gate.offend(peer, error)
      if (error instanceof StateConflictError) onConflict()
    }
    if (!isSame(before, carrier.digest())) onNews()
    if (!refused && answer.stateVector !== undefined && !isSame(carrier.digest(), answer.digests.document)) {
      answer = await this.#give(peer, answer.stateVector)
    }
    this.#lastSyncMs.set(peer, this.#components.clock.monotonicMs())
    await verified()
    const agreed = isSame(carrier.digest(), answer.digests.document)
    if ((agreed || refused) && !isSame(this.#digests().records, answer.digests.records)) await this.#fetchRecords(peer)
  }

  async #give(peer: PeerIdString, stateVector: Uint8Array): Promise<{ digests: Digests }> {
    const { stored } = this.#components
    await stored()
    const update = this.#encodeFor(stateVector)
    return decodeSync(await this.#call(peer, SYNC, encodeSync({ digests: this.#digests(), update })))
  }

  async #fetchRecords(peer: PeerIdString): Promise<void> {
    const { table, offer, verified, gate } = this.#components
    const known = [...table.all()].map(({ id, record: { epoch, seq } }) => ({ id, epoch, seq }))
    const answer = await this.#call(peer, RECORDS, encodeKnown(known))
    try {
      for (const { id, bytes } of decodeRecords(answer)) offer(id, bytes)
    } catch (error) {
      gate.offend(peer, error)
    }
    await verified()
  }

  async #call(peer: PeerIdString, method: string, payload: Uint8Array): Promise<Uint8Array> {
    const answer = await this.#components.plane.call(peer, method, payload, {
      deadlineMs: this.#init.timeoutMs,
      signal: this.#abort.signal,
    })
    if (answer.length > SYNC_BYTES_MAX) throw new StateRejectedError('an answer is over its bound')
    return answer
  }

  #handler(answer: (payload: Uint8Array, peer: PeerIdString) => Promise<Uint8Array>): CallHandler {
    return async ({ peer, payload }) => {
      if (this.#stopped) throw new StoppedError('the shared state is stopped')
      const { gate } = this.#components
      gate.admit(peer)
      try {
        return await answer(payload, peer)
      } catch (error) {
        if (error instanceof StateRejectedError || error instanceof StateConflictError) gate.offend(peer, error)
        throw error
      }
    }
  }

  async #answerSync(peer: PeerIdString, payload: Uint8Array): Promise<Uint8Array> {
    const { carrier, clock, stored, onNews } = this.#components
    if (payload.length > SYNC_BYTES_MAX) throw new StateRejectedError('a sync request is over its bound')
    const { digests, stateVector, update } = decodeSync(payload)
    this.#lastSyncMs.set(peer, clock.monotonicMs())
    if (update !== undefined) {
      const before = carrier.digest()
      carrier.apply(update)
      if (!isSame(before, carrier.digest())) onNews()
    }
    await stored()
    if (stateVector === undefined || isSame(digests.document, carrier.digest())) return encodeSync({ digests: this.#digests() })
    return encodeSync({ digests: this.#digests(), update: this.#encodeFor(stateVector), stateVector: carrier.stateVector() })
  }

  #answerRecords(payload: Uint8Array): Uint8Array {
    if (payload.length > REQUEST_BYTES_MAX) throw new StateRejectedError('a records request is over its bound')
    const known = decodeKnown(payload)
    const records: { id: RecordId; bytes: Uint8Array }[] = []
    let size = 0
    for (const { id, record, bytes } of this.#components.table.all()) {
      const theirs = known.get(id)
      if (theirs !== undefined && (theirs.epoch > record.epoch || (theirs.epoch === record.epoch && theirs.seq >= record.seq)))
        continue
      if (size + bytes.length > RECORDS_ANSWER_BYTES_MAX) break
      size += bytes.length
      records.push({ id, bytes })
    }
    return encodeRecords(records)
  }

  #encodeFor(stateVector: Uint8Array): Uint8Array {
    if (stateVector.length > REQUEST_BYTES_MAX) throw new StateRejectedError('a state vector is over its bound')
    try {
      return this.#components.carrier.encode(stateVector)
    } catch (cause) {
      throw new StateRejectedError('a state vector is cut short or garbled', { cause })
    }
  }

  #digests(): Digests {
    return { document: this.#components.carrier.digest(), records: this.#components.table.digest() }
  }

  #armPeriodic(): void {
    if (this.#stopped) return
    const { clock, random } = this.#components
    const delayMs = this.#init.intervalMs * (1 - JITTER + 2 * JITTER * random.next())
    this.#periodic = clock.after(delayMs, () => {
      const peers = [...this.#peers]
      for (let left = Math.min(SYNC_FANOUT, peers.length); left > 0; left--) {
        const [peer] = peers.splice(Math.floor(random.next() * peers.length), 1)
        if (peer !== undefined) this.#inBackground(peer)
      }
      this.#armPeriodic()
    })
  }
}
