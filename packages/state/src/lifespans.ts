import type { Clock, PeerIdString, Timer } from '@vsmcp/kernel'
import { LIFE_DEFAULT_MS, SWEEP_MAX_MS, SWEEP_MIN_MS } from './constants.ts'
import type { Envelope } from './envelope.ts'

export interface LifespansComponents {
  self: PeerIdString
  clock: Clock
  all: () => Iterable<Envelope>
  /** Time went on: called at each look, before the others. */
  onLook: () => void
  onEnded: (envelope: Envelope) => void
  /** Half of the life of a record of this node is over. */
  onRenewalDue: (envelope: Envelope) => void
}

/** Looks for records that end or are to be renewed, when the first of them does and once an hour. */
export class Lifespans {
  readonly #components: LifespansComponents
  #timer: Timer | undefined
  #nextAtMs = Number.POSITIVE_INFINITY
  #stopped = false

  constructor(components: LifespansComponents) {
    this.#components = components
  }

  look(): void {
    const { clock, all, onLook, onEnded, onRenewalDue } = this.#components
    const now = clock.wallMs()
    this.#nextAtMs = Number.POSITIVE_INFINITY
    onLook()
    let nextAtMs = now + SWEEP_MAX_MS
    for (const envelope of all()) {
      const { expiresAtMs } = envelope.record
      if (expiresAtMs <= now) onEnded(envelope)
      else nextAtMs = Math.min(nextAtMs, expiresAtMs)
      const renewAtMs = this.#renewAtMs(envelope)
      if (renewAtMs <= now) onRenewalDue(envelope)
      else nextAtMs = Math.min(nextAtMs, renewAtMs)
    }
    this.#lookAt(nextAtMs)
  }

  /** A record came that may end before all others. */
  notice({ record }: Envelope): void {
    this.#lookAt(record.expiresAtMs)
  }

  stop(): void {
    this.#stopped = true
    this.#timer?.cancel()
  }

  #renewAtMs({ record, removed, renewed }: Envelope): number {
    const isOurs = record.writer === this.#components.self && renewed && !removed
    return isOurs ? record.expiresAtMs - LIFE_DEFAULT_MS / 2 : Number.POSITIVE_INFINITY
  }

  #lookAt(atMs: number): void {
    if (this.#stopped || atMs >= this.#nextAtMs) return
    const { clock } = this.#components
    this.#nextAtMs = atMs
    this.#timer?.cancel()
    const delayMs = Math.min(SWEEP_MAX_MS, Math.max(SWEEP_MIN_MS, atMs - clock.wallMs()))
    this.#timer = clock.after(delayMs, () => this.look())
  }
}
