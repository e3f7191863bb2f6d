import type { Clock, Timer } from '@vsmcp/kernel'
import { PINGS_PER_SILENCE } from './constants.ts'

/** What the keepalive needs of a connection. */
export interface Watched {
  readonly heardAtMs: number
  readonly link: { ping(): void }
  heard(): void
  abort(reason: 'silent', why: string): void
}

/**
 * Finds connections that died without a word: TCP tells of a closed socket at once, of a cut cable after minutes. Whoever
 * has been silent for a while is pinged; whoever stays silent is let go.
 */
export class Keepalive {
  readonly #silenceMs: number
  readonly #clock: Clock
  readonly #sessions: () => Iterable<Watched>
  readonly #onTick: () => void
  #timer: Timer | undefined
  #tickedAtMs = 0

  /** @param onTick called with every round, for other upkeep at the same pace */
  constructor(silenceMs: number, clock: Clock, sessions: () => Iterable<Watched>, onTick: () => void) {
    this.#silenceMs = silenceMs
    this.#clock = clock
    this.#sessions = sessions
    this.#onTick = onTick
  }

  start(): void {
    this.#tickedAtMs = this.#clock.monotonicMs()
    this.#timer = this.#clock.every(this.#periodMs, () => this.#tick())
  }

  stop(): void {
    this.#timer?.cancel()
  }

  get #periodMs(): number {
    return this.#silenceMs / PINGS_PER_SILENCE
  }

  #tick(): void {
    const nowMs = this.#clock.monotonicMs()
    // this process stood still (a suspended laptop, a long pause): what came meanwhile has not been read yet
    const stalled = nowMs - this.#tickedAtMs > 2 * this.#periodMs
    this.#tickedAtMs = nowMs
    for (const session of this.#sessions()) {
      if (stalled) session.heard()
      const silentMs = nowMs - session.heardAtMs
      if (silentMs > this.#silenceMs) session.abort('silent', `nothing heard for ${Math.round(silentMs)} ms`)
      else if (silentMs >= this.#periodMs || stalled) session.link.ping()
    }
    this.#onTick()
  }
}
